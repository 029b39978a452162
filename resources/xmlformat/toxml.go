package xmlformat

import (
	"fmt"
	"slices"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/resources/xmlformat/markup"
)

// Option changes how XML is written.
type Option uint8

// The options.
const (
	// Declaration begins the text with an XML declaration.
	Declaration Option = 1 << iota
	// Indent puts each element on a line of its own.
	Indent
)

// AppendXML appends the resource e as FHIR XML to b, elements in the order of the definition.
//
// The error is an *outcome.Error of stage content with all problems at once (up to 100), each
// with its FHIRPath: members that R4 does not know, values of another JSON type than the
// element's, empty lists and nulls, characters that XML cannot hold, narrative that is no
// well-formed XHTML. b is then returned as it was.
func AppendXML(b []byte, e resources.Element, options ...Option) ([]byte, error) {
	w := xmlWriter{doc: e.Document(), kinds: primitives(), out: b, start: len(b)}
	for _, o := range options {
		w.options |= o
	}
	if e.IsZero() || !e.IsResource() || w.doc.Kind(e.Node()) != resources.Object {
		return b, outcome.New(outcome.Structure, "Only a resource of FHIR R4 can be written as XML.").In(outcome.StageContent)
	}
	if w.options&Declaration != 0 {
		w.out = append(w.out, `<?xml version="1.0" encoding="UTF-8"?>`...)
	}
	w.resource(e.Node(), e.Type(), ` xmlns="`+FHIR+`"`)
	if w.options&Indent != 0 {
		w.out = append(w.out, '\n')
	}
	if len(w.issues) > 0 {
		return b, &outcome.Error{Stage: outcome.StageContent, Issues: w.issues}
	}
	return w.out, nil
}

type xmlWriter struct {
	doc     *resources.Document
	kinds   map[*typ]resources.Kind
	out     []byte
	options Option
	start   int // what was in out before
	level   int
	members []member // of the objects that are open
	issues  []outcome.Issue
}

// member is an element of an object, joined with its _name.
type member struct {
	element       *definitions.Element
	typ           *typ
	value, shadow resources.Node
}

// report notes a problem with the value at n.
func (w *xmlWriter) report(n resources.Node, format string, args ...any) {
	if len(w.issues) == maxIssues {
		return
	}
	w.issues = append(w.issues, outcome.Issue{
		Severity: outcome.SeverityError, Code: outcome.Structure,
		Diagnostics: fmt.Sprintf(format, args...), Expression: []string{w.doc.Path(n)},
	})
}

func (w *xmlWriter) resource(n resources.Node, t *typ, declaration string) {
	w.line()
	w.out = append(append(w.out, '<'), t.Name...)
	w.out = append(w.out, declaration...)
	if !w.content(n, t, true) {
		w.out = append(w.out, '/', '>')
		return
	}
	w.close(t.Name)
}

// content writes the attributes and elements of an object whose start tag is open; false when
// there are no elements, so that the tag is still open.
func (w *xmlWriter) content(object resources.Node, t *typ, resource bool) bool {
	base := len(w.members)
	w.collect(object, t, resource)
	end := len(w.members)
	elements := end - base
	for i := base; i < end; i++ {
		if m := w.members[i]; m.element.Attribute {
			w.attribute(m)
			elements--
		}
	}
	if elements > 0 {
		w.out = append(w.out, '>')
		w.level++
		for i := base; i < end; i++ {
			if m := w.members[i]; !m.element.Attribute {
				w.element(m)
			}
		}
		w.level--
	}
	w.members = w.members[:base]
	return elements > 0
}

// collect finds what the members of an object mean, in the order of the definition.
func (w *xmlWriter) collect(object resources.Node, t *typ, resource bool) {
	base := len(w.members)
	for n := range w.doc.Children(object) {
		name := w.doc.Name(n)
		m, ok := t.Member(name)
		if !ok {
			if !resource || name != "resourceType" {
				w.report(n, "%s has no element %q, so there is no XML form of it.", t.Name, clip(name))
			}
			continue
		}
		w.join(base, m, n)
	}
	slices.SortStableFunc(w.members[base:], func(a, b member) int { return a.element.Index - b.element.Index })
}

func (w *xmlWriter) join(base int, m definitions.Member, n resources.Node) {
	i := len(w.members)
	for j := base; j < len(w.members); j++ {
		if w.members[j].element == m.Element && w.members[j].typ == m.Type {
			i = j
			break
		}
	}
	if i == len(w.members) {
		w.members = append(w.members, member{m.Element, m.Type, resources.None, resources.None})
	}
	if m.Shadow {
		w.members[i].shadow = n
	} else {
		w.members[i].value = n
	}
}

func (w *xmlWriter) attribute(m member) {
	switch {
	case m.shadow != resources.None:
		w.report(m.shadow, "The element is an attribute in XML, which has no id or extensions.")
	case w.doc.Kind(m.value) != resources.String:
		w.report(m.value, "Found %s where a string was expected.", w.doc.Kind(m.value))
	default:
		w.value(m.element.Name, m.value)
	}
}

