package search

import (
	"context"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/outcome"
)

// maxValues bounds the index values of one resource.
const maxValues = 1_000_000

// Extract evaluates the parameters of the resource's type on it and gives its index values, those
// of _id and _lastUpdated apart, which the engine knows. The strings of the values share memory
// with the document.
//
// Content that no index value can be made of (a date that is none, a quantity without a number)
// gives no value; it is for validation to refuse. An expression that fails is reported (see
// Options) and gives none either. The error is an *outcome.Error, too-costly: the resource has more
// than a million values, an expression reached the limits of FHIRPath, or ctx ended.
func (p *Parameters) Extract(ctx context.Context, resource resources.Element) ([]Entry, error) {
	if !resource.IsResource() {
		return nil, outcome.New(outcome.Structure, "Only resources have search values.")
	}
	t := p.types[resource.Type().Name]
	if t == nil {
		return nil, nil
	}
	x := extraction{Parameters: p, resource: resource, entries: make([]Entry, 0, 32)}
	x.walkResource(t.plan)
	for _, param := range t.plan.evaluated {
		x.param, x.target = param, ""
		if err := x.evaluate(ctx, param); err != nil {
			return nil, err
		}
	}
	if x.count > maxValues {
		return nil, outcome.New(outcome.TooCostly, "The resource has more than %d values to search by.", maxValues)
	}
	return x.entries, nil
}

// extraction gathers the values of one resource.
type extraction struct {
	*Parameters
	resource resources.Element
	entries  []Entry
	count    int

	param     *Parameter // that values are gathered for
	target    string     // "where(resolve() is X)" of the selector
	part      *[]Value   // inside a composite: where the values go
	partType  ParameterType
	contained map[string]string // types of contained resources by id, once needed
}

func (x *extraction) add(v Value) {
	if x.count++; x.count > maxValues {
		return
	}
	if x.part != nil {
		*x.part = append(*x.part, v)
		return
	}
	x.entries = append(x.entries, Entry{x.param, v})
}

func (x *extraction) walkResource(p *plan) {
	for _, e := range p.root.emits {
		x.emit(e, x.resource)
	}
	for c := range x.resource.Children() {
		for _, n := range p.members[c.Definition()] {
			x.walk(n, c)
		}
	}
	for _, c := range p.indexed {
		x.child(c, x.resource)
	}
}

func (x *extraction) walk(n *planNode, e resources.Element) {
	for i := range n.emits {
		x.emit(n.emits[i], e)
	}
	for i := range n.narrows {
		if e.Type().Is(n.narrows[i].typ.Name) {
			x.walk(n.narrows[i].node, e)
		}
	}
	for i := range n.wheres {
		if w := &n.wheres[i]; hasMember(e, w.member, w.equals) {
			x.walk(w.node, e)
		}
	}
	for i := range n.children {
		x.child(n.children[i], e)
	}
}

func (x *extraction) child(c planChild, e resources.Element) {
	i := 0
	for element := range e.Child(c.name) {
		if c.item == every || c.item == i {
			x.walk(c.node, element)
		}
		i++
	}
}

func hasMember(e resources.Element, name, text string) bool {
	for c := range e.Child(name) {
		if c.Text() == text {
			return true
		}
	}
	return false
}

func (x *extraction) emit(e planEmit, element resources.Element) {
	if e.param == nil { // of a component
		x.convert(x.partType, element)
		return
	}
	x.param, x.target = e.param, e.target
	if e.param.Type == TypeComposite {
		x.composite(e.components, element)
		return
	}
	x.convert(e.param.Type, element)
}

// convert makes the values of one element by the type of the parameter.
func (x *extraction) convert(t ParameterType, e resources.Element) {
	if convert := converters[t][e.Type().Name]; convert != nil {
		convert(x, e)
	} else if t == TypeReference && e.IsResource() {
		x.inline(e)
	}
}

// converters tell by the type of the parameter and of the element how index values are made. Types
// that are not listed have none: https://hl7.org/fhir/R4/search.html#table
var converters = [...]map[string]func(*extraction, resources.Element){
	TypeNumber:    numberConverters,
	TypeDate:      dateConverters,
	TypeString:    stringConverters,
	TypeToken:     tokenConverters,
	TypeReference: referenceConverters,
	TypeQuantity:  quantityConverters,
	TypeURI:       uriConverters,
	TypeComposite: nil,
	TypeSpecial:   nil,
}

// evaluate runs an expression that selectors cannot say.
func (x *extraction) evaluate(ctx context.Context, param *Parameter) error {
	found, err := param.expression.Evaluate(ctx, x.resource, nil)
	if outcome.Is(err, outcome.TooCostly) {
		return err
	}
	if err != nil {
		x.options.Report(param, err)
		return nil
	}
	for _, v := range found {
		if e, ok := v.Element(); ok {
			x.convert(param.Type, e)
		} else {
			x.computed(param.Type, v)
		}
	}
	return nil
}

// computed makes the value of what is no element, such as the result of a comparison.
func (x *extraction) computed(t ParameterType, v fhirpath.Value) {
	switch t {
	case TypeToken:
		x.add(TokenValue{Code: v.Text()})
	case TypeString:
		x.add(StringValue{Text: v.Text(), Folded: Fold(v.Text())})
	case TypeURI:
		x.add(URIValue{URI: v.Text()})
	case TypeNumber:
		x.number(v.Text())
	case TypeDate:
		x.date(v.Text())
	}
}
