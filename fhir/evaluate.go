package fhir

import (
	"context"
	"errors"
	"strings"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// fhirpathOperation evaluates FHIRPath as the FHIRPath Lab asks for it
// (https://github.com/brianpos/fhirpath-lab/blob/master/server-api.md): expression and resource, and
// if given context, variables and validate, in one Parameters resource; the results in another.
// Nothing is fetched, and time, steps and sizes are limited.
var fhirpathOperation = Operation{
	Name: "fhirpath", Levels: LevelSystem,
	Parameters: []OperationParameter{
		{Name: "expression", Type: "string", Required: true},
		{Name: "resource", Type: "Resource", Required: true},
		{Name: "context", Type: "string"},
		{Name: "variables", Type: "BackboneElement"},
		{Name: "validate", Type: "boolean"},
	},
	Handler: callFHIRPath,
}

const (
	pathExtension  = "http://fhir.forms-lab.com/StructureDefinition/resource-path"
	valueExtension = "http://fhir.forms-lab.com/StructureDefinition/json-value"
	// maxEvaluated bounds the answer in bytes.
	maxEvaluated = 32 << 20
)

func callFHIRPath(ctx context.Context, s *Service, call OperationRequest) (OperationResult, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Limits.Evaluation)
	defer cancel()
	x, err := newEvaluation(ctx, s, call)
	if err == nil {
		err = x.run(ctx)
	}
	if err != nil {
		return OperationResult{}, tooCostly(err)
	}
	return OperationResult{Resource: x.answer()}, nil
}

