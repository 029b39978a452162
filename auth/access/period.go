package access

import (
	"errors"
	"time"

	"kiln/resources"
	"kiln/resources/datatypes"
	"kiln/store"
)

// during reports whether a Period covers the moment; one that is not there does. What cannot be read covers nothing. The
// next moment at which the answer may change bounds how long the facts hold.
func (g *gathering) during(period resources.Element) bool {
	from, to, ok := span(period, g.options.Zone)
	g.turns(from)
	g.turns(to)
	return ok && covers(from, to, g.now)
}

// turns notes a moment at which facts change.
func (g *gathering) turns(t time.Time) {
	if t.After(g.now) && t.Before(g.facts.until) {
		g.facts.until = t
	}
}

func covers(from, to, now time.Time) bool {
	return (from.IsZero() || !now.Before(from)) && (to.IsZero() || now.Before(to))
}

// span is what a Period covers, zero where it is open: https://hl7.org/fhir/R4/datatypes.html#Period
func span(period resources.Element, zone *time.Location) (from, to time.Time, ok bool) {
	if period.IsZero() {
		return from, to, true
	}
	ok = true
	if text := period.First("start").Text(); text != "" {
		t, err := datatypes.ParseDateTime(text)
		from, _ = t.Range(zone)
		ok = err == nil
	}
	if text := period.First("end").Text(); text != "" {
		t, err := datatypes.ParseDateTime(text)
		_, to = t.Range(zone)
		ok = ok && err == nil
	}
	return from, to, ok
}

func missing(err error) bool {
	var gone *store.GoneError
	return errors.Is(err, store.ErrNotFound) || errors.As(err, &gone)
}
