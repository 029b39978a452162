package search

import (
	"github.com/cockroachdb/apd/v3"

	"kiln/resources"
	"kiln/resources/datatypes"
)

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

var numberConverters = map[string]func(*extraction, resources.Element){
	"decimal":     func(x *extraction, e resources.Element) { x.number(e.Text()) },
	"integer":     func(x *extraction, e resources.Element) { x.number(e.Text()) },
	"positiveInt": func(x *extraction, e resources.Element) { x.number(e.Text()) },
	"unsignedInt": func(x *extraction, e resources.Element) { x.number(e.Text()) },
	"Range": func(x *extraction, e resources.Element) {
		if v := rangeOf(e); v.Low != nil || v.High != nil {
			x.add(v.NumberValue)
		}
	},
}

// number adds a plain number; a text that is none adds nothing.
func (x *extraction) number(text string) {
	if d, err := datatypes.ParseDecimal(text); err == nil {
		x.add(NumberValue{Low: d, High: d})
	}
}

func readNumber(_ *reader, text string) (Criterion, *refusal) {
	text, bad := unescape(text)
	if bad != nil {
		return nil, bad
	}
	c, bad := numberCriterion(text)
	if bad != nil {
		return nil, bad
	}
	return c, nil
}

// numberCriterion reads a prefix and a decimal.
func numberCriterion(text string) (NumberCriterion, *refusal) {
	prefix, digits := cutPrefix(text)
	d, err := datatypes.ParseDecimal(digits)
	if err != nil {
		return NumberCriterion{}, refuse("%q is not a number; expected one such as 5.4, -3 or 1e3, with one of the prefixes %s before it if need be", clip(text), prefixNames)
	}
	c := NumberCriterion{Prefix: prefix, Value: d}
	if c.Low, c.High = datatypes.Implied(d); prefix == Ap {
		c.widen()
	}
	return c, nil
}

// widen takes a tenth of the number more on both sides: https://hl7.org/fhir/R4/search.html#prefix
func (c *NumberCriterion) widen() {
	tenth := new(apd.Decimal).Set(c.Value)
	tenth.Negative = false
	tenth.Exponent--
	low, high := new(apd.Decimal), new(apd.Decimal)
	if _, err := apd.BaseContext.Sub(low, c.Low, tenth); err != nil {
		return // beyond the exponents that are read
	}
	if _, err := apd.BaseContext.Add(high, c.High, tenth); err != nil {
		return
	}
	c.Low, c.High = low, high
}
