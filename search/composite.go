package search

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
