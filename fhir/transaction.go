package fhir

import (
	"context"

	"kiln/resources"
)

// Return is what the caller wants to see of what was written (Prefer: return=…):
// https://hl7.org/fhir/R4/http.html#ops
type Return uint8

// The values of Return.
const (
	ReturnMinimal Return = iota
	ReturnRepresentation
	ReturnOutcome
)

// BundleRequest is a batch or a transaction, as Bundle.type says.
type BundleRequest struct {
	Bundle *resources.Document
	// Return and Lenient hold for every entry.
	Return  Return
	Lenient bool
	// Provenance is as for CreateRequest; of a transaction it targets everything that was written.
	Provenance *resources.Document
}

// Process does a batch or a transaction: https://hl7.org/fhir/R4/http.html#transaction
// The answer is a Bundle of type batch-response or transaction-response with an entry for each of
// the request's, in their order. A transaction lands whole or not at all, and its refusal names
// the entry (Bundle.entry[3]…); entries of a batch stand alone and carry their refusals.
func (s *Service) Process(ctx context.Context, request BundleRequest) (*Bundle, error) {
	return nil, unfinished(Transaction)
}
