package patch

import (
	"slices"
	"strconv"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
)

// place is where an element stands: a member of an object, or an item of it.
type place struct {
	object resources.Node // the object that has the member; None for the resource itself
	name   string         // of the member, without the underscore
	index  int            // in the list; 0 outside lists
}

// placeOf finds the place of an element in its document.
func placeOf(e resources.Element) place {
	doc, n := e.Document(), e.Node()
	if n == resources.None {
		n = e.Shadow()
	}
	if n == 0 {
		return place{object: resources.None}
	}
	p := place{object: doc.Parent(n)}
	if doc.Kind(p.object) == resources.Array {
		for c := range doc.Children(p.object) {
			if c == n {
				break
			}
			p.index++
		}
		n = p.object
		p.object = doc.Parent(n)
	}
	p.name = doc.Name(n)
	if e.Node() == resources.None {
		p.name = strings.TrimPrefix(p.name, "_")
	}
	return p
}

// pointerTo is the way from the root to a node.
func pointerTo(doc *resources.Document, n resources.Node) pointer {
	var p pointer
	for n > 0 {
		parent := doc.Parent(n)
		token := doc.Name(n)
		if doc.Kind(parent) == resources.Array {
			i := 0
			for c := range doc.Children(parent) {
				if c == n {
					break
				}
				i++
			}
			token = strconv.Itoa(i)
		}
		p.tokens = append(p.tokens, token)
		n = parent
	}
	slices.Reverse(p.tokens)
	return p
}

// edit replaces the object at a node of the document.
func (s *state) edit(object resources.Node, change func(v *value) (*value, error)) error {
	p := pointerTo(s.doc, object)
	if len(p.tokens) == 0 {
		if err := s.open(s.root); err != nil {
			return err
		}
		root, err := change(s.root)
		if err == nil {
			s.root = root
		}
		return err
	}
	root, err := s.change(s.root, p, 0, func(v *value, token string) (*value, error) {
		i, err := s.existing(v, p, token)
		if err != nil {
			return nil, err
		}
		if err := s.open(v.items[i]); err != nil {
			return nil, err
		}
		changed, err := change(v.items[i])
		if err != nil {
			return nil, err
		}
		return v.with(i, changed), nil
	})
	if err == nil {
		s.root = root
	}
	return err
}

// content is one element as JSON has it: a value, ids and extensions beside it, or both.
type content struct{ value, shadow *value }

// contents are the elements of a member, a list or one.
func (s *state) contents(object *value, name string) ([]content, error) {
	var all []content
	for _, shadow := range []bool{false, true} {
		member := name
		if shadow {
			member = "_" + name
		}
		i := object.member(member)
		if i < 0 {
			continue
		}
		v := object.items[i]
		if err := s.open(v); err != nil {
			return nil, err
		}
		given := []*value{v}
		if v.kind == resources.Array {
			given = v.items
		}
		if err := s.spend(len(given)); err != nil {
			return nil, err
		}
		for i, item := range given {
			if i == len(all) {
				all = append(all, content{})
			}
			switch {
			case item.kind == resources.Null:
			case shadow:
				all[i].shadow = item
			default:
				all[i].value = item
			}
		}
	}
	return all, nil
}

// withContents is the object with the elements of a member set; without elements the member
// goes. In lists null stands for what is missing (https://hl7.org/fhir/R4/json.html#primitive).
func withContents(object *value, name string, all []content, list bool) *value {
	var values, shadows []*value
	hasValue, hasShadow := false, false
	for _, c := range all {
		hasValue, hasShadow = hasValue || c.value != nil, hasShadow || c.shadow != nil
		values, shadows = append(values, orNull(c.value)), append(shadows, orNull(c.shadow))
	}
	object = withMember(object, name, values, hasValue, list)
	return withMember(object, "_"+name, shadows, hasShadow, list)
}

func orNull(v *value) *value {
	if v == nil {
		return null
	}
	return v
}

func withMember(object *value, name string, values []*value, present, list bool) *value {
	switch {
	case !present:
		return object.delete(name)
	case list:
		return object.set(name, newArray(values))
	}
	return object.set(name, values[0])
}

// renamed is the object with a member under another name, at the same place: a choice element
// that takes another type.
func renamed(object *value, from, to string) *value {
	if from == to {
		return object
	}
	if object.member(to) >= 0 || object.member("_"+to) >= 0 {
		return object.delete(from).delete("_" + from)
	}
	names := slices.Clone(object.names)
	for i, name := range names {
		switch name {
		case from:
			names[i] = to
		case "_" + from:
			names[i] = "_" + to
		}
	}
	return &value{kind: resources.Object, opened: true, names: names, items: object.items, size: object.size + len(to) + len(to)}
}

// memberOf is what the name of an element means in a type: "birthDate", or for a choice
// "value", "value[x]" or "valueQuantity", where only the last settles the type.
func memberOf(t *definitions.Type, name string) (*definitions.Element, *definitions.Type, bool) {
	plain := strings.TrimSuffix(name, "[x]")
	if e := t.Element(plain); e != nil && (e.Choice || plain == name) {
		return e, e.Content, true
	}
	if m, ok := t.Member(name); ok && !m.Shadow {
		return m.Element, m.Type, true
	}
	return nil, nil, false
}
