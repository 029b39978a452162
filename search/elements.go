package search

import (
	"slices"
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// maxElementDepth bounds how deep _elements reaches.
const maxElementDepth = 20

// elements reads names of elements of the types searched, of elements within them by points, and with
// "-" before them those to leave out: https://hl7.org/fhir/R4/search.html#elements. R4 knows names
// at the root alone; the rest is Kiln's.
func (x *parser) elements(_, value string) string {
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.TrimSpace(name); !x.isElement(strings.TrimPrefix(name, "-")) {
			x.problem(outcome.Value, "The parameter _elements is wrong: %q is not an element of %s.", clip(name), strings.Join(x.typeNames(), ", "))
		} else if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if len(names) > MaxElements {
			x.problem(outcome.TooCostly, "The parameter _elements names more than %d elements.", MaxElements)
			break
		}
	}
	if len(x.problems) == 0 {
		x.query.Elements = names
	}
	return strings.Join(names, ",")
}

// isElement reports whether some type searched has the element, or the one within an element. The types
// that a path leads to are followed together, for a choice leads to many.
func (x *parser) isElement(path string) bool {
	names := strings.Split(path, ".")
	if len(names) > maxElementDepth {
		return false
	}
	var at []*definitions.Type
	for _, typ := range x.typeNames() {
		at = append(at, definitions.R4().Type(typ))
	}
	for _, name := range names {
		if at = typesOf(name, at); at == nil {
			return false
		}
	}
	return true
}

// typesOf are the types of an element, each once; nil where none of the types has it.
func typesOf(name string, of []*definitions.Type) []*definitions.Type {
	var found []*definitions.Type
	for _, typ := range of {
		e := typ.Element(name)
		if e == nil {
			continue
		}
		for _, ref := range e.Types {
			if !slices.Contains(found, ref.Type) {
				found = append(found, ref.Type)
			}
		}
	}
	return found
}
