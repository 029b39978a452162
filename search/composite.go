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
func (x *extraction) composite(components []planComponent, e resources.Element) {
	if x.count > maxValues {
		return
	}
	parts := make([][]Value, len(components))
	for i := range components {
		c := &components[i]
		x.part, x.partType = &parts[i], c.typ
		x.walk(c.here, e)
		x.walk(c.root, x.resource)
		x.part = nil
		if !slices.ContainsFunc(parts[i], Present) {
			return
		}
	}
	x.add(CompositeValue{parts})
}

// readComposite reads "value$value", one for each component.
func readComposite(r *reader, text string) (Criterion, *refusal) {
	parts := splitEscaped(text, '$')
	components := r.param.Components
	if len(parts) != len(components) {
		return nil, refuse("%q has %d parts; expected %d, %s, with $ between them", clip(text), len(parts), len(components), componentNames(components))
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
