package fhir

import (
	"context"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// Operation is one row of the operation table: https://hl7.org/fhir/R4/operations.html
type Operation struct {
	Name         string // without the $
	Definition   string // canonical URL of its OperationDefinition
	Levels       Level
	Types        []string // for LevelType and LevelInstance; none: every type
	AffectsState bool     // then GET does not call it
	Parameters   []OperationParameter
	Handler      func(ctx context.Context, s *Service, call OperationRequest) (OperationResult, error)
}

// OperationParameter describes what goes in; it is what GET may state in the query string.
type OperationParameter struct {
	Name, Type string
	Required   bool
}

// OperationRequest is a call. Type and ID are those of the address, empty above their level.
type OperationRequest struct {
	Name     string // without the $
	Type, ID string
	// Query is the raw query string; Body the resource sent, nil for GET. Post tells POST from GET.
	Query string
	Body  *resources.Document
	Post  bool
}

// OperationResult is the answer: one resource as JSON.
type OperationResult struct {
	Resource []byte
	// Version is set where the resource is a stored version, for its headers.
	Version *store.Version
}

// Operate calls an operation. Errors: not-supported for one that is not there or not at this
// level; not-supported (stage method) for GET of one that changes something; those of the operation.
func (s *Service) Operate(ctx context.Context, request OperationRequest) (OperationResult, error) {
	return OperationResult{}, unfinished(Operate)
}

// Operations lists the operations there are. The slice is shared and must not be changed.
func (s *Service) Operations() []Operation { return nil }

func unfinished(i Interaction) error {
	return outcome.New(outcome.NotSupported, "The interaction %s is not offered.", string(i))
}
