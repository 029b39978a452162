package search

// Match reports whether v meets c: the number as NumberCriterion says, and the unit as given. Units
// are not converted. https://hl7.org/fhir/R4/search.html#quantity
func (c QuantityCriterion) Match(v QuantityValue) bool {
	return c.MatchUnit(v) && c.NumberCriterion.Match(v.NumberValue)
}

// MatchUnit reports whether the unit of v is the one asked for.
func (c QuantityCriterion) MatchUnit(v QuantityValue) bool {
	switch {
	case c.AnyUnit:
		return true
	case c.AnySystem:
		return c.Code == v.Code || c.Code == v.Unit
	}
	return c.System == v.System && c.Code == v.Code
}
