package search

import (
	"cmp"
	"strings"
	"time"

	"kiln/resources"
	"kiln/resources/datatypes"
)

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
	case Ap, Po:
		b.LowTo, b.HighFrom = c.High, c.Low
	case Co:
		b.LowTo, b.HighFrom = c.Low+1, c.High-1
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

var dateConverters = map[string]func(*extraction, resources.Element){
	"date":     func(x *extraction, e resources.Element) { x.date(e.Text()) },
	"dateTime": func(x *extraction, e resources.Element) { x.date(e.Text()) },
	"instant":  func(x *extraction, e resources.Element) { x.date(e.Text()) },
	"Period":   (*extraction).period,
	"Timing":   (*extraction).timing,
}

// date adds the span of a written time; a text that is none adds nothing.
func (x *extraction) date(text string) {
	if t, err := datatypes.ParseDateTime(text); err == nil {
		x.add(spanOf(t, x.options.Zone))
	}
}

func (x *extraction) period(e resources.Element) {
	if p := datatypes.PeriodOf(e); p.Start != nil || p.End != nil {
		x.add(periodSpan(p, x.options.Zone))
	}
}

// timing adds the outer limits of all events and bounds: https://hl7.org/fhir/R4/search.html#date
func (x *extraction) timing(e resources.Element) {
	events, bounds := datatypes.TimingBounds(e)
	span, found := DateValue{Low: MaxTime, High: MinTime}, false
	for _, t := range events {
		span, found = span.cover(spanOf(t, x.options.Zone)), true
	}
	if bounds.Start != nil || bounds.End != nil {
		span, found = span.cover(periodSpan(bounds, x.options.Zone)), true
	}
	if found {
		x.add(span)
	}
}

func (v DateValue) cover(o DateValue) DateValue {
	return DateValue{Low: min(v.Low, o.Low), High: max(v.High, o.High)}
}

// spanOf is the span in whole microseconds, never empty.
func spanOf(t datatypes.DateTime, zone *time.Location) DateValue {
	from, to := t.Range(zone)
	low, high := from.UnixMicro(), to.UnixMicro()
	return DateValue{Low: low, High: max(high, low+1)}
}

// periodSpan is open at an end that is not given. Of a period that ends before it starts, which
// validation refuses, it is the span between.
func periodSpan(p datatypes.Period, zone *time.Location) DateValue {
	span := DateValue{Low: MinTime, High: MaxTime}
	if p.Start != nil {
		span.Low = spanOf(*p.Start, zone).Low
	}
	if p.End != nil {
		span.High = spanOf(*p.End, zone).High
	}
	if span.High <= span.Low {
		return DateValue{Low: span.High - 1, High: span.Low + 1}
	}
	return span
}

// readDate reads a prefix and a date or time.
func readDate(r *reader, text string) (Criterion, *refusal) {
	text, bad := unescape(text)
	if bad != nil {
		return nil, bad
	}
	prefix, written := cutPrefix(text)
	t, err := datatypes.ParseDateTime(plusSign(written))
	if err != nil || t.Precision == datatypes.Hour {
		return nil, refuse("%q is not a date or time; expected YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.fff]] with an offset (Z, +hh:mm) if need be, and one of the prefixes %s before it", clip(text), prefixNames)
	}
	span := spanOf(t, r.options.Zone)
	c := DateCriterion{Prefix: prefix, Low: span.Low, High: span.High}
	if prefix == Ap {
		c.widen(r.options.Now().UnixMicro())
	}
	return c, nil
}

// widen takes a tenth of the gap between now and the date more on both sides.
func (c *DateCriterion) widen(now int64) {
	gap := int64(0)
	if now < c.Low {
		gap = c.Low - now
	} else if now > c.High {
		gap = now - c.High
	}
	c.Low, c.High = c.Low-gap/10, c.High+gap/10
}

// plusSign gives an offset the + back that a query string turns into a space when it was not
// written %2B.
func plusSign(s string) string {
	if i := len(s) - len(" 00:00"); i > 0 && s[i] == ' ' && strings.IndexByte(s, 'T') > 0 {
		return s[:i] + "+" + s[i+1:]
	}
	return s
}
