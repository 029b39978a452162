package search

import "github.com/cockroachdb/apd/v3"

// Match reports whether v meets c. For eq and ne the number searched for stands for the range that
// its digits imply, for ap that range widened by a tenth; the other prefixes take it as exact.
// Where v is a span, eq asks for all of it, gt, ge, lt and le for some of it, sa and eb that it
// lies wholly beyond. An engine lowers it to a range over Low or High and tests the rest.
// https://hl7.org/fhir/R4/search.html#number
func (c NumberCriterion) Match(v NumberValue) bool {
	switch c.Prefix {
	case Ne:
		return !c.contains(v)
	case Gt:
		return v.High == nil || v.High.Cmp(c.Value) > 0
	case Ge:
		return !v.endsBefore(c.Value)
	case Lt:
		return v.Low == nil || v.Low.Cmp(c.Value) < 0
	case Le:
		return !v.startsAfter(c.Value)
	case Sa:
		return v.startsAfter(c.Value)
	case Eb:
		return v.endsBefore(c.Value)
	case Ap:
		return !v.endsBefore(c.Low) && (v.Low == nil || v.Low.Cmp(c.High) < 0)
	}
	return c.contains(v)
}

// contains reports whether all of v is in [c.Low, c.High).
func (c NumberCriterion) contains(v NumberValue) bool {
	if v.Low == nil || v.High == nil || v.Low.Cmp(c.Low) < 0 {
		return false
	}
	end := v.High.Cmp(c.High)
	return end < 0 || end == 0 && v.HighOpen
}

// startsAfter reports whether all of v is greater than x.
func (v NumberValue) startsAfter(x *apd.Decimal) bool {
	if v.Low == nil {
		return false
	}
	c := v.Low.Cmp(x)
	return c > 0 || c == 0 && v.LowOpen
}

// endsBefore reports whether all of v is less than x.
func (v NumberValue) endsBefore(x *apd.Decimal) bool {
	if v.High == nil {
		return false
	}
	c := v.High.Cmp(x)
	return c < 0 || c == 0 && v.HighOpen
}

// compareNumbers orders by the low end, and descending by the high end, greatest first; a missing
// end is beyond all numbers.
func compareNumbers(a, b NumberValue, descending bool) int {
	x, y := a.Low, b.Low
	if descending {
		x, y = b.High, a.High
	}
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil:
		return missingFirst(descending)
	case y == nil:
		return -missingFirst(descending)
	}
	return x.Cmp(y)
}

// missingFirst compares no bound with a bound: below it at the low end, above it at the high end.
func missingFirst(high bool) int {
	if high {
		return 1
	}
	return -1
}
