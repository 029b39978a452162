package fhir

import (
	"context"

	"kiln/resources"
)

// CreateRequest is a create: https://hl7.org/fhir/R4/http.html#create
type CreateRequest struct {
	// Type is the type in the address; the resource must be of it.
	Type string
	// Resource is what to store. Its id is ignored: the server chooses one.
	Resource *resources.Document
	// IfNoneExist are criteria as a query string, as in the header If-None-Exist; empty: none.
	IfNoneExist string
	// Provenance is the content of X-Provenance; nil: none. It is stored in the same transaction, with
	// what was written as its target.
	Provenance *resources.Document
}

// Create stores a new resource, or with IfNoneExist finds the one that meets the criteria: then
// neither Created nor Changed is set. Errors: multiple-matches (stage precondition) when several
// meet them; invalid content with all its problems.
func (s *Service) Create(ctx context.Context, request CreateRequest) (Result, error) {
	return Result{}, unfinished(Create)
}
