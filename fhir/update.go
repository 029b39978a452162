package fhir

import (
	"context"

	"kiln/resources"
	"kiln/store"
)

// UpdateRequest is an update: https://hl7.org/fhir/R4/http.html#update
type UpdateRequest struct {
	// Key is the address. Without an ID the target is found by Criteria:
	// https://hl7.org/fhir/R4/http.html#cond-update
	Key store.Key
	// Criteria is the raw query string of a conditional update.
	Criteria string
	Resource *resources.Document
	// IfMatch must name the current version; IfNoneMatch must not ("*": there must be none).
	IfMatch, IfNoneMatch Match
	// Provenance is as for CreateRequest.
	Provenance *resources.Document
}

// Update stores a new version, creating the resource where there is none or it is deleted. Content
// that equals what is stored makes no version: Changed is not set. Errors: invalid (stage
// syntax) when the ids of address and body differ; conflict (stage precondition) when IfMatch or
// IfNoneMatch does not hold; multiple-matches (stage precondition).
func (s *Service) Update(ctx context.Context, request UpdateRequest) (Result, error) {
	return Result{}, unfinished(Update)
}
