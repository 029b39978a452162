package validation

import (
	"kiln/resources"
	"kiln/resources/outcome"
)

// shadow checks a member _name: the id and extensions of a primitive, place by place beside its
// values. https://hl7.org/fhir/R4/json.html#primitive
func (w *walk) shadow(object, n resources.Node, m *member) (content bool) {
	value := w.d.Member(object, m.name)
	switch kind := w.d.Kind(n); {
	case kind == resources.Null:
		w.report.error(n, outcome.Structure, "The member \"_%s\" is null; a member without value is left out.", m.name)
		return false
	case kind == resources.Array && !m.list:
		w.report.error(n, outcome.Structure, "The element %s does not repeat, so \"_%s\" is no array; expected an object.", m.name, m.name)
		return false
	case kind != resources.Array && m.list:
		w.report.error(n, outcome.Structure, "The element %s may repeat, so \"_%s\" is an array; found %s.", m.name, m.name, found(kind))
		return false
	case kind == resources.Array:
		return w.shadowList(n, value, m)
	}
	w.shadowObject(n, value, m)
	return true
}

func (w *walk) shadowList(n, value resources.Node, m *member) (content bool) {
	length := 0
	next := w.places(value)
	for c := range w.d.Children(n) {
		length++
		v := next()
		switch {
		case w.d.Kind(c) != resources.Null:
			w.shadowObject(c, v, m)
			content = true
		case value == resources.None:
		case v != resources.None && w.d.Kind(v) == resources.Null:
			w.report.error(c, outcome.Structure, "This place is null both in %q and in \"_%s\"; it must have a value or extensions.", m.name, m.name)
		}
	}
	switch {
	case length == 0:
		w.report.error(n, outcome.Structure, "The array \"_%s\" is empty; an element without content is left out.", m.name)
	case w.d.Kind(value) == resources.Array && w.d.Count(value) != length:
		w.report.error(n, outcome.Structure, "The arrays \"_%s\" and %q must be of the same length, with null where there is nothing; found %d and %d.",
			m.name, m.name, length, w.d.Count(value))
	case !content:
		w.report.error(n, outcome.Structure, "The array \"_%s\" has nothing but null; it is left out.", m.name)
	}
	return content
}

// places gives the items of an array one after the other, then None.
func (w *walk) places(array resources.Node) (next func() resources.Node) {
	i := 0
	var items []resources.Node
	for c := range w.d.Children(array) {
		items = append(items, c)
	}
	return func() resources.Node {
		if i >= len(items) {
			return resources.None
		}
		i++
		return items[i-1]
	}
}

// shadowObject checks one _name object; value is the primitive beside it, None without.
func (w *walk) shadowObject(n, value resources.Node, m *member) {
	if w.d.Kind(n) != resources.Object {
		w.report.error(n, outcome.Structure, "Found %s where an object with id or extension was expected.", found(w.d.Kind(n)))
		return
	}
	p := m.plan.ready()
	switch mentioned := w.object(n, p, nil); {
	case mentioned == 0:
		w.report.error(n, outcome.Structure, "The object \"_%s\" is empty; it is left out.", m.name)
	case mentioned&^p.idOnly == 0 && w.d.Kind(value) == resources.Null:
		w.onlyAnID(n)
	}
}
