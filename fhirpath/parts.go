package fhirpath

import (
	"github.com/cockroachdb/apd/v3"

	"kiln/resources/datatypes"
)

// Parts of dates and times, for trial use; a part that was not written is empty. The names are
// those of CQL's and of HL7's own engine (yearOf()); the draft's year() and so on mean the same.
// https://build.fhir.org/ig/HL7/FHIRPath/#extract-datetime-components

var partFunctions = map[string]function{
	"yearOf":           {apply: part(datatypes.Year, true, func(t datatypes.DateTime) Value { return FromInteger(int64(t.Year)) })},
	"monthOf":          {apply: part(datatypes.Month, true, func(t datatypes.DateTime) Value { return FromInteger(int64(t.Month)) })},
	"dayOf":            {apply: part(datatypes.Day, true, func(t datatypes.DateTime) Value { return FromInteger(int64(t.Day)) })},
	"hourOf":           {apply: part(datatypes.Hour, false, func(t datatypes.DateTime) Value { return FromInteger(int64(t.Hour)) })},
	"minuteOf":         {apply: part(datatypes.Minute, false, func(t datatypes.DateTime) Value { return FromInteger(int64(t.Minute)) })},
	"secondOf":         {apply: part(datatypes.Second, false, func(t datatypes.DateTime) Value { return FromInteger(int64(t.Second)) })},
	"millisecondOf":    {apply: part(datatypes.Fraction, false, func(t datatypes.DateTime) Value { return FromInteger(int64(t.Nanosecond / 1_000_000)) })},
	"timezoneOffsetOf": {apply: part(datatypes.Hour, true, offsetHours)},
	"dateOf":           {apply: part(datatypes.Year, true, func(t datatypes.DateTime) Value { return FromDate(t.Truncate(datatypes.Day)) })},
	"timeOf":           {apply: part(datatypes.Hour, true, timeOf)},
}

// part makes a function that reads a part of a date or time of at least the precision.
func part(needed datatypes.Precision, dated bool, read func(datatypes.DateTime) Value) apply {
	return func(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
		v, ok, err := n.primitive(e, in)
		if err != nil || !ok {
			return out, err
		}
		t, isTime, ok := moment(v)
		if !ok || isTime && dated || t.Precision < needed {
			return out, nil
		}
		if v = read(t); v.kind != kindNone {
			out = append(out, v)
		}
		return out, nil
	}
}

// moment reads a date or time, or a string that is one.
func moment(v Value) (t datatypes.DateTime, isTime, ok bool) {
	switch v.kind {
	case kindDate, kindDateTime:
		return *v.dateTime(), false, true
	case kindTime:
		c := v.time()
		return datatypes.DateTime{
			Hour: c.Hour, Minute: c.Minute, Second: c.Second, Nanosecond: c.Nanosecond, Digits: c.Digits, Precision: c.Precision,
		}, true, true
	case kindString:
		t, err := datatypes.ParseDateTime(v.text)
		return t, false, err == nil
	}
	return t, false, false
}

func offsetHours(t datatypes.DateTime) Value {
	if !t.Zoned {
		return Value{}
	}
	hours, ok := quotient(apd.New(int64(t.Offset), 0), apd.New(60, 0))
	if !ok {
		return Value{}
	}
	return FromDecimal(hours)
}

func timeOf(t datatypes.DateTime) Value {
	return FromTime(datatypes.Time{
		Hour: t.Hour, Minute: t.Minute, Second: t.Second, Nanosecond: t.Nanosecond, Digits: t.Digits, Precision: t.Precision,
	})
}
