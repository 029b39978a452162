package fhir

import (
	"context"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/store"
)

// ValidateRequest is a $validate: https://hl7.org/fhir/R4/resource-operation-validate.html
type ValidateRequest struct {
	Type, ID string // as in the address; ID "" at type level
	// Resource is judged; nil judges what is stored under the address.
	Resource *resources.Document
	Mode     string // "", create, update, delete or profile
	Profile  string // canonical URL; "" for none
}

var validateOperation = Operation{
	Name: "validate", Definition: "http://hl7.org/fhir/OperationDefinition/Resource-validate",
	Levels: LevelType | LevelInstance,
	Parameters: []OperationParameter{
		{Name: "resource", Type: "Resource"}, {Name: "mode", Type: "code"}, {Name: "profile", Type: "uri"},
	},
	Handler: callValidate,
}

func callValidate(ctx context.Context, s *Service, call OperationRequest) (OperationResult, error) {
	resource, err := call.Resource("resource")
	if err != nil {
		return OperationResult{}, err
	}
	issues, err := s.Validate(ctx, ValidateRequest{
		Type: call.Type, ID: call.ID, Resource: resource, Mode: call.Text("mode"), Profile: call.Text("profile"),
	})
	if call.hasParameters() {
		issues = withoutPositions(issues) // of the resource by itself, which nobody sent
	}
	return OperationResult{Resource: outcome.JSON(issues)}, err
}

// Validate judges a resource without writing it. What is wrong with it is not an error: it is in the
// issues. Errors: not-found; not-supported for an unknown mode; required where there is nothing
// to judge.
func (s *Service) Validate(ctx context.Context, request ValidateRequest) ([]outcome.Issue, error) {
	mode, ok := validateModes[request.Mode]
	if !ok {
		return nil, outcome.New(outcome.Value, "The mode is %q; expected create, update, delete or profile.", clip(request.Mode)).In(outcome.StageSyntax)
	}
	if request.Mode == "profile" && request.Profile == "" {
		return nil, outcome.New(outcome.Required, "The mode profile needs the parameter profile.").In(outcome.StageSyntax)
	}
	doc := request.Resource
	if doc == nil && request.Mode != "delete" {
		stored, err := s.storedForValidate(ctx, request)
		if err != nil {
			return nil, err
		}
		doc = stored
	}
	var issues []outcome.Issue
	if doc != nil {
		var err error
		if issues, err = s.validateContent(ctx, doc, request); err != nil {
			return nil, err
		}
	}
	if mode != nil {
		more, err := mode(ctx, s, doc, request)
		if err != nil {
			return nil, err
		}
		issues = append(issues, more...)
	}
	return issues, nil
}

// storedForValidate is what is judged at instance level when nothing is sent.
func (s *Service) storedForValidate(ctx context.Context, request ValidateRequest) (*resources.Document, error) {
	if request.ID == "" {
		return nil, outcome.New(outcome.Required, "There is no resource to validate; send one, bare or as the parameter resource.").In(outcome.StageSyntax)
	}
	v, err := s.Read(ctx, store.Key{Type: request.Type, ID: request.ID})
	if err != nil {
		return nil, err
	}
	return resources.Parse(v.Body)
}

func (s *Service) validateContent(ctx context.Context, doc *resources.Document, request ValidateRequest) ([]outcome.Issue, error) {
	element, err := doc.Resource()
	if err != nil {
		return nil, err
	}
	var issues []outcome.Issue
	if name := element.Type().Name; name != request.Type {
		issues = append(issues, failed(outcome.Invalid, "The resource is of the type "+name+"; the address asks for "+request.Type+".", name))
	}
	if s.options.Validator != nil {
		issues = append(issues, s.options.Validator.Validate(ctx, element)...)
	}
	issues = append(issues, s.definitionIssues(element, doc.Text(doc.Member(0, "id")))...)
	return append(issues, s.validateProfile(ctx, element, request.Profile)...), nil
}

// validateProfile judges by a profile. That of a type itself holds nothing that was not checked.
func (s *Service) validateProfile(ctx context.Context, element resources.Element, profile string) []outcome.Issue {
	if profile == "" {
		return nil
	}
	if name, ok := strings.CutPrefix(profile, "http://hl7.org/fhir/StructureDefinition/"); ok && definitions.R4().Type(name) != nil {
		if element.Type().Is(name) {
			return nil
		}
		return []outcome.Issue{failed(outcome.Invalid, "The resource is of the type "+element.Type().Name+", not "+name+".", element.Type().Name)}
	}
	if p, ok := s.options.Validator.(ProfileValidator); ok {
		return p.ValidateProfile(ctx, element, profile)
	}
	return []outcome.Issue{failed(outcome.NotSupported, "The profile "+clip(profile)+" is not known here.", element.Type().Name)}
}

func failed(code outcome.Code, sentence, expression string) outcome.Issue {
	issue := outcome.Issue{Severity: outcome.SeverityError, Code: code, Diagnostics: sentence}
	if expression != "" {
		issue.Expression = []string{expression}
	}
	return issue
}

// validateModes are what beside the content decides whether the interaction would be accepted.
// https://hl7.org/fhir/R4/valueset-resource-validation-mode.html
var validateModes = map[string]func(ctx context.Context, s *Service, doc *resources.Document, request ValidateRequest) ([]outcome.Issue, error){
	"":        nil,
	"profile": nil,
	"create":  nil,
	"update":  validateUpdate,
	"delete":  validateDelete,
}

func validateUpdate(_ context.Context, _ *Service, doc *resources.Document, request ValidateRequest) ([]outcome.Issue, error) {
	id := doc.Text(doc.Member(0, "id"))
	switch {
	case id == "":
		return []outcome.Issue{failed(outcome.Required, "The resource has no id, which an update needs.", request.Type+".id")}, nil
	case request.ID != "" && id != request.ID:
		return []outcome.Issue{failed(outcome.Invalid, "The id of the resource differs from that of the address.", request.Type+".id")}, nil
	}
	return nil, nil
}

// validateDelete asks whether the stored resource may be deleted.
func validateDelete(ctx context.Context, s *Service, _ *resources.Document, request ValidateRequest) ([]outcome.Issue, error) {
	if request.ID == "" {
		return nil, outcome.New(outcome.Required, "The mode delete is for one resource: call $validate at its address.").In(outcome.StageSyntax)
	}
	key := store.Key{Type: request.Type, ID: request.ID}
	if _, err := s.Read(ctx, key); err != nil {
		return nil, err
	}
	a := &attempt{service: s, reader: s.store, tx: store.Transaction{Changes: []store.Change{{Key: key, Method: store.Delete}}}, owners: []*write{{}}}
	err := a.checkIntegrity(ctx)
	if outcome.Is(err, outcome.Conflict) {
		return outcome.As(err).Issues, nil
	}
	return nil, refusal(err, key)
}
