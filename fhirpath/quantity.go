package fhirpath

import (
	"math/big"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources"
	"kiln/resources/datatypes"
	"kiln/resources/ucum"
)

// Quantities: http://hl7.org/fhirpath/N1/#quantity and
// https://hl7.org/fhir/R4/fhirpath.html#quantity

// quantity is a value with a unit: a UCUM code, or a calendar duration in the singular. Both
// are immutable.
type quantity struct {
	value    *apd.Decimal
	unit     string
	calendar bool
	// fhir marks a FHIR Quantity of UCUM years or months, which R4 reads as calendar years or
	// months; it meets quantities of either kind as an equal.
	fhir bool
}

// calendarUnits are the calendar durations with the UCUM units that stand for them.
var calendarUnits = map[string]string{
	"year": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms",
}

var calendarOf = map[string]string{
	"a": "year", "mo": "month", "wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond",
}

func singular(unit string) string { return strings.TrimSuffix(unit, "s") }

// isCalendar reports whether the word is a calendar duration, singular or plural.
func isCalendar(word string) bool { return calendarUnits[singular(word)] != "" && word != "" }

func trimQuotes(s string) string {
	if len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'' {
		return s[1 : len(s)-1]
	}
	return s
}

// String is the quantity as a literal: 1.50 'mg', 1 year, 2 years.
func (q *quantity) String() string {
	text := q.value.Text('f')
	if !q.calendar {
		return text + " " + quote(q.unit, '\'')
	}
	if text == "1" {
		return "1 " + q.unit
	}
	return text + " " + q.unit + "s"
}

func (q *quantity) member(out Collection, name string) Collection {
	switch name {
	case "value":
		return append(out, FromDecimal(q.value))
	case "unit":
		return append(out, FromString(q.unit))
	}
	return out
}

// fromQuantityElement reads a FHIR Quantity. One with a comparator is no single amount, and one
// without a value none at all. Without a code the unit is what was written for people.
func fromQuantityElement(el resources.Element) (Value, bool) {
	in := datatypes.QuantityOf(el)
	if in.Value == nil || in.Comparator != "" {
		return Value{}, false
	}
	q := &quantity{value: in.Value, unit: "1"}
	switch {
	case in.System == ucum.System && in.Code != "":
		q.unit = in.Code
		q.fhir = in.Code == "a" || in.Code == "mo"
	case in.Code != "":
		q.unit = in.System + "|" + in.Code // equal to the same unit, and to no UCUM one
	case in.Unit != "":
		q.unit = in.Unit
	}
	return Value{kind: kindQuantity, boxed: q}, true
}

// quantities reads both values as quantities where at least one is; a number has the unit '1'.
func quantities(a, b Value) (p, q *quantity, ok bool) {
	if a.kind != kindQuantity && b.kind != kindQuantity {
		return nil, nil, false
	}
	if p, ok = asQuantity(a); !ok {
		return nil, nil, false
	}
	q, ok = asQuantity(b)
	return p, q, ok
}

func asQuantity(v Value) (*quantity, bool) {
	if v.kind == kindQuantity {
		return v.quantity(), true
	}
	if d, ok := v.asDecimal(); ok {
		return &quantity{value: d, unit: "1"}, true
	}
	return nil, false
}

// calendarUnit is the calendar duration that the unit is or, from weeks down, stands for.
func (q *quantity) calendarUnit() (string, bool) {
	if q.calendar {
		return q.unit, true
	}
	if (q.unit == "a" || q.unit == "mo") && !q.fhir {
		return "", false
	}
	if isCalendar(q.unit) { // 1 'month', as some write it
		return singular(q.unit), true
	}
	unit, ok := calendarOf[q.unit]
	return unit, ok
}

// asCalendar is q with a calendar unit where it has one of time.
func (q *quantity) asCalendar() (*quantity, bool) {
	if q.calendar {
		return q, true
	}
	unit, ok := calendarOf[q.unit]
	return &quantity{value: q.value, unit: unit, calendar: true}, ok
}

// asUCUM is q with a UCUM unit; false for calendar years and months, which have no fixed length.
func (q *quantity) asUCUM() (*quantity, bool) {
	if !q.calendar {
		return q, true
	}
	if q.unit == "year" || q.unit == "month" {
		return nil, false
	}
	return &quantity{value: q.value, unit: calendarUnits[q.unit]}, true
}

// align gives both the same kind of unit: calendar with calendar, else UCUM.
func align(p, q *quantity) (a, b *quantity, ok bool) {
	if p.calendar == q.calendar {
		return p, q, true
	}
	if p.fhir || q.fhir {
		a, ok = p.asCalendar()
		if b, _ = q.asCalendar(); ok && b != nil {
			return a, b, true
		}
	}
	if isMean(p) || isMean(q) {
		return nil, nil, false
	}
	if a, ok = p.asUCUM(); !ok {
		return nil, nil, false
	}
	b, ok = q.asUCUM()
	return a, b, ok
}

// isMean reports whether the unit is UCUM's mean year or month, which is not compared with
// calendar durations: 1 year = 1 'a' is not known.
func isMean(q *quantity) bool { return !q.calendar && (q.unit == "a" || q.unit == "mo") }

