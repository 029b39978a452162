package fhirpath

import (
	"github.com/cockroachdb/apd/v3"

	"kiln/resources/datatypes"
)

// Boundaries and precision, for trial use: https://build.fhir.org/ig/HL7/FHIRPath/#boundary-functions

var boundaryFunctions = map[string]function{
	"lowBoundary":  {max: 1, apply: boundary(false)},
	"highBoundary": {max: 1, apply: boundary(true)},
	"precision":    {apply: precision},
	"comparable":   {min: 1, max: 1, apply: comparableTo},
}

// Digits of the default and the finest boundary of a decimal.
const (
	boundaryDigits    = 8
	maxBoundaryDigits = 28
)

func boundary(high bool) apply {
	return func(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
		v, ok, err := n.primitive(e, in)
		if err != nil {
			return out, err
		}
		digits, given, err := n.integerArg(e, f, 0)
		if err != nil || !ok {
			return out, err
		}
		if result, ok := boundaryOf(v, high, digits, given); ok {
			out = append(out, result)
		}
		return out, nil
	}
}

func boundaryOf(v Value, high bool, digits int64, given bool) (Value, bool) {
	switch v.kind {
	case kindDate, kindDateTime:
		return momentBoundary(v, high, digits, given)
	case kindTime:
		return timeBoundary(*v.time(), high, digits, given)
	}
	if !given {
		digits = boundaryDigits
	}
	if digits < 0 || digits > maxBoundaryDigits {
		return Value{}, false
	}
	if v.kind == kindQuantity {
		q := *v.quantity()
		q.value = decimalBoundary(q.value, high, int32(digits))
		return Value{kind: kindQuantity, boxed: &q}, true
	}
	d, ok := v.asDecimal()
	if !ok {
		return Value{}, false
	}
	return FromDecimal(decimalBoundary(d, high, int32(digits))), true
}

// decimalBoundary is the end of what the digits of d stand for, to so many decimal places: the
// end away from zero is rounded, the other one cut, so 1.587 is within 1.58 and 1.59, and 0.0034
// within 0.0 and 0.0. The official suite has it so.
func decimalBoundary(d *apd.Decimal, high bool, places int32) *apd.Decimal {
	from, to := datatypes.Implied(d)
	end, outward := from, from.Negative
	if high {
		end, outward = to, !to.Negative
	}
	if outward {
		return quantize(end, -places, apd.RoundHalfUp)
	}
	return quantize(end, -places, apd.RoundDown)
}

// momentDigits are the precisions by number of digits: 2014 has 4, 2014-01-01T10:30 has 12.
var momentDigits = map[int64]datatypes.Precision{
	4: datatypes.Year, 6: datatypes.Month, 8: datatypes.Day, 10: datatypes.Hour, 12: datatypes.Minute, 14: datatypes.Second, 17: datatypes.Fraction,
}

// Offsets of the boundaries of a time without one, in minutes: the earliest moment is the one
// furthest east. https://en.wikipedia.org/wiki/List_of_UTC_offsets
const (
	easternmost = 14 * 60
	westernmost = -12 * 60
)

func momentBoundary(v Value, high bool, digits int64, given bool) (Value, bool) {
	t := *v.dateTime()
	finest := datatypes.Fraction
	if v.kind == kindDate {
		finest = datatypes.Day
	}
	to, known := momentDigits[digits]
	if !given {
		to, known = finest, true
	}
	if !known {
		return Value{}, false
	}
	if !t.Zoned && to > datatypes.Day {
		t.Zoned, t.Offset = true, easternmost
		if high {
			t.Offset = westernmost
		}
	}
	if high {
		t = lastOf(t)
	}
	if t.Precision < datatypes.Fraction {
		t.Digits = 3
	}
	t.Precision = datatypes.Fraction
	t = t.Truncate(to)
	if to <= datatypes.Day && v.kind == kindDate {
		return FromDate(t), true
	}
	return FromDateTime(t), true
}

// lastOf fills the parts that were not written with their largest values.
func lastOf(t datatypes.DateTime) datatypes.DateTime {
	if t.Precision < datatypes.Month {
		t.Month = 12
	}
	if t.Precision < datatypes.Day {
		t.Day = 31
		t, _ = addMonths(t, 0)
	}
	c := lastOfTime(datatypes.Time{Hour: t.Hour, Minute: t.Minute, Second: t.Second, Nanosecond: t.Nanosecond, Precision: t.Precision})
	t.Hour, t.Minute, t.Second, t.Nanosecond = c.Hour, c.Minute, c.Second, c.Nanosecond
	return t
}

func lastOfTime(t datatypes.Time) datatypes.Time {
	if t.Precision < datatypes.Hour {
		t.Hour = 23
	}
	if t.Precision < datatypes.Minute {
		t.Minute = 59
	}
	if t.Precision < datatypes.Second {
		t.Second = 59
	}
	if t.Precision < datatypes.Fraction {
		t.Nanosecond = 999_000_000
	}
	return t
}

// timeDigits are the precisions of times: @T10:30 has 4 digits.
var timeDigits = map[int64]datatypes.Precision{
	2: datatypes.Hour, 4: datatypes.Minute, 6: datatypes.Second, 9: datatypes.Fraction,
}

func timeBoundary(t datatypes.Time, high bool, digits int64, given bool) (Value, bool) {
	to, known := timeDigits[digits]
	if !given {
		to, known = datatypes.Fraction, true
	}
	if !known {
		return Value{}, false
	}
	if high {
		t = lastOfTime(t)
	}
	if t.Precision < datatypes.Fraction {
		t.Digits = 3
	}
	t.Precision = to
	return FromTime(t), true
}

// precision counts the digits: of a decimal those behind the point, of a date or time all.
func precision(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	v, ok, err := n.primitive(e, in)
	if err != nil || !ok {
		return out, err
	}
	switch v.kind {
	case kindDate, kindDateTime:
		return append(out, FromInteger(digitsOf(momentDigits, v.dateTime().Precision, v.dateTime().Digits))), nil
	case kindTime:
		return append(out, FromInteger(digitsOf(timeDigits, v.time().Precision, v.time().Digits))), nil
	}
	if d, isNumber := v.asDecimal(); isNumber {
		out = append(out, FromInteger(int64(max(0, -d.Exponent))))
	}
	return out, nil
}

func digitsOf(table map[int64]datatypes.Precision, p datatypes.Precision, fraction int) int64 {
	for digits, precision := range table {
		if precision == p {
			if p == datatypes.Fraction {
				return digits - 3 + int64(fraction)
			}
			return digits
		}
	}
	return 0
}

// comparableTo tells whether the units of two quantities measure the same.
func comparableTo(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	v, ok, err := n.number(e, in)
	if err != nil {
		return out, err
	}
	other, given, err := n.arg(e, f, 0)
	if err != nil || !ok || !given {
		return out, err
	}
	p, isQuantity := asQuantity(v)
	q, ok := asQuantity(other)
	if !isQuantity || !ok {
		return out, n.fail(e, "takes quantities, found a %s and a %s.", v.TypeName(), other.TypeName())
	}
	_, known := p.compare(q)
	return append(out, FromBoolean(known)), nil
}
