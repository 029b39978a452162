package fhir

import (
	"context"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// DeleteRequest is a delete: https://hl7.org/fhir/R4/http.html#delete
type DeleteRequest struct {
	// Key is the address. Without an ID the targets are found by Criteria:
	// https://hl7.org/fhir/R4/http.html#3.1.0.7.1
	Key store.Key
	// Criteria is a raw query string. Several matches are refused unless _count says how many may
	// be deleted.
	Criteria string
	IfMatch  Match
	// Provenance is as for CreateRequest.
	Provenance *resources.Document
}

// Deletion is what a delete came to.
type Deletion struct {
	// Tombstones are the versions that it made; none where there was nothing to delete.
	Tombstones []store.Version
	Issues     []outcome.Issue
}

// Delete deletes resources. What does not exist or is deleted already is no error and makes no
// tombstone. Errors: conflict when something still refers to the resource, saying how many do;
// conflict (stage precondition) when IfMatch does not hold; multiple-matches (stage
// precondition) when several meet the criteria.
func (s *Service) Delete(ctx context.Context, request DeleteRequest) (Deletion, error) {
	return Deletion{}, unfinished(Delete)
}
