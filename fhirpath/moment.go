package fhirpath

import (
	"time"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources/datatypes"
)

// Date and time arithmetic: http://hl7.org/fhirpath/N1/#datetime-arithmetic

// duration is an amount of time to add: months, or seconds and nanoseconds where the unit is a
// week or shorter.
type duration struct {
	unit           string // calendar unit in the singular
	months         int64
	seconds, nanos int64 // of the same sign
}

// secondsIn are the lengths of the units that always have one; a millisecond is 0.001.
var secondsIn = map[string]*apd.Decimal{
	"week": apd.New(7*86400, 0), "day": apd.New(86400, 0), "hour": apd.New(3600, 0),
	"minute": apd.New(60, 0), "second": apd.New(1, 0), "millisecond": apd.New(1, -3),
}

// maxSeconds is a little more than the 10,000 years that dates have.
const maxSeconds = 320_000_000_000

// durationOf reads a quantity as a duration. timed is false where the unit is none of time, or
// a mean year or month ('a', 'mo'), which no calendar knows; inRange where the amount is too
// large for any calendar. Of units above the second the fraction is cut.
func durationOf(q *quantity, negative bool) (d duration, timed, inRange bool) {
	if d.unit, timed = q.calendarUnit(); !timed {
		return d, false, false
	}
	value := q.value
	if negative {
		value = new(apd.Decimal).Neg(value)
	}
	if d.unit != "second" && d.unit != "millisecond" {
		value = quantize(value, 0, apd.RoundDown)
	}
	length := secondsIn[d.unit]
	if length == nil {
		months, ok := asInteger(value)
		if d.months = months; d.unit == "year" {
			d.months *= 12
		}
		return d, true, ok && abs(months) <= maxSeconds
	}
	total, ok := decimalOp(exact.Mul).of(value, length)
	if !ok {
		return d, true, false
	}
	whole := quantize(total, 0, apd.RoundDown)
	if d.seconds, ok = asInteger(whole); !ok || abs(d.seconds) > maxSeconds {
		return d, true, false
	}
	rest, _ := decimalOp(exact.Sub).of(quantize(total, -9, apd.RoundDown), whole)
	rest.Exponent += 9 // seconds to nanoseconds
	d.nanos, ok = asInteger(rest)
	return d, true, ok
}

func abs(i int64) int64 {
	if i < 0 {
		return -i
	}
	return i
}

// partLength is how long the parts of a date are taken to be where finer units are turned into
// them, in seconds: http://hl7.org/fhirpath/N1/#datetime-arithmetic
var partLength = map[datatypes.Precision]int64{
	datatypes.Year: 365 * 86400, datatypes.Month: 30 * 86400, datatypes.Day: 86400, datatypes.Hour: 3600, datatypes.Minute: 60,
}

// addTo adds d to a date or time; false where the year leaves 1 to 9999. What is finer than the
// precision is first turned into it and the rest cut: @2016 + 364 days is 2016. The 31st
// becomes the last day of a shorter month.
func (d duration) addTo(t datatypes.DateTime) (datatypes.DateTime, bool) {
	timed := d.unit != "year" && d.unit != "month"
	switch {
	case t.Precision == datatypes.Year && timed:
		return addMonths(t, 12*(d.seconds/partLength[datatypes.Year]))
	case t.Precision == datatypes.Month && timed:
		return addMonths(t, d.seconds/partLength[datatypes.Month])
	case t.Precision == datatypes.Year:
		return addMonths(t, d.months/12*12)
	case !timed:
		return addMonths(t, d.months)
	}
	return addSeconds(t, d.seconds, d.nanos)
}

func addMonths(t datatypes.DateTime, months int64) (datatypes.DateTime, bool) {
	if abs(months) > 12*10_000 {
		return t, false
	}
	total := int64(t.Year)*12 + int64(t.Month-1) + months
	year, month := total/12, total%12+1
	if year < 1 || year > 9999 {
		return t, false
	}
	t.Year, t.Month = int(year), int(month)
	t.Day = min(t.Day, time.Date(t.Year, time.Month(t.Month)+1, 0, 0, 0, 0, 0, time.UTC).Day())
	return t, true
}

func addSeconds(t datatypes.DateTime, seconds, nanos int64) (datatypes.DateTime, bool) {
	if length := partLength[t.Precision]; length > 0 {
		seconds, nanos = seconds/length*length, 0
	}
	second := min(t.Second, 59) // a leap second has no successor of its own
	m := time.Date(t.Year, time.Month(t.Month), t.Day, t.Hour, t.Minute, second, t.Nanosecond, time.UTC)
	m = m.AddDate(0, 0, int(seconds/86400))
	m = m.Add(time.Duration(seconds%86400)*time.Second + time.Duration(nanos))
	if m.Year() < 1 || m.Year() > 9999 {
		return t, false
	}
	t.Year, t.Month, t.Day = m.Year(), int(m.Month()), m.Day()
	t.Hour, t.Minute, t.Second, t.Nanosecond = m.Hour(), m.Minute(), m.Second(), m.Nanosecond()
	t.Precision, t.Digits = finer(t.Precision, t.Digits, t.Nanosecond)
	return t, true
}

// finer adds a fraction of three digits (or nine) to seconds where the result needs one.
func finer(p datatypes.Precision, digits, nanosecond int) (datatypes.Precision, int) {
	if p < datatypes.Second || nanosecond == 0 {
		return p, digits
	}
	if nanosecond%1_000_000 != 0 {
		return datatypes.Fraction, max(digits, 9)
	}
	return datatypes.Fraction, max(digits, 3)
}

// addToTime adds d to a time of day, around midnight if need be; false for days and longer.
func (d duration) addToTime(t datatypes.Time) (datatypes.Time, bool) {
	if d.unit == "year" || d.unit == "month" || d.unit == "week" || d.unit == "day" {
		return t, false
	}
	day := datatypes.DateTime{
		Year: 2000, Month: 1, Day: 1, Hour: t.Hour, Minute: t.Minute, Second: t.Second, Nanosecond: t.Nanosecond,
		Digits: t.Digits, Precision: t.Precision,
	}
	day, _ = addSeconds(day, d.seconds%86400, d.nanos)
	return datatypes.Time{
		Hour: day.Hour, Minute: day.Minute, Second: day.Second, Nanosecond: day.Nanosecond, Digits: day.Digits, Precision: day.Precision,
	}, true
}
