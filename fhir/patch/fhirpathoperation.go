package patch

import (
	"slices"

	"kiln/resources"
	"kiln/resources/definitions"
)

// The operations of https://hl7.org/fhir/R4/fhirpatch.html

// add appends to a list, or sets an element that is not there yet.
func (s *state) add(o *fhirpathOperation) error {
	e, err := s.one(o.expression)
	if err != nil {
		return err
	}
	return s.addTo(e, o, func(all []content, item content) ([]content, error) {
		return append(all, item), nil
	})
}

// addTo puts the value of o into the element named o.element of e; place says where in a list.
func (s *state) addTo(e resources.Element, o *fhirpathOperation, place func([]content, content) ([]content, error)) error {
	if e.Type() == nil {
		return unfit("the element has a type that FHIR R4 does not know.")
	}
	def, settled, ok := memberOf(e.Type(), o.element)
	if !ok {
		return unfit("%s has no element %q.", e.Type().Name, clip(o.element))
	}
	t, item, err := s.build(o.value, def, settled)
	if err != nil {
		return err
	}
	name := def.JSONName(t)
	return s.inside(e, func(object *value) (*value, error) {
		if def.Choice {
			if taken := variant(object, def); taken != "" && !def.List() {
				return nil, unfit("the element %q is there already; use replace.", taken)
			}
		}
		all, err := s.contents(object, name)
		if err != nil {
			return nil, err
		}
		if !def.List() && len(all) > 0 {
			return nil, unfit("the element %q is there already; use replace.", name)
		}
		if all, err = place(all, item); err != nil {
			return nil, err
		}
		return withContents(object, name, all, def.List()), nil
	})
}

// variant is the member of an object that holds a choice element; empty if there is none.
func variant(object *value, def *definitions.Element) string {
	for _, ref := range def.Types {
		name := def.JSONName(ref.Type)
		if object.member(name) >= 0 || object.member("_"+name) >= 0 {
			return name
		}
	}
	return ""
}

// inside edits the object that holds the children of e: of a primitive the one beside its
// value, which is made if it is missing.
func (s *state) inside(e resources.Element, change func(*value) (*value, error)) error {
	switch {
	case !e.Type().Primitive():
		return s.edit(e.Node(), change)
	case e.Shadow() != resources.None:
		return s.edit(e.Shadow(), change)
	}
	at := placeOf(e)
	return s.edit(at.object, func(object *value) (*value, error) {
		all, err := s.contents(object, at.name)
		if err != nil {
			return nil, err
		}
		if all[at.index].shadow, err = change(emptyObject()); err != nil {
			return nil, err
		}
		return withContents(object, at.name, all, e.Definition().List()), nil
	})
}

// insert puts an item into a list before the item at index.
func (s *state) insert(o *fhirpathOperation) error {
	elements, err := s.evaluate(o.expression)
	if err != nil {
		return err
	}
	if len(elements) == 0 {
		return s.insertFirst(o)
	}
	at, def, err := s.wholeList(elements)
	if err != nil {
		return err
	}
	t, item, err := s.build(o.value, def, def.Content)
	if err != nil {
		return err
	}
	if name := def.JSONName(t); name != at.name {
		return unfit("the list holds %s; it cannot take %s.", at.name, name)
	}
	return s.edit(at.object, func(object *value) (*value, error) {
		all, err := s.contents(object, at.name)
		if err != nil {
			return nil, err
		}
		if all, err = insertAt(all, item, o.index); err != nil {
			return nil, err
		}
		return withContents(object, at.name, all, true), nil
	})
}

func insertAt(all []content, item content, index int) ([]content, error) {
	if index > len(all) {
		return nil, unfit("the index %d is beyond the end of the list, which has %d items.", index, len(all))
	}
	return slices.Insert(all, index, item), nil
}

