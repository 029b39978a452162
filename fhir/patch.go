package fhir

import (
	"context"

	"kiln/resources"
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
}

// Patch changes parts of a resource. Without IfMatch a patch that lost a race is applied again to
// the newer version. Errors: not-found, deleted; not-supported (stage unsupported media) for
// another ContentType; conflict (stage precondition) when IfMatch does not hold;
// multiple-matches (stage precondition); invalid for a patch that cannot be read; processing
// (stage content) for one that cannot be applied, and whatever validation says of its result.
func (s *Service) Patch(ctx context.Context, request PatchRequest) (Result, error) {
	return Result{}, unfinished(Patch)
}
