package fhirpath

import (
	"kiln/resources"
	"kiln/resources/definitions"
)

// The functions of %factory that change an element: a new one is made, with all that the old one had.

// withExtension is the element with one more extension.
func (n *factoryNode) withExtension(e *evaluation, args []Collection) (Value, error) {
	extension, err := n.extensionText(e, args[1], args[2])
	if err != nil {
		return Value{}, err
	}
	return n.changed(e, args[0], "extension", func(old []byte) []byte {
		if old == nil {
			return append(append([]byte(`"extension":[`), extension...), ']')
		}
		return append(append(append(append([]byte(`"extension":`), old[:len(old)-1]...), ','), extension...), ']')
	})
}

// withProperty is the element with a child set.
func (n *factoryNode) withProperty(e *evaluation, args []Collection) (Value, error) {
	if len(args[1]) != 1 || len(args[2]) != 1 || args[1][0].Text() == "" {
		return Value{}, n.fail(e, "takes the name of an element and a single value.")
	}
	name := args[1][0].Text()
	def, err := n.child(e, args[0], name)
	if err != nil {
		return Value{}, err
	}
	if def.Choice {
		t := definitions.R4().Type(systemTypes[args[2][0].kind])
		if el, ok := args[2][0].Element(); ok {
			t = el.Type()
		}
		if t == nil {
			return Value{}, n.fail(e, "cannot put a %s there.", args[2][0].TypeName())
		}
		name = def.JSONName(t)
	}
	member := members(name, args[2][0])
	if def.List() {
		member = append([]byte(`"`+name+`":[`), append(args[2][0].AppendJSON(nil), ']')...)
	}
	return n.changed(e, args[0], def.Name, func([]byte) []byte { return member })
}

func (n *factoryNode) child(e *evaluation, c Collection, name string) (*definitions.Element, error) {
	if len(c) == 1 && c[0].kind == kindElement {
		if def := c[0].element.Type().Element(name); def != nil {
			return def, nil
		}
		return nil, n.fail(e, "found no element %s in a %s.", quote(clip(name), '\''), c[0].TypeName())
	}
	return nil, n.fail(e, "takes a single element.")
}

// changed writes the element anew with the members of a child replaced; renew gets the old text,
// nil without.
func (n *factoryNode) changed(e *evaluation, c Collection, name string, renew func(old []byte) []byte) (Value, error) {
	if len(c) != 1 || c[0].kind != kindElement {
		return Value{}, n.fail(e, "takes a single element.")
	}
	el := c[0].element
	d, t := el.Document(), el.Type()
	object := el.Node()
	if t.Primitive() {
		object = el.Shadow()
	}
	b := []byte("{") // of a primitive, this is its _name object
	var old []byte
	for m := range d.Children(object) {
		if d.Name(m) == name || isMember(t, d.Name(m), name) {
			old = d.AppendCompact(nil, m)
			continue
		}
		b = append(append(append(b, quoted(d.Name(m))...), ':'), append(d.AppendCompact(nil, m), ',')...)
	}
	b = append(append(b, renew(old)...), '}')
	if !t.Primitive() {
		return n.parsed(e, t, b)
	}
	var value []byte
	if el.Node() != resources.None {
		value = d.Raw(el.Node())
	}
	return n.primitiveOf(e, t, value, b)
}

// isMember reports whether a JSON member belongs to the element called name: valueString to value.
func isMember(t *definitions.Type, member, name string) bool {
	m, ok := t.Member(member)
	return ok && m.Element.Name == name
}
