package resources

import (
	"iter"
	"strconv"
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// Element is one FHIR element of a document: a JSON value and the _name object beside it, with
// the type that the element table gives. It is a small value; copying it is cheap. The zero
// Element is no element.
type Element struct {
	doc    *Document
	value  Node
	shadow Node
	typ    *definitions.Type
	def    *definitions.Element
}

// Resource is the document as a resource. The error (structure) names what is wrong when the
// text is no object or its resourceType is missing or not one of R4's.
func (d *Document) Resource() (Element, error) { return d.ResourceAt(0) }

// ResourceAt is Resource for an object inside the document, such as Bundle.entry.resource.
func (d *Document) ResourceAt(n Node) (Element, error) {
	if d.Kind(n) != Object {
		return Element{}, d.refuse(n, outcome.Structure, "A resource is a JSON object; found %s.", article(d.Kind(n)))
	}
	name := d.Member(n, "resourceType")
	if d.Kind(name) != String {
		return Element{}, d.refuse(n, outcome.Structure, "The object has no \"resourceType\", so it is no resource.")
	}
	t := definitions.R4().Resource(d.Text(name))
	if t == nil {
		return Element{}, d.refuse(name, outcome.NotSupported, "%q is not a resource type of FHIR R4.", clip(d.Text(name)))
	}
	return Element{doc: d, value: n, shadow: None, typ: t}, nil
}

func (d *Document) refuse(n Node, code outcome.Code, format string, args ...any) error {
	line, column := 1, 1
	if n != None && len(d.nodes) > 0 {
		line, column = d.Position(n)
	}
	return outcome.New(code, format, args...).AtPosition(line, column).In(outcome.StageSyntax)
}

func article(k Kind) string {
	if k == Array || k == Object {
		return "an " + k.String()
	}
	return "a " + k.String()
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

// As is node n read as a value of type t, for documents that are no resources.
func (d *Document) As(n Node, t *definitions.Type) Element {
	return Element{doc: d, value: n, shadow: None, typ: t}
}

// IsZero reports whether e is no element.
func (e Element) IsZero() bool { return e.doc == nil }

// Document is the document that e is part of.
func (e Element) Document() *Document { return e.doc }

// Node is the JSON value of e; None when there is only a _name object, or null.
func (e Element) Node() Node { return e.value }

// Shadow is the _name object of a primitive, with its id and extensions; None without.
func (e Element) Shadow() Node { return e.shadow }

// Type is the type of the content. For a resource inside another it is the concrete type;
// where that is not one of R4's, the abstract Resource.
func (e Element) Type() *definitions.Type { return e.typ }

// Definition is the element's row of the element table; nil for the root.
func (e Element) Definition() *definitions.Element { return e.def }

// IsResource reports whether e is a resource, contained ones included.
func (e Element) IsResource() bool { return e.typ != nil && e.typ.Kind == definitions.KindResource }

// HasValue reports whether e is a primitive with a value.
func (e Element) HasValue() bool {
	return e.typ != nil && e.typ.Primitive() && e.value != None
}

// Text is the value of a primitive as text: exact digits of a number, true or false, or the
// string without quotes and escapes. Empty without value.
func (e Element) Text() string {
	if !e.HasValue() {
		return ""
	}
	return e.doc.Text(e.value)
}

// Children yields all child elements in document order: lists flattened, primitives joined
// with their _name. Members that the element table does not know are left out.
func (e Element) Children() iter.Seq[Element] {
	return func(yield func(Element) bool) {
		object := e.object()
		if object == None {
			return
		}
		d := e.doc
		shadows := d.nodes[object].flags&flagShadows != 0
		for n := range d.Children(object) {
			m, ok := e.typ.MemberBytes(d.nameBytes(n))
			if !ok {
				continue
			}
			value, shadow := n, None
			if m.Shadow {
				if d.Member(object, d.Name(n)[1:]) != None {
					continue // joined with the plain member
				}
				value, shadow = None, n
			} else if shadows && m.Type.Primitive() {
				shadow = d.shadowOf(object, n)
			}
			if !d.items(m, value, shadow, yield) {
				return
			}
		}
	}
}

// Child yields the children named name, as FHIRPath names them: "value" for value[x].
func (e Element) Child(name string) iter.Seq[Element] {
	return func(yield func(Element) bool) {
		object := e.object()
		if object == None {
			return
		}
		def := e.typ.Element(name)
		if def == nil {
			return
		}
		d := e.doc
		if !def.Choice {
			value, shadow := d.Member(object, name), None
			content := def.Types[0].Type
			if content.Primitive() && d.nodes[object].flags&flagShadows != 0 {
				shadow = d.Member(object, "_"+name)
			}
			if value != None || shadow != None {
				d.items(definitions.Member{Element: def, Type: content}, value, shadow, yield)
			}
			return
		}
		shadows := d.nodes[object].flags&flagShadows != 0
		for n := range d.Children(object) {
			raw := d.nameBytes(n)
			if len(raw) > 0 && raw[0] == '_' {
				raw = raw[1:]
			}
			if len(raw) <= len(name) || string(raw[:len(name)]) != name {
				continue
			}
			m, ok := e.typ.MemberBytes(d.nameBytes(n))
			if !ok || m.Element != def {
				continue
			}
			value, shadow := n, None
			if m.Shadow {
				if d.Member(object, d.Name(n)[1:]) != None {
					continue
				}
				value, shadow = None, n
			} else if shadows && m.Type.Primitive() {
				shadow = d.shadowOf(object, n)
			}
			if !d.items(m, value, shadow, yield) {
				return
			}
		}
	}
}

// First is the first child named name; zero if there is none.
func (e Element) First(name string) Element {
	for c := range e.Child(name) {
		return c
	}
	return Element{}
}

// object is the JSON object that holds e's children: its value, or for a primitive its _name.
func (e Element) object() Node {
	switch {
	case e.doc == nil || e.typ == nil:
		return None
	case e.typ.Primitive():
		if e.doc.Kind(e.shadow) == Object {
			return e.shadow
		}
	case e.doc.Kind(e.value) == Object:
		return e.value
	}
	return None
}

func (d *Document) nameBytes(n Node) []byte {
	v := &d.nodes[n]
	if v.flags&flagNameEscaped != 0 {
		return []byte(d.Name(n))
	}
	return d.src[v.name : v.name+uint32(v.nameLen)]
}

// shadowOf finds the sibling _name of member n.
func (d *Document) shadowOf(object, n Node) Node {
	name := d.nameBytes(n)
	for c := range d.Children(object) {
		if raw := d.nameBytes(c); len(raw) == len(name)+1 && raw[0] == '_' && string(raw[1:]) == string(name) {
			return c
		}
	}
	return None
}

// items yields one element, or one for each place of a list; value and shadow lists are
// matched by place (https://hl7.org/fhir/R4/json.html#primitive). Null is no value.
func (d *Document) items(m definitions.Member, value, shadow Node, yield func(Element) bool) bool {
	if d.Kind(value) != Array && d.Kind(shadow) != Array {
		return d.item(m, value, shadow, yield)
	}
	v, vEnd := d.span(value)
	s, sEnd := d.span(shadow)
	for v < vEnd || s < sEnd {
		itemValue, itemShadow := None, None
		if v < vEnd {
			itemValue, v = v, Node(d.nodes[v].next)
		}
		if s < sEnd {
			itemShadow, s = s, Node(d.nodes[s].next)
		}
		if !d.item(m, itemValue, itemShadow, yield) {
			return false
		}
	}
	return true
}

func (d *Document) span(n Node) (first, end Node) {
	if d.Kind(n) != Array {
		return 0, 0
	}
	return n + 1, Node(d.nodes[n].next)
}

func (d *Document) item(m definitions.Member, value, shadow Node, yield func(Element) bool) bool {
	if d.Kind(value) == Null {
		value = None
	}
	if d.Kind(shadow) == Null {
		shadow = None
	}
	if value == None && shadow == None {
		return true
	}
	e := Element{doc: d, value: value, shadow: shadow, typ: m.Type, def: m.Element}
	if m.Type.Abstract && m.Type.Kind == definitions.KindResource {
		if t := definitions.R4().Resource(d.Text(d.Member(value, "resourceType"))); t != nil {
			e.typ = t
		}
	}
	return yield(e)
}

// Path is the location of e as FHIRPath: "Patient.name[0].given[1]".
func (e Element) Path() string {
	if e.value != None {
		return e.doc.Path(e.value)
	}
	return e.doc.Path(e.shadow)
}

// Path is the location of n as FHIRPath, from the root resource: "Patient.name[0].given[1]",
// "Observation.value.ofType(Quantity).code". Members that R4 does not know keep their JSON names.
func (d *Document) Path(n Node) string {
	var chain []Node
	for c := n; c != None; c = d.Parent(c) {
		chain = append(chain, c)
	}
	root := d.Text(d.Member(0, "resourceType"))
	t := definitions.R4().Type(root)
	path := []byte(root)
	for i := len(chain) - 2; i >= 0; i-- {
		c := chain[i]
		if d.nodes[d.nodes[c].parent].kind == Array {
			path = append(path, '[')
			path = strconv.AppendInt(path, int64(d.index(c)), 10)
			path = append(path, ']')
		} else {
			path, t = d.step(path, t, c)
		}
		if t != nil && t.Kind == definitions.KindResource && t.Abstract && d.Kind(c) == Object {
			if concrete := definitions.R4().Resource(d.Text(d.Member(c, "resourceType"))); concrete != nil {
				t = concrete
			}
		}
	}
	return string(path)
}

func (d *Document) step(path []byte, t *definitions.Type, n Node) ([]byte, *definitions.Type) {
	name := d.Name(n)
	if len(path) > 0 {
		path = append(path, '.')
	}
	if t == nil {
		return append(path, name...), nil
	}
	m, ok := t.Member(name)
	if !ok {
		return append(path, name...), nil
	}
	path = append(path, m.Element.Name...)
	if m.Element.Choice {
		path = append(path, ".ofType("...)
		path = append(path, m.Type.Name...)
		path = append(path, ')')
	}
	return path, m.Type
}

func (d *Document) index(n Node) int {
	i := 0
	for c := range d.Children(d.Parent(n)) {
		if c == n {
			break
		}
		i++
	}
	return i
}
