package patch

import (
	"slices"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
)

// single reports whether a part gives its content in exactly one of the three ways.
func single(part resources.Element) bool {
	ways := 0
	for _, name := range []string{"value", "resource", "part"} {
		if !part.First(name).IsZero() {
			ways++
		}
	}
	return ways == 1
}

// build makes the content of an element of a part of Parameters: a value[x], a resource, or the
// parts of a type that has no name of its own (https://hl7.org/fhir/R4/fhirpatch.html). settled
// is nil where the element is a choice; the type that was chosen is given back.
func (s *state) build(part resources.Element, def *definitions.Element, settled *definitions.Type) (*definitions.Type, content, error) {
	if !single(part) {
		return nil, content{}, unfit("the part %q must have exactly one of value[x], resource and parts.", clip(part.First("name").Text()))
	}
	if given := part.First("value"); !given.IsZero() {
		t, err := accept(def, settled, given)
		return t, contentOf(given), err
	}
	if given := part.First("resource"); !given.IsZero() {
		if settled == nil || settled.Kind != definitions.KindResource {
			return nil, content{}, unfit("the element %q takes no resource.", def.Name)
		}
		return settled, contentOf(given), nil
	}
	if settled == nil || settled.Primitive() || settled.Kind == definitions.KindResource {
		return nil, content{}, unfit("the element %q cannot be made of parts.", def.Name)
	}
	object, err := s.assemble(part, settled)
	return settled, content{value: object}, err
}

func contentOf(e resources.Element) content {
	var c content
	if e.Node() != resources.None {
		c.value = of(e.Document(), e.Node())
	}
	if e.Shadow() != resources.None {
		c.shadow = of(e.Document(), e.Shadow())
	}
	return c
}

// assemble makes an object of type t of the parts of a part, members in the order in which they
// appear first.
func (s *state) assemble(part resources.Element, t *definitions.Type) (*value, error) {
	type member struct {
		name string
		list bool
		all  []content
	}
	var members []*member
	for inner := range part.Child("part") {
		name := inner.First("name").Text()
		def, settled, ok := memberOf(t, name)
		if !ok {
			return nil, unfit("%s has no element %q.", t.Name, clip(name))
		}
		chosen, item, err := s.build(inner, def, settled)
		if err != nil {
			return nil, err
		}
		name = def.JSONName(chosen)
		i := slices.IndexFunc(members, func(m *member) bool { return m.name == name })
		if i < 0 {
			i = len(members)
			members = append(members, &member{name: name, list: def.List()})
		} else if !def.List() {
			return nil, unfit("the element %q is given twice; %s has at most one.", def.Name, t.Name)
		}
		members[i].all = append(members[i].all, item)
	}
	object := emptyObject()
	for _, m := range members {
		object = withContents(object, m.name, m.all, m.list)
	}
	return object, nil
}

// accept finds the type that a value has as the element def: "The type of the value must be
// correct for the place at which it will be added". Texts of any kind stand for each other, and
// so do numbers and the kinds of Quantity, since their JSON is the same; whether the content
// fits the narrower type is for validation to say.
func accept(def *definitions.Element, settled *definitions.Type, given resources.Element) (*definitions.Type, error) {
	if settled != nil {
		if alike(settled, given.Type()) {
			return settled, nil
		}
		return nil, unfit("the element %q is of type %s; it cannot take a value of type %s.", def.Name, settled.Name, given.Type().Name)
	}
	if ref, ok := def.Ref(given.Type().Name); ok {
		return ref.Type, nil
	}
	var fitting []*definitions.Type
	var names []string
	for _, ref := range def.Types {
		names = append(names, ref.Type.Name)
		if alike(ref.Type, given.Type()) {
			fitting = append(fitting, ref.Type)
		}
	}
	if len(fitting) != 1 {
		return nil, unfit("the element %q is one of %s; it cannot take a value of type %s.", def.Name, clip(strings.Join(names, ", ")), given.Type().Name)
	}
	return fitting[0], nil
}

// alike reports whether a value of type given can stand where type want is asked for.
func alike(want, given *definitions.Type) bool {
	if want.Primitive() != given.Primitive() {
		return false
	}
	if want.Primitive() {
		return jsonKind(want) == jsonKind(given)
	}
	return want.Is(given.Name) || given.Is(want.Name)
}

func jsonKind(t *definitions.Type) resources.Kind {
	switch {
	case t.Is("boolean"):
		return resources.Bool
	case t.Is("integer"), t.Is("decimal"):
		return resources.Number
	}
	return resources.String
}
