package searchtest

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"kiln/resources"
	"kiln/resources/definitions"
)

// RandomResource makes a resource with an id. Its elements are of the right types, those that
// search looks at are there more often; invariants and required elements are not minded.
func RandomResource(r *rand.Rand, typ, id string) *resources.Document {
	w := writer{r: r}
	w.resource(typ, id)
	doc, err := resources.Parse(w.b)
	if err != nil {
		panic("searchtest: " + err.Error() + ": " + string(w.b))
	}
	return doc
}

// resource writes a resource; one in another has none inside.
func (w *writer) resource(typ, id string) {
	t := definitions.R4().Resource(typ)
	holds := len(w.b) == 0 && contains(t) && w.r.IntN(3) == 0
	w.inside = w.inside || holds // what has others inside refers to them more often
	w.raw(`{"resourceType":`)
	w.text(typ)
	w.raw(`,"id":`)
	w.text(id)
	w.narrative(t)
	for _, e := range t.Elements {
		if !skipped[e.Name] && e.Name != "id" && w.r.Float64() < chance(t, e) {
			w.member(e, 0)
		}
	}
	if holds {
		w.contained()
	}
	w.raw("}")
}

// skipped are elements that search does not look at and that grow without bound; contained resources
// are written apart.
var skipped = map[string]bool{"contained": true, "extension": true, "modifierExtension": true, "text": true, "implicitRules": true, "entry": true}

// chance is how often an element of the root is there.
func chance(t *definitions.Type, e *definitions.Element) float64 {
	for _, p := range definitions.R4().SearchParameters(t.Name) {
		if mentions(p.Expression, t.Name+"."+e.Name) {
			return 0.5
		}
	}
	if e.Name == "meta" {
		return 0.3
	}
	return 0.02
}

// mentions reports whether the path stands in the expression as a whole.
func mentions(expression, path string) bool {
	for i := 0; i+len(path) <= len(expression); i++ {
		if expression[i:i+len(path)] == path && (i+len(path) == len(expression) || !isLetter(expression[i+len(path)])) {
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// writer writes JSON.
type writer struct {
	r      *rand.Rand
	b      []byte
	inside bool // there are contained resources
}

func (w *writer) raw(s string)  { w.b = append(w.b, s...) }
func (w *writer) text(s string) { w.b = append(w.b, resources.Quote(s)...) }

// maxDepth is how deep elements nest.
const maxDepth = 4

// member writes an element with one of its types, as a list where it repeats.
func (w *writer) member(e *definitions.Element, depth int) {
	ref := pick(w.r, e.Types)
	if e.Choice {
		ref = w.choice(e)
	}
	w.raw(",")
	w.text(e.JSONName(ref.Type))
	w.raw(":")
	if !e.List() {
		w.value(e, ref, depth)
		return
	}
	w.raw("[")
	for i := range 1 + w.r.IntN(2) {
		if i > 0 {
			w.raw(",")
		}
		w.value(e, ref, depth)
	}
	w.raw("]")
}

// choice prefers the types that search has values for.
func (w *writer) choice(e *definitions.Element) definitions.TypeRef {
	var known []definitions.TypeRef
	for _, ref := range e.Types {
		if slices.Contains(valued, ref.Type.Name) {
			known = append(known, ref)
		}
	}
	if len(known) > 0 {
		return pick(w.r, known)
	}
	return pick(w.r, e.Types)
}

var valued = []string{"CodeableConcept", "Quantity", "Range", "Period", "dateTime", "date", "string", "boolean", "Reference", "Timing", "Age", "decimal", "SampledData"}

func (w *writer) value(e *definitions.Element, ref definitions.TypeRef, depth int) {
	if write, ok := samples[ref.Type.Name]; ok {
		write(w, e, ref)
		return
	}
	if ref.Type.Primitive() {
		w.text(pick(w.r, words))
		return
	}
	w.object(ref.Type, depth)
}

// object writes a complex or backbone value from the element table.
func (w *writer) object(t *definitions.Type, depth int) {
	w.raw("{")
	start := len(w.b)
	w.raw(`"id":"e"`)
	for _, e := range t.Elements {
		if e.Name == "id" || skipped[e.Name] && e.Name != "text" || depth >= maxDepth && !e.Types[0].Type.Primitive() {
			continue
		}
		if w.r.Float64() < 0.6 {
			w.member(e, depth+1)
		}
	}
	if len(w.b)-start > 9 { // there is more than the id, which is not wanted then
		w.b = append(w.b[:start], w.b[start+len(`"id":"e",`):]...)
	}
	w.raw("}")
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// IDs are the ids that references point to: "r1" to "r40".
func ids(r *rand.Rand) string { return "r" + strconv.Itoa(1+r.IntN(idCount)) }

const idCount = 40
