package pebble

import (
	"bytes"
	"encoding/binary"

	"github.com/cockroachdb/apd/v3"

	"kiln/search"
)

// date lowers bounds to ranges over low or high ends. Short spans that are the only value of their
// resource stand apart, so that both bounds narrow their range; for the others one end does, and the
// key tells the other. https://hl7.org/fhir/R4/search.html#date
func (l lowering) date(b search.DateBounds) []scan {
	var scans []scan
	if b.Not {
		judge := l.span(b, false)
		if l.single {
			scans = append(scans, whole(l.key(indexLow), judge))
		}
		return append(scans, whole(l.key(indexLongLow), judge))
	}
	if l.single {
		from, to := b.LowFrom, min(b.LowTo, b.HighTo)
		if b.HighFrom > search.MinTime {
			from = max(from, b.HighFrom-shortSpan)
		}
		scans = append(scans, l.times(indexLow, from, to, l.span(b, false)))
	}
	switch {
	case b.HighFrom > search.MinTime || b.LowFrom == search.MinTime && b.LowTo == search.MaxTime:
		return append(scans, l.times(indexLongHigh, b.HighFrom, b.HighTo, l.span(b, true)))
	default:
		return append(scans, l.times(indexLongLow, b.LowFrom, min(b.LowTo, b.HighTo), l.span(b, false)))
	}
}

// times is the range of keys that begin with a time from one to another, both included; the judge
// tells what of it counts.
func (l lowering) times(kind byte, from, to int64, judge func([]byte) verdict) scan {
	s := scan{lower: appendTime(l.key(kind), from), judge: judge}
	if s.upper = after(appendTime(l.key(kind), to)); s.upper == nil || bytes.Compare(s.upper, s.lower) < 0 {
		s.upper = s.lower
	}
	return s
}

// span judges keys of both ends.
func (l lowering) span(b search.DateBounds, highFirst bool) func([]byte) verdict {
	return func(body []byte) verdict {
		body = l.body(body)
		if len(body) < 16 {
			return no
		}
		v := search.DateValue{Low: readTime(body), High: readTime(body[8:])}
		if highFirst {
			v.Low, v.High = v.High, v.Low
		}
		return sure(b.Match(v))
	}
}

// number lowers a comparison to ranges of points, and to a range of spans by the end that counts.
// https://hl7.org/fhir/R4/search.html#number
func (l lowering) number(c search.NumberCriterion) []scan {
	scans := l.points(c)
	spanKind, judge := byte(indexLongLow), l.numberSpan(c, false)
	if c.Prefix == search.Gt || c.Prefix == search.Ge {
		spanKind, judge = indexLongHigh, l.numberSpan(c, true)
	}
	s := whole(l.key(spanKind), judge)
	switch c.Prefix {
	case search.Gt, search.Ge:
		s.lower = l.decimal(spanKind, c.Value)
	case search.Lt, search.Le:
		s.upper = after(l.decimal(spanKind, c.Value))
	}
	return append(scans, s)
}

func (l lowering) decimal(kind byte, d *apd.Decimal) []byte {
	key, _ := appendDecimal(l.key(kind), d)
	return key
}

// points are the ranges of numbers that are no spans. Ends that are too long for a key make keys
// beside them unsure.
func (l lowering) points(c search.NumberCriterion) []scan {
	all := l.key(indexPoint)
	judge := l.point(c)
	from := func(d *apd.Decimal) scan {
		return scan{lower: l.decimal(indexPoint, d), upper: after(all), judge: judge}
	}
	to := func(d *apd.Decimal) scan {
		return scan{lower: all, upper: after(l.decimal(indexPoint, d)), judge: judge}
	}
	switch c.Prefix {
	case search.Ne:
		low, high := to(c.Low), from(c.High)
		if bytes.Compare(low.upper, high.lower) > 0 {
			return []scan{whole(all, judge)}
		}
		return []scan{low, high}
	case search.Gt, search.Ge, search.Sa:
		return []scan{from(c.Value)}
	case search.Lt, search.Le, search.Eb:
		return []scan{to(c.Value)}
	}
	s := from(c.Low)
	s.upper = after(l.decimal(indexPoint, c.High))
	return []scan{s}
}

// point judges a number by its key, inverted into a number again.
func (l lowering) point(c search.NumberCriterion) func([]byte) verdict {
	return func(body []byte) verdict {
		d, _, exact, ok := readDecimal(l.body(body))
		if !ok {
			return no
		}
		if !exact {
			return maybe
		}
		return sure(c.Match(search.NumberValue{Low: d, High: d}))
	}
}

// numberSpan judges a span. Whether its ends are open is not in the key: where that could matter the
// value is looked at.
func (l lowering) numberSpan(c search.NumberCriterion, highFirst bool) func([]byte) verdict {
	return func(body []byte) verdict {
		first, rest, exactFirst, ok := readDecimal(l.body(body))
		if !ok {
			return no
		}
		second, _, exactSecond, ok := readDecimal(rest)
		if !ok {
			return no
		}
		if !exactFirst || !exactSecond {
			return maybe
		}
		if highFirst {
			first, second = second, first
		}
		closed := c.Match(search.NumberValue{Low: first, High: second})
		open := c.Match(search.NumberValue{Low: first, High: second, LowOpen: true, HighOpen: true})
		if closed != open {
			return maybe
		}
		if low, high := c.Match(search.NumberValue{Low: first, High: second, LowOpen: true}),
			c.Match(search.NumberValue{Low: first, High: second, HighOpen: true}); low != closed || high != closed {
			return maybe
		}
		return sure(closed)
	}
}

// quantity lowers to the scans of the number for each unit that is asked for, converted to it.
// https://hl7.org/fhir/R4/search.html#quantity
func (l lowering) quantity(c search.QuantityCriterion) []scan {
	var scans []scan
	for _, unit := range l.x.distinct(l.key(indexUnit), 4) {
		text, err := l.x.store.dictionary.text(kindUnit, binary.BigEndian.Uint32(unit))
		l.x.fail(err)
		v, ok := splitUnit(text)
		if !ok {
			continue
		}
		number, ok := c.In(v)
		if !ok {
			continue
		}
		inner := lowering{x: l.x, prefix: append(l.key(indexUnit), unit...)}
		scans = append(scans, inner.number(number)...)
	}
	return scans
}
