package fhirpath

import "kiln/resources"

// path walks members: name, Patient.name.given, X.code.text. It is the hot path of search
// index extraction, so it goes down the document without collections in between.
type path struct {
	pos    int
	source node // nil: $this
	// head is the first name where it stands at the beginning of an expression and may be a
	// type: "Patient" keeps patients and drops everything else.
	// http://hl7.org/fhirpath/N1/#path-selection
	head     string
	headType bool // head is a type of R4, so it is no member
	names    []string
	strict   bool
}

func (p *path) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	source, owned, err := e.source(p.source, f)
	if err == nil {
		for i := range source {
			if out, err = p.from(e, &source[i], out); err != nil {
				break
			}
		}
	}
	if owned {
		e.release(source)
	}
	return out, err
}

// from walks from one item of the source.
func (p *path) from(e *evaluation, v *Value, out Collection) (Collection, error) {
	if p.head == "" {
		return p.walk(e, v, 0, out)
	}
	if headIs(v, p.head) {
		if len(p.names) == 0 {
			return append(out, *v), e.step(1)
		}
		return p.walk(e, v, 0, out)
	}
	if v.kind == kindElement && p.headType {
		if p.strict {
			return out, e.fail(p.pos, "The input is a %s, so a path that begins with %s finds nothing.", v.TypeName(), p.head)
		}
		return out, e.step(1)
	}
	next, err := p.member(e, v, p.head, e.take())
	for i := range next {
		if err == nil {
			out, err = p.walk(e, &next[i], 0, out)
		}
	}
	e.release(next)
	return out, err
}

// headIs tells whether v is of the type, or a plain object with that resourceType.
func headIs(v *Value, name string) bool {
	switch v.kind {
	case kindElement:
		return v.element.Type().Is(name)
	case kindJSON:
		return v.jsonType() == name
	}
	return false
}

// walk follows names[i:] from v.
func (p *path) walk(e *evaluation, v *Value, i int, out Collection) (Collection, error) {
	if i == len(p.names) {
		return append(out, *v), nil
	}
	if v.kind == kindElement {
		return p.element(e, v.element, i, out)
	}
	next, err := p.member(e, v, p.names[i], e.take())
	for j := range next {
		if err == nil {
			out, err = p.walk(e, &next[j], i+1, out)
		}
	}
	e.release(next)
	return out, err
}

// element is walk for elements of a FHIR document.
func (p *path) element(e *evaluation, el resources.Element, i int, out Collection) (Collection, error) {
	if p.strict && lacks(el, p.names[i]) {
		return out, p.unknown(e, el, p.names[i])
	}
	if p.names[i] == "resourceType" && el.IsResource() {
		return p.resourceType(e, el, i, out)
	}
	last := i+1 == len(p.names)
	before := len(out)
	c := el.Named(p.names[i])
	for c.Next() {
		if last {
			out = append(out, Value{kind: kindElement, element: c.Element})
			continue
		}
		var err error
		if out, err = p.element(e, c.Element, i+1, out); err != nil {
			return out, err
		}
	}
	if last {
		return out, e.grown(out, before-1)
	}
	return out, e.step(1)
}

// resourceType is no element of FHIR, but the member that JSON has; expressions found in the
// wild ask for it. Strict mode does not know it.
func (p *path) resourceType(e *evaluation, el resources.Element, i int, out Collection) (Collection, error) {
	v := FromString(el.Type().Name)
	return p.walk(e, &v, i+1, out)
}

func (p *path) unknown(e *evaluation, el resources.Element, name string) error {
	if m, ok := el.Type().Member(name); ok {
		return e.fail(p.pos, "%s has no element %q; a path names it %q.", el.Type().Name, name, m.Element.Name)
	}
	return e.fail(p.pos, "%s has no element %q.", el.Type().Name, name)
}

// member appends the children of v called name.
func (p *path) member(e *evaluation, v *Value, name string, out Collection) (Collection, error) {
	before := len(out)
	switch v.kind {
	case kindElement:
		if p.strict && lacks(v.element, name) {
			return out, p.unknown(e, v.element, name)
		}
		for c := v.element.Named(name); c.Next(); {
			out = append(out, FromElement(c.Element))
		}
	case kindJSON:
		out = appendPlain(out, *v, name)
	case kindQuantity:
		out = v.quantity().member(out, name)
	case kindType:
		out = v.boxed.(*typeInfo).member(out, name)
	default:
		if p.strict {
			return out, e.fail(p.pos, "A %s has no element %q.", v.TypeName(), name)
		}
	}
	return out, e.grown(out, before-1)
}
