package fhir

import (
	"context"

	"kiln/resources"
	"kiln/resources/outcome"
)

// ValidateRequest is a $validate: https://hl7.org/fhir/R4/resource-operation-validate.html
type ValidateRequest struct {
	Type, ID string // as in the address; ID "" at type level
	// Resource is judged; nil judges what is stored under the address.
	Resource *resources.Document
	Mode     string // "", create, update or delete
	Profile  string // canonical URL; "" for none
}

// Validate judges a resource without writing it. What is wrong with it is not an error: it is in the
// issues. Errors: not-found; not-supported for an unknown mode or a profile where profiles are
// not known.
func (s *Service) Validate(ctx context.Context, request ValidateRequest) ([]outcome.Issue, error) {
	return nil, unfinished(Operate)
}
