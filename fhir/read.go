package fhir

import (
	"context"
	"errors"

	"kiln/resources/outcome"
	"kiln/store"
)

// Read returns the current version of a resource: https://hl7.org/fhir/R4/http.html#read
// Errors: not-found; deleted, with the tombstone as the cause (*store.GoneError).
func (s *Service) Read(ctx context.Context, key store.Key) (store.Version, error) {
	return s.read(ctx, s.store, key)
}

func (s *Service) read(ctx context.Context, reader store.Reader, key store.Key) (store.Version, error) {
	reach, err := s.allow(ctx, Action{Interaction: Read, Type: key.Type, ID: key.ID})
	if err != nil {
		return store.Version{}, err
	}
	v, err := reader.Read(ctx, key)
	var gone *store.GoneError
	if errors.As(err, &gone) {
		v = gone.Tombstone
	} else if err != nil {
		return store.Version{}, refusal(err, key)
	}
	return s.shown(ctx, reader, reach, v, err, notFound(key))
}

// ReadVersion returns one version: https://hl7.org/fhir/R4/http.html#vread
// Errors: not-found; deleted when that very version is a tombstone, which is the cause.
func (s *Service) ReadVersion(ctx context.Context, key store.Key, version int64) (store.Version, error) {
	return s.readVersion(ctx, s.store, key, version)
}

func (s *Service) readVersion(ctx context.Context, reader store.Reader, key store.Key, version int64) (store.Version, error) {
	reach, err := s.allow(ctx, Action{Interaction: VRead, Type: key.Type, ID: key.ID})
	if err != nil {
		return store.Version{}, err
	}
	v, err := reader.ReadVersion(ctx, key, version)
	missing := outcome.New(outcome.NotFound, "There is no version %d of %s.", version, clipped(key))
	if errors.Is(err, store.ErrNotFound) {
		return store.Version{}, missing
	}
	if err != nil {
		return store.Version{}, refusal(err, key)
	}
	if v.Deleted() {
		err = &store.GoneError{Tombstone: v}
	}
	return s.shown(ctx, reader, reach, v, err, missing)
}

// shown gives a version, or the error that goes with it, to a caller who may see it; others hear the same
// as where there is none.
func (s *Service) shown(ctx context.Context, reader store.Reader, reach reach, v store.Version, err error, missing *outcome.Error) (store.Version, error) {
	admitted, problem := s.admits(ctx, reader, reach, v)
	switch {
	case problem != nil:
		return store.Version{}, refusal(problem, v.Key)
	case !admitted:
		return store.Version{}, missing
	case err != nil:
		return store.Version{}, refusal(err, v.Key)
	}
	return v, reach.verify(ctx, v)
}

// current reads the newest version of a resource, tombstones included; VersionID is 0 where there
// never was one.
func current(ctx context.Context, reader store.Reader, key store.Key) (store.Version, error) {
	v, err := reader.Read(ctx, key)
	var gone *store.GoneError
	switch {
	case errors.As(err, &gone):
		return gone.Tombstone, nil
	case errors.Is(err, store.ErrNotFound):
		return store.Version{Key: key}, nil
	}
	return v, err
}

// absent reports whether an error of the store says that there is no such resource now.
func absent(err error) bool {
	var gone *store.GoneError
	return errors.Is(err, store.ErrNotFound) || errors.As(err, &gone)
}