// calendarLength gives calendar durations a length among themselves: months for years and
// months, and where those meet shorter units a month of 30 and a year of 365 days.
// http://hl7.org/fhirpath/N1/#toquantityunit-string-quantity
var calendarLength = map[string]*big.Rat{
	"year": big.NewRat(365*86400, 1), "month": big.NewRat(30*86400, 1), "week": big.NewRat(7*86400, 1), "day": big.NewRat(86400, 1),
	"hour": big.NewRat(3600, 1), "minute": big.NewRat(60, 1), "second": big.NewRat(1, 1), "millisecond": big.NewRat(1, 1000),
}

func monthsIn(unit string) *big.Rat {
	switch unit {
	case "year":
		return big.NewRat(12, 1)
	case "month":
		return big.NewRat(1, 1)
	}
	return nil
}

// calendarFactor is the length of unit in terms of other.
func calendarFactor(unit, other string) *big.Rat {
	if a, b := monthsIn(unit), monthsIn(other); a != nil && b != nil {
		return new(big.Rat).Quo(a, b)
	}
	return new(big.Rat).Quo(calendarLength[unit], calendarLength[other])
}

// converted is q in the unit of other, exactly; false where the units do not measure the same.
func (q *quantity) converted(other *quantity) (*big.Rat, bool) {
	value := rat(q.value)
	if value == nil {
		return nil, false
	}
	if q.unit == other.unit && q.calendar == other.calendar {
		return value, true
	}
	if q.calendar {
		return value.Mul(value, calendarFactor(q.unit, other.unit)), true
	}
	from, err := ucum.Parse(q.unit)
	if err != nil {
		return nil, false
	}
	to, err := ucum.Parse(other.unit)
	if err != nil || !from.Commensurable(to) {
		return nil, false
	}
	return to.FromCanonical(from.ToCanonical(value)), true
}

// compare orders two quantities; known is false where their units do not measure the same.
func (q *quantity) compare(other *quantity) (order int, known bool) {
	if q.unit == other.unit && q.calendar == other.calendar {
		return q.value.Cmp(other.value), true
	}
	a, b, ok := align(q, other)
	if !ok {
		return 0, false
	}
	x, ok := a.converted(b)
	y := rat(b.value)
	if !ok || y == nil {
		return 0, false
	}
	return x.Cmp(y), true
}

// equivalent compares in the larger of the two units and at the precision of the less precise
// value; calendar years and months are equivalent to mean ones.
// http://hl7.org/fhirpath/N1/#equivalent
func (q *quantity) equivalent(other *quantity) bool {
	a, b := q, other
	if a.calendar != b.calendar {
		x, xok := a.asCalendar()
		y, yok := b.asCalendar()
		if !xok || !yok {
			return false
		}
		a, b = x, y
	}
	if one, ok := (&quantity{value: apd.New(1, 0), unit: a.unit, calendar: a.calendar}).converted(b); ok && one.Cmp(big.NewRat(1, 1)) > 0 {
		a, b = b, a // convert to the larger unit
	}
	x, ok := a.converted(b)
	if !ok {
		return false
	}
	return equivalentDecimals(ratDecimal(x), b.value)
}

// unitNamed is a quantity without value in a unit: "mg", "'mg'" or "days". known is false for a
// unit that UCUM does not have.
func unitNamed(unit string) (q *quantity, known bool) {
	if isCalendar(unit) {
		return &quantity{unit: singular(unit), calendar: true}, true
	}
	q = &quantity{unit: trimQuotes(unit)}
	_, err := ucum.Parse(q.unit)
	return q, err == nil
}

// inUnit is q in another unit: "mg", "'mg'" or "days"; false where that is not possible.
// https://hl7.org/fhirpath/N1/#toquantityunit-string-quantity
func (q *quantity) inUnit(unit string) (*quantity, bool) {
	target, _ := unitNamed(unit)
	from := q
	if q.calendar != target.calendar {
		a, b, ok := align(q, target)
		if !ok {
			return nil, false
		}
		from = a
		if b.calendar != target.calendar || b.unit != target.unit {
			value, ok := from.converted(b)
			if !ok {
				return nil, false
			}
			target.value = ratDecimal(value)
			return target, true
		}
	}
	value, ok := from.converted(target)
	if !ok {
		return nil, false
	}
	target.value = ratDecimal(value)
	return target, true
}

// rat is d as an exact fraction; nil for exponents so large that it would take megabytes.
func rat(d *apd.Decimal) *big.Rat {
	if d.Exponent > datatypes.MaxExponent || d.Exponent < -2*datatypes.MaxExponent {
		return nil
	}
	r, ok := new(big.Rat).SetString(d.Text('e'))
	if !ok {
		return nil
	}
	return r
}

// ratDecimal is r as a decimal of at most 34 digits, without trailing zeros.
func ratDecimal(r *big.Rat) *apd.Decimal {
	num, _, err := apd.NewFromString(r.Num().String())
	den, _, err2 := apd.NewFromString(r.Denom().String())
	if err != nil || err2 != nil {
		return new(apd.Decimal)
	}
	d, ok := quotient(num, den)
	if !ok {
		return new(apd.Decimal)
	}
	return d
}