// value writes an attribute.
func (w *xmlWriter) value(name string, n resources.Node) {
	text := w.doc.Text(n)
	if c, found := markup.Forbidden(text); found {
		w.report(n, "The value holds the character U+%04X, which XML does not allow.", c)
		return
	}
	w.out = append(append(w.out, ' '), name...)
	w.out = append(w.out, '=', '"')
	w.out = append(markup.AppendAttribute(w.out, text), '"')
}

// element writes a member: one element, or one for each item of a list.
func (w *xmlWriter) element(m member) {
	name := m.element.JSONName(m.typ)
	if !w.isList(m.element, m.value) || !w.isList(m.element, m.shadow) {
		return
	}
	if !m.element.List() {
		w.item(name, m)
		return
	}
	values, shadows := w.doc.Item(m.value, 0), w.doc.Item(m.shadow, 0)
	if values == resources.None && shadows == resources.None {
		w.report(m.any(), "An empty list has no XML form.")
	}
	for values != resources.None || shadows != resources.None {
		w.item(name, member{m.element, m.typ, values, shadows})
		values, shadows = w.doc.Next(values), w.doc.Next(shadows)
	}
}

func (m member) any() resources.Node {
	if m.value != resources.None {
		return m.value
	}
	return m.shadow
}

// isList checks that n is an array exactly where the element repeats; None passes.
func (w *xmlWriter) isList(e *definitions.Element, n resources.Node) bool {
	if n == resources.None || (w.doc.Kind(n) == resources.Array) == e.List() {
		return true
	}
	if e.List() {
		w.report(n, "The element repeats, so JSON has an array; found %s.", w.doc.Kind(n))
	} else {
		w.report(n, "The element does not repeat, so JSON has no array.")
	}
	return false
}

// present is a node, or None where it is null.
func (w *xmlWriter) present(n resources.Node) resources.Node {
	if w.doc.Kind(n) == resources.Null {
		return resources.None
	}
	return n
}

// item writes one element.
func (w *xmlWriter) item(name string, m member) {
	place := m.any()
	m.value, m.shadow = w.present(m.value), w.present(m.shadow)
	if m.any() == resources.None {
		w.report(place, "A null without an extension has no XML form.")
		return
	}
	switch {
	case m.typ == xhtml():
		w.narrative(m)
	case m.typ.Primitive():
		w.primitive(name, m)
	case w.doc.Kind(m.value) != resources.Object:
		w.report(m.value, "Found %s where an object was expected.", w.doc.Kind(m.value))
	case m.typ.Kind == definitions.KindResource:
		w.contained(name, m.value)
	default:
		w.open(name)
		if !w.content(m.value, m.typ, false) {
			w.out = append(w.out, '/', '>')
			return
		}
		w.close(name)
	}
}

func (w *xmlWriter) primitive(name string, m member) {
	w.open(name)
	if m.value != resources.None {
		if kind := w.kinds[m.typ]; w.doc.Kind(m.value) != kind {
			w.report(m.value, "Found %s where %s has %s.", w.doc.Kind(m.value), m.typ.Name, kind)
		} else {
			w.value("value", m.value)
		}
	}
	if m.shadow != resources.None {
		switch {
		case w.doc.Kind(m.shadow) != resources.Object:
			w.report(m.shadow, "Found %s where the id and extensions of a primitive are an object.", w.doc.Kind(m.shadow))
		case m.value == resources.None && w.doc.Count(m.shadow) == 0:
			w.report(m.shadow, "The element has neither a value nor extensions.")
		case w.content(m.shadow, m.typ, false):
			w.close(name)
			return
		}
	}
	w.out = append(w.out, '/', '>')
}

func (w *xmlWriter) narrative(m member) {
	switch {
	case m.shadow != resources.None:
		w.report(m.shadow, "Narrative has no extensions, and its id is inside of the markup.")
	case w.doc.Kind(m.value) != resources.String:
		w.report(m.value, "Found %s where a string was expected.", w.doc.Kind(m.value))
	default:
		w.line()
		var err error
		if w.out, err = appendDiv(w.out, w.doc.Text(m.value)); err != nil {
			w.report(m.value, "The narrative is not well-formed XHTML: %s", outcome.As(err).Issues[0].Diagnostics)
		}
	}
}

func (w *xmlWriter) contained(name string, n resources.Node) {
	e, err := w.doc.ResourceAt(n)
	if err != nil {
		w.report(n, "%s", outcome.As(err).Issues[0].Diagnostics)
		return
	}
	w.open(name)
	w.out = append(w.out, '>')
	w.level++
	w.resource(n, e.Type(), "")
	w.level--
	w.close(name)
}

func (w *xmlWriter) open(name string) {
	w.line()
	w.out = append(append(w.out, '<'), name...)
}

func (w *xmlWriter) close(name string) {
	w.line()
	w.out = append(append(w.out, '<', '/'), name...)
	w.out = append(w.out, '>')
}

// line begins a new line where the text is indented.
func (w *xmlWriter) line() {
	if w.options&Indent == 0 || len(w.out) == w.start {
		return
	}
	w.out = append(w.out, '\n')
	for range w.level {
		w.out = append(w.out, ' ', ' ')
	}
}