// tooCostly makes the end of a limit 422; a search that is too costly is 403.
func tooCostly(err error) error {
	var refused *outcome.Error
	if errors.As(err, &refused) && refused.Code() == outcome.TooCostly {
		return (&outcome.Error{Issues: refused.Issues}).In(outcome.StageContent).Because(err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return outcome.New(outcome.TooCostly, "The expression took too long.").In(outcome.StageContent).Because(err)
	}
	return err
}

// evaluation is one call.
type evaluation struct {
	call       OperationRequest
	evaluator  string
	expression *fhirpath.Expression
	context    *fhirpath.Expression // nil without
	resource   resources.Element
	env        fhirpath.Environment
	traces     []byte // parts of the result being made
	full       bool   // trace() was given more than the answer may hold
	results    []byte // parameters
}

func newEvaluation(ctx context.Context, s *Service, call OperationRequest) (*evaluation, error) {
	x := &evaluation{call: call, evaluator: "Kiln"}
	if s.options.Version != "" {
		x.evaluator += " " + s.options.Version
	}
	if !call.hasParameters() {
		return nil, invalid("Send a Parameters resource with the parameters expression and resource.")
	}
	var options []fhirpath.Option
	if call.Text("validate") == "true" {
		options = append(options, fhirpath.Strict())
	}
	source := call.Text("expression")
	if source == "" {
		return nil, outcome.New(outcome.Required, "The parameter expression is missing.").In(outcome.StageSyntax)
	}
	var err error
	if x.expression, err = fhirpath.Compile(source, options...); err != nil {
		return nil, err
	}
	if source := call.Text("context"); source != "" {
		if x.context, err = fhirpath.Compile(source, options...); err != nil {
			return nil, err
		}
	}
	if x.resource, err = givenResource(call); err != nil {
		return nil, err
	}
	x.env = fhirpath.Environment{Now: s.options.Now(), Zone: s.options.Zone, Variables: x.variables(), Trace: x.trace, MemberOf: s.terms(ctx, s.store).MemberOf}
	return x, nil
}

// givenResource is the resource to evaluate on: as such, or as JSON text in an extension for what
// is no valid resource.
func givenResource(call OperationRequest) (resources.Element, error) {
	doc, err := call.Resource("resource")
	if err != nil {
		return resources.Element{}, err
	}
	if p, ok := call.Parameter("resource"); ok && doc == nil {
		for extension := range p.Child("extension") {
			if extension.First("url").Text() == valueExtension {
				if doc, err = resources.Parse([]byte(extension.First("value").Text())); err != nil {
					return resources.Element{}, err
				}
			}
		}
	}
	if doc == nil {
		return resources.Element{}, outcome.New(outcome.Required, "The parameter resource is missing; the resource itself is expected, not its address.").In(outcome.StageSyntax)
	}
	return doc.Resource()
}

func (x *evaluation) variables() map[string]fhirpath.Collection {
	given, ok := x.call.Parameter("variables")
	if !ok {
		return nil
	}
	variables := map[string]fhirpath.Collection{}
	for part := range given.Child("part") {
		name := part.First("name").Text()
		for _, from := range [...]string{"value", "resource"} {
			if value := part.First(from); !value.IsZero() {
				variables[name] = fhirpath.Collection{fhirpath.FromElement(value)}
			}
		}
	}
	return variables
}

// run evaluates the expression on each item of the context, or on the resource.
func (x *evaluation) run(ctx context.Context) error {
	if x.context == nil {
		return x.evaluate(ctx, fhirpath.FromElement(x.resource), "")
	}
	items, err := x.context.Evaluate(ctx, x.resource, &x.env)
	if err != nil {
		return err
	}
	x.traces = nil
	for _, item := range items {
		path := item.Path()
		if path == "" {
			path = x.context.Source()
		}
		if err := x.evaluate(ctx, item, path); err != nil {
			return err
		}
	}
	return nil
}

func (x *evaluation) evaluate(ctx context.Context, item fhirpath.Value, path string) error {
	values, err := x.expression.EvaluateCollection(ctx, fhirpath.Collection{item}, &x.env)
	if err != nil {
		return err
	}
	parts, ok := x.parts(values)
	if !ok || x.full {
		return outcome.New(outcome.TooCostly, "The result is larger than %d bytes.", maxEvaluated)
	}
	if len(parts) > 0 && len(x.traces) > 0 {
		parts = append(parts, ',')
	}
	parts = append(parts, x.traces...)
	x.traces = nil
	x.results = append(x.results, `,{"name":"result"`...)
	if path != "" {
		x.results = appendString(append(x.results, `,"valueString":`...), path)
	}
	if len(parts) > 0 {
		x.results = append(append(append(x.results, `,"part":[`...), parts...), ']')
	}
	x.results = append(x.results, '}')
	return nil
}

// parts are the values as parts of the answer; false when the answer would become too large.
func (x *evaluation) parts(values fhirpath.Collection) ([]byte, bool) {
	var parts []byte
	for _, v := range values {
		if len(x.results)+len(x.traces)+len(parts)+written(v) > maxEvaluated {
			return nil, false
		}
		parts = appendPart(parts, v)
	}
	return parts, true
}

// written is about how many bytes a part of the answer with the value has, known before it is made.
func written(v fhirpath.Value) int {
	const names = 256 // of members and types, and the place
	e, ok := v.Element()
	if !ok {
		return names + len(v.Text())
	}
	size := names
	for _, n := range [...]resources.Node{e.Node(), e.Shadow()} {
		if n != resources.None {
			size += len(e.Document().Raw(n))
		}
	}
	return size
}

// trace takes what trace() was given. Once it is too much, the evaluation is refused at its end.
func (x *evaluation) trace(name string, c fhirpath.Collection) {
	parts, ok := x.parts(c)
	if x.full = x.full || !ok || len(x.traces)+len(name) > maxEvaluated; x.full {
		return
	}
	if len(x.traces) > 0 {
		x.traces = append(x.traces, ',')
	}
	x.traces = appendString(append(x.traces, `{"name":"trace","valueString":`...), name)
	if len(parts) > 0 {
		x.traces = append(append(append(x.traces, `,"part":[`...), parts...), ']')
	}
	x.traces = append(x.traces, '}')
}

// answer is the Parameters resource: what was asked, and a result for each item of the context.
func (x *evaluation) answer() []byte {
	b := appendString([]byte(`{"resourceType":"Parameters","id":"fhirpath","parameter":[{"name":"parameters","part":[{"name":"evaluator","valueString":`), x.evaluator)
	b = append(b, '}')
	text := func(name, value string) {
		b = appendString(append(b, `,{"name":`...), name)
		b = append(appendString(append(b, `,"valueString":`...), value), '}')
	}
	if x.context != nil {
		text("context", x.context.Source())
	}
	text("expression", x.expression.Source())
	text("parseDebug", x.expression.String())
	b = append(b, `,{"name":"resource","resource":`...)
	b = x.resource.Document().AppendCompact(b, x.resource.Node())
	b = append(b, '}')
	if variables, ok := x.call.Parameter("variables"); ok {
		b = x.call.Body.AppendCompact(append(b, ','), variables.Node())
	}
	b = append(b, `]}`...)
	b = append(b, x.results...)
	return append(b, `]}`...)
}

// systemTypes are the FHIR types of values that are no elements.
var systemTypes = map[string]string{
	"System.Boolean": "boolean", "System.Integer": "integer", "System.Decimal": "decimal", "System.String": "string",
	"System.Date": "date", "System.DateTime": "dateTime", "System.Time": "time", "System.Quantity": "Quantity",
}

// appendPart appends one value as a part of the answer, named by its type, with its place.
func appendPart(b []byte, v fhirpath.Value) []byte {
	if len(b) > 0 {
		b = append(b, ',')
	}
	e, isElement := v.Element()
	if !isElement {
		return appendSystemPart(b, v)
	}
	name := "unknown"
	if t := e.Type(); t != nil {
		name = t.Name
		if t.Kind == definitions.KindBackbone {
			name = "BackboneElement"
		}
	}
	b = appendString(append(b, `{"name":`...), name)
	if path := e.Path(); path != "" {
		b = appendExtension(b, pathExtension, path, e)
	}
	b = appendValue(b, e)
	return append(b, '}')
}

// appendExtension appends the place of a value, and the value itself as text where Parameters has
// no element for its type.
func appendExtension(b []byte, url, path string, e resources.Element) []byte {
	b = appendString(append(b, `,"extension":[{"url":`...), url)
	b = append(appendString(append(b, `,"valueString":`...), path), '}')
	if valueMember(e) == "" && e.Node() != resources.None {
		b = appendString(append(b, `,{"url":`...), valueExtension)
		b = appendString(append(b, `,"valueString":`...), string(e.Document().AppendCompact(nil, e.Node())))
		b = append(b, '}')
	}
	return append(b, ']')
}

// valueMember is the member of Parameters.parameter that can hold the element; empty if none can.
func valueMember(e resources.Element) string {
	if e.IsResource() {
		return "resource"
	}
	value := definitions.R4().Type("Parameters.parameter").Element("value")
	if t := e.Type(); t != nil {
		if ref, ok := value.Ref(t.Name); ok && e.Text() != "" || ok && !t.Primitive() {
			return value.JSONName(ref.Type)
		}
	}
	return ""
}

func appendValue(b []byte, e resources.Element) []byte {
	member := valueMember(e)
	if member == "" || e.Node() == resources.None {
		return b
	}
	b = append(appendString(append(b, ','), member), ':')
	b = e.Document().AppendCompact(b, e.Node())
	if e.Shadow() != resources.None {
		b = append(appendString(append(b, ','), "_"+member), ':')
		b = e.Document().AppendCompact(b, e.Shadow())
	}
	return b
}

// quoted tells which system types JSON writes as strings.
var quoted = map[string]bool{"string": true, "date": true, "dateTime": true, "time": true}

func appendSystemPart(b []byte, v fhirpath.Value) []byte {
	name, known := systemTypes[v.TypeName()]
	if !known {
		name = v.TypeName()
	}
	text := v.Text()
	if text == "" {
		return append(b, `{"name":"empty-string"}`...)
	}
	b = appendString(append(b, `{"name":`...), name)
	member := "valueString"
	if t := definitions.R4().Type(name); t != nil {
		member = definitions.R4().Type("Parameters.parameter").Element("value").JSONName(t)
	}
	b = append(appendString(append(b, ','), member), ':')
	switch {
	case name == "Quantity":
		b = appendQuantity(b, v)
	case quoted[name] || !known:
		b = appendString(b, text)
	default:
		b = append(b, text...)
	}
	return append(b, '}')
}

// appendQuantity writes 10 'mg' or 3 days as a Quantity.
func appendQuantity(b []byte, v fhirpath.Value) []byte {
	value, unit, _ := strings.Cut(v.Text(), " ")
	b = append(append(b, `{"value":`...), value...)
	code, isUCUM := strings.CutPrefix(unit, "'")
	code = strings.TrimSuffix(code, "'")
	if code != "" {
		b = appendString(append(b, `,"unit":`...), code)
	}
	if isUCUM {
		b = appendString(append(b, `,"system":"http://unitsofmeasure.org","code":`...), code)
	}
	return append(b, '}')
}
