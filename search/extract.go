package search

import (
	"context"
	"sync"

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
//
// Contained resources come as one value each, see ContainedValue.
func (p *Parameters) Extract(ctx context.Context, resource resources.Element) ([]Entry, error) {
	if !resource.IsResource() {
		return nil, outcome.New(outcome.Structure, "Only resources have search values.")
	}
	t := p.table.Load().types[resource.Type().Name]
	if t == nil {
		return nil, nil
	}
	entries, err := p.extractAll(ctx, resource, t)
	if err != nil {
		return nil, err
	}
	return p.extractContained(ctx, resource, appendWords(entries, resource, t.list))
}

// follow gives the values that a plan finds in a resource; container is the one that references to
// contained resources are of.
func (p *Parameters) follow(ctx context.Context, resource, container resources.Element, plan *plan) ([]Entry, error) {
	x := extractions.Get().(*extraction)
	defer x.release()
	x.Parameters, x.resource, x.container, x.entries = p, resource, container, make([]Entry, 0, 40)
	x.walkResource(plan)
	for _, param := range plan.evaluated {
		x.param = param
		if err := x.evaluate(ctx, param); err != nil {
			return nil, err
		}
	}
	if x.count > maxValues || len(x.pool) > maxValues {
		return nil, tooManyValues()
	}
	return x.entries, nil
}

func tooManyValues() error {
	return outcome.New(outcome.TooCostly, "The resource has more than %d values to search by.", maxValues)
}

// extractions are kept for the memory in which they gather.
var extractions = sync.Pool{New: func() any { return &extraction{pool: make([]Value, 0, 64)} }}

// keptValues is how many values a resource may have for its memory to serve another.
const keptValues = 1024

// release lets the next resource use the memory of x; the entries are not part of it.
func (x *extraction) release() {
	if cap(x.pool) > keptValues || cap(x.parts) > keptValues {
		return
	}
	clear(x.pool)
	clear(x.parts[:cap(x.parts)])
	*x = extraction{pool: x.pool[:0], parts: x.parts[:0]}
	extractions.Put(x)
}

// extraction gathers the values of one resource.
type extraction struct {
	*Parameters
	resource  resources.Element
	container resources.Element // that contained resources are in: itself, or the one around it
	entries   []Entry
	count     int               // of all values, those in composites too
	param     *Parameter        // that values are gathered for
	part      bool              // values are of a component
	parts     []Value           // of the composite at hand, all components
	contained map[string]string // types of contained resources by id, once needed

	// Several parameters want the same element, so the values made last are kept: pool holds
	// them, recent tells of which element they are.
	pool   []Value
	recent [16]converted
	next   int
}

// converted is what an element became for parameters of a type.
type converted struct {
	node   resources.Node
	typ    ParameterType
	values []Value
}

// add takes a value from a converter.
func (x *extraction) add(v Value) {
	if len(x.pool) <= maxValues {
		x.pool = append(x.pool, v)
	}
}

// give hands values to the parameter or the component.
func (x *extraction) give(values []Value) {
	if x.count += len(values); x.count > maxValues {
		return
	}
	if x.part {
		x.parts = append(x.parts, values...)
		return
	}
	for _, v := range values {
		x.entries = append(x.entries, Entry{x.param, v})
	}
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
		x.give(x.convert(e.typ, element))
		return
	}
	x.param = e.param
	if e.param.Type == TypeComposite {
		x.composite(e.components, element)
		return
	}
	values := x.convert(e.typ, element)
	if e.target != "" && !(len(values) == 1 && x.leadsTo(values[0], element, e.target)) {
		return
	}
	x.give(values)
}

// convert makes the values of one element by the type of the parameter.
func (x *extraction) convert(t ParameterType, e resources.Element) []Value {
	convert := converters[t][e.Type().Name]
	if t == TypeReference && e.IsResource() {
		convert = (*extraction).inline
	}
	if convert == nil {
		return nil
	}
	return x.once(t, e, convert)
}

// once gives the values that convert makes of an element for parameters of a type, those made
// before if they are still at hand. Phonetic parameters share nothing.
func (x *extraction) once(t ParameterType, e resources.Element, convert func(*extraction, resources.Element)) []Value {
	node := e.Node()
	shared := node != resources.None && !x.param.phonetic()
	if shared {
		for i := range x.recent {
			if c := &x.recent[i]; c.values != nil && c.node == node && c.typ == t {
				return c.values
			}
		}
	}
	start := len(x.pool)
	convert(x, e)
	values := x.pool[start:len(x.pool):len(x.pool)]
	if shared {
		x.recent[x.next%len(x.recent)] = converted{node, t, values}
		x.next++
	}
	return values
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
	TypeSpecial:   positionConverters,
}

// evaluate runs an expression that selectors cannot say.
func (x *extraction) evaluate(ctx context.Context, param *Parameter) error {
	found, err := param.expression.Evaluate(ctx, x.resource, param.environment())
	if err != nil && param.custom != nil && ctx.Err() == nil {
		param.custom.failed.Add(1)
		return nil
	}
	if outcome.Is(err, outcome.TooCostly) {
		return err
	}
	if err != nil {
		x.options.Report(param, err)
		return nil
	}
	for _, v := range found {
		if e, ok := v.Element(); ok {
			x.give(x.convert(param.Type, e))
			continue
		}
		start := len(x.pool)
		x.computed(param.Type, v)
		x.give(x.pool[start:])
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
