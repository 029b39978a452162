package fhir

import (
	"context"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// PatchRequest is a patch: https://hl7.org/fhir/R4/http.html#patch
type PatchRequest struct {
	// Key is the address. Without an ID the target is found by Criteria.
	Key      store.Key
	Criteria string
	// ContentType is the media type of Body without parameters: application/json-patch+json,
	// application/merge-patch+json, application/xml-patch+xml, or application/fhir+json for a
	// Parameters resource with a FHIRPath patch (XML is made JSON before it comes here).
	ContentType string
	Body        []byte
	IfMatch     Match
	// Provenance is as for CreateRequest.
	Provenance *resources.Document
	// Warnings asks for what validation remarks without refusing.
	Warnings bool
}

// Patch changes parts of a resource. Without IfMatch a patch that lost a race is applied again to
// the newer version. Errors: not-found, deleted; not-supported (stage unsupported media) for
// another ContentType; conflict (stage precondition) when IfMatch does not hold;
// multiple-matches (stage precondition); invalid for a patch that cannot be read; processing
// (stage content) for one that cannot be applied, and whatever validation says of its result.
func (s *Service) Patch(ctx context.Context, request PatchRequest) (Result, error) {
	w := &write{interaction: Patch, address: request.Key, match: request.IfMatch, warnings: request.Warnings}
	var err error
	if w.address.ID == "" {
		w.criteria, err = s.criteria(ctx, w.address.Type, request.Criteria)
	}
	if err == nil {
		w.patch, err = readPatch(request.ContentType, request.Body)
	}
	if err == nil {
		err = s.land(ctx, request.Provenance, w)
	}
	return w.result, err
}

func (a *attempt) findPatch(ctx context.Context, w *write) error {
	key := w.address
	if w.criteria != nil {
		found, err := a.search(ctx, w, 2)
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return outcome.New(outcome.NotFound, "No %s meets the criteria.", clip(key.Type))
		case len(found) > 1:
			return several(key.Type)
		}
		key = found[0].Key
	}
	if err := a.open(ctx, w, key); err != nil {
		return err
	}
	switch {
	case w.exists():
		return w.holds()
	case w.current.Deleted():
		return refusal(&store.GoneError{Tombstone: w.current}, key)
	}
	return notFound(key)
}

func (a *attempt) makePatch(ctx context.Context, w *write) error {
	stored, err := resources.Parse(w.current.Body)
	if err != nil {
		return err
	}
	patched, err := w.patch.Apply(ctx, stored)
	if err != nil {
		return err
	}
	same, err := a.unchanged(ctx, w, patched)
	if err != nil || same {
		return err
	}
	return a.put(ctx, w, patched, store.Patch)
}