// insertFirst begins a list that is not there: its place is told by the last step of the path.
func (s *state) insertFirst(o *fhirpathOperation) error {
	if o.parent == nil {
		return unfit("the path selects nothing, and does not end with the name of a list.")
	}
	e, err := s.one(o.parent)
	if err != nil {
		return err
	}
	first := *o
	first.element = o.child
	if def, _, ok := memberOf(e.Type(), o.child); ok && !def.List() {
		return unfit("%q is not a list.", clip(o.child))
	}
	return s.addTo(e, &first, func(all []content, item content) ([]content, error) {
		return insertAt(all, item, o.index)
	})
}

// wholeList checks that elements are all the items of one list, in order.
func (s *state) wholeList(elements []resources.Element) (place, *definitions.Element, error) {
	def := elements[0].Definition()
	if def == nil || !def.List() {
		return place{}, nil, unfit("the path selects an element that is not a list.")
	}
	if err := s.spend(len(elements)); err != nil {
		return place{}, nil, err
	}
	at := placeOf(elements[0])
	value := s.doc.Item(s.doc.Member(at.object, at.name), 0)
	shadow := s.doc.Item(s.doc.Member(at.object, "_"+at.name), 0)
	for _, e := range elements {
		if n := e.Node(); n != value && n != resources.None || n == resources.None && e.Shadow() != shadow {
			return at, nil, errNotWhole
		}
		value, shadow = s.doc.Next(value), s.doc.Next(shadow)
	}
	if value != resources.None || shadow != resources.None {
		return at, nil, errNotWhole
	}
	return at, def, nil
}

var errNotWhole = unfit("the path must select all the items of one list.")

// delete removes one element; to find none is no error.
func (s *state) delete(o *fhirpathOperation) error {
	elements, err := s.evaluate(o.expression)
	switch {
	case err != nil:
		return err
	case len(elements) == 0:
		return nil
	case len(elements) > 1:
		return unfit("the path selects %d elements; only a single one can be deleted.", len(elements))
	}
	e := elements[0]
	at := placeOf(e)
	if at.object == resources.None || e.Definition() == nil {
		return errWhole
	}
	return s.edit(at.object, func(object *value) (*value, error) {
		all, err := s.contents(object, at.name)
		if err != nil {
			return nil, err
		}
		return withContents(object, at.name, slices.Delete(all, at.index, at.index+1), e.Definition().List()), nil
	})
}

var errWhole = unfit("the path selects the resource itself.")

// replace puts another content in the place of one element.
func (s *state) replace(o *fhirpathOperation) error {
	e, err := s.one(o.expression)
	if err != nil {
		return err
	}
	at := placeOf(e)
	def := e.Definition()
	if at.object == resources.None || def == nil {
		return errWhole
	}
	t, item, err := s.build(o.value, def, def.Content)
	if err != nil {
		return err
	}
	name := def.JSONName(t)
	return s.edit(at.object, func(object *value) (*value, error) {
		object = renamed(object, at.name, name)
		all, err := s.contents(object, name)
		if err != nil {
			return nil, err
		}
		all[at.index] = item
		return withContents(object, name, all, def.List()), nil
	})
}

// move takes an item of a list to another place in it, counted without that item.
func (s *state) move(o *fhirpathOperation) error {
	elements, err := s.evaluate(o.expression)
	if err != nil {
		return err
	}
	if len(elements) == 0 {
		return unfit("the path selects nothing; it must select a list.")
	}
	at, _, err := s.wholeList(elements)
	if err != nil {
		return err
	}
	for _, i := range []int{o.source, o.destination} {
		if i >= len(elements) {
			return unfit("the place %d is beyond the end of the list, which has %d items.", i, len(elements))
		}
	}
	return s.edit(at.object, func(object *value) (*value, error) {
		all, err := s.contents(object, at.name)
		if err != nil {
			return nil, err
		}
		item := all[o.source]
		all = slices.Insert(slices.Delete(all, o.source, o.source+1), o.destination, item)
		return withContents(object, at.name, all, true), nil
	})
}
