package fhir

import (
	"context"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
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
	// Status is the HTTP status of a refused entry of a batch. Nil: 400 for all.
	Status func(*outcome.Error) int
	// Records are written in the commit of a transaction, so that whoever sends it can keep account
	// of what went in: both are there or neither. A batch leaves them out.
	Records []store.RecordChange
}

// Process does a batch or a transaction: https://hl7.org/fhir/R4/http.html#transaction
// The answer is a Bundle of type batch-response or transaction-response with an entry for each of
// the request's, in their order. A transaction lands whole or not at all, and its refusal names
// the entry (Bundle.entry[3]…); entries of a batch stand alone and carry their refusals.
func (s *Service) Process(ctx context.Context, request BundleRequest) (*Bundle, error) {
	p := &process{service: s, request: request, doc: request.Bundle}
	interaction, err := p.kind()
	if err != nil {
		return nil, err
	}
	if _, err := s.allow(ctx, Action{Interaction: interaction}); err != nil {
		return nil, err
	}
	if err := p.readEntries(); err != nil {
		return nil, err
	}
	if interaction == Batch {
		err = p.batch(ctx)
	} else {
		err = p.transaction(ctx)
	}
	if err == nil {
		err = p.settle(p.landed)
	}
	if err != nil {
		return nil, err
	}
	return &Bundle{Type: string(interaction) + "-response", Entries: p.answers()}, nil
}

// process is one batch or transaction.
type process struct {
	service *Service
	request BundleRequest
	doc     *resources.Document
	entries []*entry
	landed  map[store.Key]store.Version // of a transaction
}

func (p *process) kind() (Interaction, error) {
	if p.doc == nil {
		return "", invalid("The request has no Bundle.")
	}
	bundle, err := p.doc.Resource()
	if err != nil {
		return "", err
	}
	if bundle.Type().Name != "Bundle" {
		return "", invalid("The resource is of the type %s; the base address takes a Bundle of type batch or transaction.", bundle.Type().Name)
	}
	switch kind := p.doc.Text(p.doc.Member(0, "type")); kind {
	case "batch":
		return Batch, nil
	case "transaction":
		return Transaction, nil
	default:
		return "", outcome.New(outcome.Value, "The type of the Bundle is %q; expected batch or transaction.", clip(kind)).At("Bundle.type").In(outcome.StageSyntax)
	}
}

// body is the resource of an entry as a document of its own, with edits done.
func (p *process) body(e *entry, edits []resources.Edit) (*resources.Document, error) {
	size := len(p.doc.Raw(e.resource)) + 64*len(edits)
	return resources.Parse(p.doc.AppendCompact(make([]byte, 0, size), e.resource, edits...))
}
