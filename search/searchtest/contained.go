package searchtest

import (
	"strconv"

	"kiln/resources/definitions"
	"kiln/search"
)

// containedTypes are those that most references may lead to, and the usual ones.
var containedTypes = append([]string{
	"Patient", "Patient", "Patient", "Patient", "Patient", "Patient", "Patient", "Patient", "Encounter", "Encounter", "Observation", "Condition",
}, usualTypes...)

// contained writes one to three resources inside, whose local ids are "c1", "c2" …; at times two have the
// same, which validation would refuse.
func (w *writer) contained() {
	w.raw(`,"contained":[`)
	for i := range 1 + w.r.IntN(3) {
		if i > 0 {
			w.raw(",")
		}
		n := i + 1
		if w.r.IntN(12) == 0 {
			n = 1
		}
		w.resource(pick(w.r, containedTypes), "c"+strconv.Itoa(n))
	}
	w.raw("]")
}

// localReferences are to a contained resource, to none, and to the container.
var localReferences = []string{"#c1", "#c1", "#c2", "#c3", "#c", "#"}

// contains reports whether resources of a type may have others inside.
func contains(t *definitions.Type) bool { return t.Element("contained") != nil }

// containedParts are result parameters that search inside, or none.
func (g generator) containedParts() []string {
	if g.r.IntN(5) > 0 {
		return nil
	}
	parts := []string{"_contained=" + pick(g.r, []string{"true", "both", "both", "false"})}
	if g.r.IntN(2) == 0 {
		parts = append(parts, "_containedType="+pick(g.r, []string{"container", "contained", "contained"}))
	}
	return parts
}

// sampleIn finds a value of the parameter in an entry, or in the contained resource that it is.
func sampleIn(e search.Entry, p *search.Parameter) search.Value {
	if e.Param == p {
		return e.Value
	}
	v, _ := e.Value.(search.ContainedValue)
	for _, inner := range v.Entries {
		if inner.Param == p {
			return inner.Value
		}
	}
	return nil
}

// PlaceKey names a match: Type/id, with #n of the contained resource n of it.
func PlaceKey(typ, id string, at int) string {
	if at == search.Whole {
		return typ + "/" + id
	}
	return typ + "/" + id + "#" + strconv.Itoa(at)
}
