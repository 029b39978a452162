package search

import "cmp"

// DateBounds are the spans that meet a DateCriterion:
//
//	LowFrom <= v.Low && v.Low < LowTo && HighFrom < v.High && v.High <= HighTo
//
// and with Not all others. Every side that does not count is MinTime or MaxTime, so an engine
// may lower the criterion to a range scan over Low, over High, or both.
type DateBounds struct {
	LowFrom, LowTo   int64
	HighFrom, HighTo int64
	Not              bool
}

// Bounds is the table of prefixes for the span [c.Low, c.High) against the span of the value:
// https://hl7.org/fhir/R4/search.html#prefix
//
// "ge" and "le" are met when some part of the value lies in or beyond the span searched for, so
// that ge2013-03-14 finds a period that ends at noon of that day, as gt2013-03-13 does.
func (c DateCriterion) Bounds() DateBounds {
	b := DateBounds{LowFrom: MinTime, LowTo: MaxTime, HighFrom: MinTime, HighTo: MaxTime}
	switch c.Prefix {
	case Ne:
		b.LowFrom, b.HighTo, b.Not = c.Low, c.High, true
	case Gt:
		b.HighFrom = c.High
	case Ge:
		b.HighFrom = c.Low
	case Lt:
		b.LowTo = c.Low
	case Le:
		b.LowTo = c.High
	case Sa:
		b.LowFrom = c.High
	case Eb:
		b.HighTo = c.Low
	case Ap:
		b.LowTo, b.HighFrom = c.High, c.Low
	default:
		b.LowFrom, b.HighTo = c.Low, c.High
	}
	return b
}

// Match reports whether v is within b.
func (b DateBounds) Match(v DateValue) bool {
	within := b.LowFrom <= v.Low && v.Low < b.LowTo && b.HighFrom < v.High && v.High <= b.HighTo
	return within != b.Not
}

// Match reports whether v meets c.
func (c DateCriterion) Match(v DateValue) bool { return c.Bounds().Match(v) }

// compareDates orders by the start, and descending by the end, latest first.
func compareDates(a, b DateValue, descending bool) int {
	if descending {
		return cmp.Compare(b.High, a.High)
	}
	return cmp.Compare(a.Low, b.Low)
}
