package xmlformat

import (
	"strconv"

	"kiln/resources"
	"kiln/resources/xmlformat/markup"
)

// attributes reads the attributes of the element n: the value of a primitive, and what the
// element table marks as an attribute (id, Extension.url).
func (x *reader) attributes(n int32) error {
	for _, a := range x.r.Attributes {
		if err := x.attribute(n, a); err != nil {
			return err
		}
	}
	return nil
}

func (x *reader) attribute(n int32, a markup.Attribute) error {
	t := x.nodes[n].typ
	switch {
	case a.Space == markup.XMLNS:
		return nil
	case a.Space != "":
		return x.unknownAttribute(n, a)
	case a.Local == "value" && t.Primitive():
		return x.value(n, a)
	}
	m, ok := t.Member(a.Local)
	if !ok || m.Shadow || !m.Element.Attribute {
		return x.unknownAttribute(n, a)
	}
	c, err := x.add(n, m, a.Local, a.Start)
	if err != nil || c == 0 {
		return err
	}
	x.nodes[c].value = a.Value
	x.nodes[c].flags |= hasValue
	return nil
}

func (x *reader) value(n int32, a markup.Attribute) error {
	v := &x.nodes[n]
	v.value = a.Value
	v.flags |= hasValue
	kind := primitives()[v.typ]
	if kind == resources.String {
		return nil
	}
	text, ok := literal(kind, a.Value)
	if !ok {
		return x.report(a.Start, x.path(n), "The value %q is not of type %s.", clip(a.Value), v.typ.Name)
	}
	v.value = text
	return nil
}

func (x *reader) unknownAttribute(n int32, a markup.Attribute) error {
	t := x.nodes[n].typ
	name := a.Local
	if a.Prefix != "" {
		name = a.Prefix + ":" + name
	}
	if _, ok := t.Member(name); ok {
		return x.report(a.Start, x.path(n)+"."+name, "%q is not an attribute but an element: <%s value=\"…\"/>.", name, name)
	}
	if name == "value" {
		return x.report(a.Start, x.path(n), "%s is not a primitive: it has elements and no attribute \"value\".", t.Name)
	}
	return x.report(a.Start, x.path(n), "%s has no attribute %q.", t.Name, clip(name))
}

// path is the location of n as FHIRPath, such as Patient.name[0].given[1].
func (x *reader) path(n int32) string {
	var b []byte
	var chain []int32
	for c := n; ; c = x.nodes[c].parent {
		chain = append(chain, c)
		if c == 0 {
			break
		}
	}
	for i := len(chain) - 1; i >= 0; i-- {
		v := &x.nodes[chain[i]]
		if v.element == nil {
			b = append(b, v.name...)
			continue
		}
		b = append(append(b, '.'), v.element.Name...)
		if v.element.Choice {
			b = append(b, ".ofType("...)
			b = append(append(b, v.typ.Name...), ')')
		}
		if v.element.List() {
			b = strconv.AppendInt(append(b, '['), int64(x.index(chain[i])), 10)
			b = append(b, ']')
		}
	}
	return string(b)
}

// index is the place of n among its siblings of the same name.
func (x *reader) index(n int32) int {
	i := 0
	for c := x.sibling(x.nodes[n].parent, x.nodes[n].name); c != n; c = x.nodes[c].same {
		i++
	}
	return i
}
