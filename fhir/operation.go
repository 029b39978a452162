package fhir

import (
	"context"
	"slices"

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
	// Shows says that GET calls it even so, and then only tells what POST has begun.
	Shows bool
	// Parameters are what goes in. GET may state those of primitive types in the query string.
	Parameters []OperationParameter
	// Handler answers a call whose level and method are right and which may be made.
	Handler func(ctx context.Context, s *Service, call OperationRequest) (OperationResult, error)
}

// OperationParameter describes what goes in.
type OperationParameter struct {
	Name     string
	Type     string // "string", "uri", "Resource" …
	Required bool
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

// operationTable lists Kiln's own operations and those given.
func operationTable(more []Operation) []Operation {
	table := []Operation{validateOperation, fhirpathOperation, reindexOperation}
	for _, o := range more {
		if i := slices.IndexFunc(table, func(own Operation) bool { return own.Name == o.Name }); i >= 0 {
			table[i] = o
		} else {
			table = append(table, o)
		}
	}
	return table
}

// Operations lists the operations there are. The slice is shared and must not be changed.
func (s *Service) Operations() []Operation { return s.operations }

func (s *Service) operation(name string) *Operation {
	for i := range s.operations {
		if s.operations[i].Name == name {
			return &s.operations[i]
		}
	}
	return nil
}

// Operate calls an operation. Errors: not-supported for one that is not there or not at this
// level; not-supported (stage method) for GET of one that changes something; those of the operation.
func (s *Service) Operate(ctx context.Context, request OperationRequest) (OperationResult, error) {
	o := s.operation(request.Name)
	if o == nil || !o.at(request) {
		return OperationResult{}, noOperation(request.Name)
	}
	if o.AffectsState && !o.Shows && !request.Post {
		return OperationResult{}, outcome.New(outcome.NotSupported, "The operation $%s changes something; call it by POST.", o.Name).In(outcome.StageMethod)
	}
	if _, err := s.allow(ctx, Action{Interaction: Operate, Operation: o.Name, Type: request.Type, ID: request.ID}); err != nil {
		return OperationResult{}, err
	}
	return o.Handler(ctx, s, request)
}

func noOperation(name string) error {
	return outcome.New(outcome.NotSupported, "There is no operation $%s at this address.", clip(name))
}

// at reports whether the operation is offered at the level and type of a call.
func (o *Operation) at(call OperationRequest) bool {
	level := LevelInstance
	switch {
	case call.Type == "":
		level = LevelSystem
	case call.ID == "":
		level = LevelType
	}
	return o.Levels&level != 0 && (level == LevelSystem || len(o.Types) == 0 || slices.Contains(o.Types, call.Type))
}

// Parameter gives what was sent under a name: an element of Parameters.parameter, whose value or
// resource is what is meant; false without one.
func (r OperationRequest) Parameter(name string) (resources.Element, bool) {
	if !r.hasParameters() {
		return resources.Element{}, false
	}
	root, err := r.Body.Resource()
	if err != nil {
		return resources.Element{}, false
	}
	for p := range root.Child("parameter") {
		if p.First("name").Text() == name {
			return p, true
		}
	}
	return resources.Element{}, false
}

func (r OperationRequest) hasParameters() bool {
	return r.Body != nil && r.Body.Text(r.Body.Member(0, "resourceType")) == "Parameters"
}

// Text is the value of a primitive parameter, from the Parameters sent or the query string; empty
// without one.
func (r OperationRequest) Text(name string) string {
	if p, ok := r.Parameter(name); ok {
		return p.First("value").Text()
	}
	return parameter(r.Query, name)
}

// Resource is the resource sent under a name, or as the whole body; nil without one. It is a
// document of its own, so that places in it are those of the resource.
func (r OperationRequest) Resource(name string) (*resources.Document, error) {
	if r.Body != nil && !r.hasParameters() {
		return r.Body, nil
	}
	p, ok := r.Parameter(name)
	if !ok {
		return nil, nil
	}
	n := p.First("resource").Node()
	if p.First("resource").IsZero() || n == resources.None {
		return nil, nil
	}
	return resources.Parse(r.Body.AppendCompact(nil, n))
}
