package fhirpath

import (
	"slices"

	"kiln/resources"
	"kiln/resources/definitions"
)

// What strict mode knows before it sees an input: the types that a part of an expression can
// have, as far as the names in it tell. Nil is not known.

// staticTypes are the FHIR types that the items of n can have.
func staticTypes(n node) []*definitions.Type {
	switch n := n.(type) {
	case *path:
		types := staticTypes(n.source)
		if n.headType {
			types = []*definitions.Type{definitions.R4().Type(n.head)}
		}
		for _, name := range n.names {
			types = staticChildren(types, name)
		}
		return types
	case *typeFilterNode:
		if n.typ.fhir != nil && n.typ.system == kindNone {
			return []*definitions.Type{n.typ.fhir}
		}
	case *indexNode:
		return staticTypes(n.source)
	case *callNode:
		if n.source != nil && keepsItems[n.name] {
			return staticTypes(n.source)
		}
	}
	return nil
}

// keepsItems are the functions whose results are items of their input.
var keepsItems = map[string]bool{
	"where": true, "first": true, "last": true, "tail": true, "skip": true, "take": true, "single": true, "distinct": true, "sort": true,
	"intersect": true, "exclude": true, "trace": true, "defineVariable": true, "checkModifiers": true,
}

// staticChildren are the types of the children called name; nil where one is not known.
func staticChildren(types []*definitions.Type, name string) []*definitions.Type {
	var children []*definitions.Type
	for _, t := range types {
		if t.Abstract {
			return nil // a type derived from it may have more
		}
		def := t.Element(name)
		if def == nil {
			continue
		}
		for _, ref := range def.Types {
			children = append(children, ref.Type)
		}
		if len(def.Types) == 0 && def.Content != nil {
			children = append(children, def.Content)
		}
	}
	return children
}

// known refuses a member that none of the types on its left can have.
func (c *compiler) known(left node, x *member) error {
	types := staticTypes(left)
	if !c.strict || len(types) == 0 || slices.ContainsFunc(types, func(t *definitions.Type) bool { return t.Abstract || t.Element(x.name) != nil }) {
		return nil
	}
	if m, ok := types[0].Member(x.name); ok {
		return c.fail(x.pos, "%s has no element %q; a path names it %q.", types[0].Name, clip(x.name), m.Element.Name)
	}
	return c.fail(x.pos, "%s has no element %q.", types[0].Name, clip(x.name))
}

// lacks reports whether an element can have no child called name: neither its type nor, where it
// is a choice, any other type that it could have been.
func lacks(el resources.Element, name string) bool {
	if el.Type().Element(name) != nil {
		return false
	}
	def := el.Definition()
	return def == nil || !def.Choice || !slices.ContainsFunc(def.Types, func(r definitions.TypeRef) bool { return r.Type.Element(name) != nil })
}
