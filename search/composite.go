package search

import (
	"slices"
	"strings"

	"kiln/resources"
)

// Match reports whether the values of one element meet the criteria of all components.
// https://hl7.org/fhir/R4/search.html#composite
func (c CompositeCriterion) Match(v CompositeValue) bool {
	if len(c.Parts) != len(v.Parts) {
		return false
	}
	for i, part := range c.Parts {
		if !matchSome(part, v.Parts[i]) {
			return false
		}
	}
	return true
}

func matchSome(c Criterion, values []Value) bool {
	for _, v := range values {
		if MatchValue(Plain, c, v) {
			return true
		}
	}
	return false
}

// composite gathers the values of each component on one element; without some of one it has none.
// It begins with the last component, which is the one that is most often missing.
func (x *extraction) composite(components []planComponent, e resources.Element) {
	if x.count > maxValues {
		return
	}
	x.part, x.parts = true, x.parts[:0]
	defer func() { x.part = false }()
	var ends [4]int
	for i := len(components) - 1; i >= 0; i-- {
		start := len(x.parts)
		if here := components[i].here; here != nil {
			x.walk(here, e)
		}
		if root := components[i].root; root != nil {
			x.walk(root, x.resource)
		}
		if !slices.ContainsFunc(x.parts[start:], Present) {
			return
		}
		ends[i] = len(x.parts)
	}
	x.part = false
	v := CompositeValue{make([][]Value, len(components))}
	all, start := slices.Clone(x.parts), 0
	for i := len(components) - 1; i >= 0; i-- {
		v.Parts[i] = all[start:ends[i]:ends[i]]
		start = ends[i]
	}
	x.count++
	x.entries = append(x.entries, Entry{x.param, v})
}

// readComposite reads "value$value", one for each component.
func readComposite(r *reader, text string) (Criterion, *refusal) {
	parts := splitEscaped(text, '$')
	components := r.param.Components
	if len(parts) != len(components) {
		return nil, refuse("%q has %s; expected %d, %s, with $ between them", clip(text), countParts(parts), len(components), componentNames(components))
	}
	c := CompositeCriterion{Parts: make([]Criterion, len(parts))}
	for i, part := range parts {
		of := *r
		of.modifier, of.typ = Plain, components[i].Type
		var bad *refusal
		if c.Parts[i], bad = of.read(part); bad != nil {
			return nil, refuse("in the part %s, %s", components[i].Code, bad.sentence)
		}
	}
	return c, nil
}

func componentNames(components []ComponentParameter) string {
	names := make([]string, len(components))
	for i, c := range components {
		names[i] = c.Code
	}
	return strings.Join(names, "$")
}
