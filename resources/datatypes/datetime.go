package datatypes

import (
	"fmt"
	"time"
)

// Precision is the smallest part of a date or time that was written.
type Precision uint8

// The precisions, coarsest first.
const (
	Year Precision = iota
	Month
	Day
	Hour
	Minute
	Second
	Fraction // of a second; Digits tells how fine
)

// DateTime is a date, dateTime or instant, as far as it was written. Parts that were not
// written are 0 (month and day: 1).
type DateTime struct {
	Year, Month, Day     int
	Hour, Minute, Second int // Second may be 60
	Nanosecond           int
	Digits               int // of the fraction of a second; digits after the ninth count but are cut
	Precision            Precision
	Zoned                bool // an offset was written
	Offset               int  // east of UTC, in minutes
}

// ParseDateTime reads YYYY, YYYY-MM, YYYY-MM-DD and YYYY-MM-DDThh[:mm[:ss[.f…]]] with an optional
// offset (Z, +hh:mm, -hh:mm). It is wider than FHIR's date, dateTime and instant, whose lexical
// forms validation checks, since search and FHIRPath allow less precise times. Days must exist;
// 24:00 does not.
func ParseDateTime(s string) (DateTime, error) {
	t := DateTime{Month: 1, Day: 1}
	r := reader{rest: s}
	t.Year = r.number(4)
	if r.skip('-') {
		t.Precision, t.Month = Month, r.number(2)
		if r.skip('-') {
			t.Precision, t.Day = Day, r.number(2)
		}
	}
	if t.Precision == Day && r.skip('T') && r.rest != "" {
		r.clock(&t)
		r.offset(&t)
	}
	if r.failed || r.rest != "" || t.Year == 0 || !t.exists() {
		return DateTime{}, fmt.Errorf("%q is not a date or time; expected YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with an offset", clip(s))
	}
	return t, nil
}

func (t DateTime) exists() bool {
	return t.Month >= 1 && t.Month <= 12 && t.Day >= 1 && t.Day <= daysIn(t.Year, t.Month) &&
		t.Hour <= 23 && t.Minute <= 59 && t.Second <= 60 && t.Offset >= -14*60 && t.Offset <= 14*60
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// Location is the zone of the written offset, or zone where none was written.
func (t DateTime) Location(zone *time.Location) *time.Location {
	switch {
	case !t.Zoned:
		return zone
	case t.Offset == 0:
		return time.UTC
	}
	return time.FixedZone("", t.Offset*60)
}

// Start is the first moment that t covers. zone is used where no offset was written.
func (t DateTime) Start(zone *time.Location) time.Time {
	return time.Date(t.Year, time.Month(t.Month), t.Day, t.Hour, t.Minute, t.Second, t.Nanosecond, t.Location(zone))
}

// Range is the span [from, to) that t covers: a year, a month, a day, down to the last digit
// written of a second. Days of a zone with summer time may have 23 or 25 hours.
func (t DateTime) Range(zone *time.Location) (from, to time.Time) {
	from = t.Start(zone)
	switch t.Precision {
	case Year:
		return from, from.AddDate(1, 0, 0)
	case Month:
		return from, from.AddDate(0, 1, 0)
	case Day:
		return from, from.AddDate(0, 0, 1)
	case Hour:
		return from, from.Add(time.Hour)
	case Minute:
		return from, from.Add(time.Minute)
	case Second:
		return from, from.Add(time.Second)
	}
	return from, from.Add(fractionStep(t.Digits))
}

// fractionStep is the span that a fraction of so many digits covers, at least one nanosecond.
func fractionStep(digits int) time.Duration {
	step := time.Second
	for ; digits > 0 && step > 1; digits-- {
		step /= 10
	}
	return step
}

// String writes t with the precision it was read with.
func (t DateTime) String() string {
	switch t.Precision {
	case Year:
		return fmt.Sprintf("%04d", t.Year)
	case Month:
		return fmt.Sprintf("%04d-%02d", t.Year, t.Month)
	case Day:
		return fmt.Sprintf("%04d-%02d-%02d", t.Year, t.Month, t.Day)
	}
	clock := Time{t.Hour, t.Minute, t.Second, t.Nanosecond, t.Digits, t.Precision}
	return fmt.Sprintf("%04d-%02d-%02dT%s%s", t.Year, t.Month, t.Day, clock, t.zone())
}

func (t DateTime) zone() string {
	switch {
	case !t.Zoned:
		return ""
	case t.Offset == 0:
		return "Z"
	case t.Offset < 0:
		return fmt.Sprintf("-%02d:%02d", -t.Offset/60, -t.Offset%60)
	}
	return fmt.Sprintf("+%02d:%02d", t.Offset/60, t.Offset%60)
}

// DateTimeOf is a moment as a DateTime of the given precision in the moment's own zone. Below
// the second it has as many digits as digits says.
func DateTimeOf(m time.Time, precision Precision, digits int) DateTime {
	_, offset := m.Zone()
	t := DateTime{
		Year: m.Year(), Month: int(m.Month()), Day: m.Day(), Hour: m.Hour(), Minute: m.Minute(), Second: m.Second(),
		Nanosecond: m.Nanosecond(), Digits: digits, Precision: precision, Zoned: precision > Day, Offset: offset / 60,
	}
	return t.Truncate(precision)
}

// Truncate drops what is finer than precision.
func (t DateTime) Truncate(precision Precision) DateTime {
	if precision < Fraction {
		t.Nanosecond, t.Digits = 0, 0
	}
	if precision < Second {
		t.Second = 0
	}
	if precision < Minute {
		t.Minute = 0
	}
	if precision < Hour {
		t.Hour, t.Zoned, t.Offset = 0, false, 0
	}
	if precision < Day {
		t.Day = 1
	}
	if precision < Month {
		t.Month = 1
	}
	t.Precision = min(t.Precision, precision)
	return t
}
