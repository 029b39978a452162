package fhir

import (
	"context"

	"kiln/store"
)

// Read returns the current version of a resource: https://hl7.org/fhir/R4/http.html#read
// Errors: not-found; deleted, with the tombstone as the cause (*store.GoneError).
func (s *Service) Read(ctx context.Context, key store.Key) (store.Version, error) {
	return store.Version{}, unfinished(Read)
}

// ReadVersion returns one version: https://hl7.org/fhir/R4/http.html#vread
// Errors: as for Read; deleted when that very version is a tombstone.
func (s *Service) ReadVersion(ctx context.Context, key store.Key, version int64) (store.Version, error) {
	return store.Version{}, unfinished(VRead)
}
