package pebble

import (
	"bytes"

	"kiln/search"
)

// verdict is what an index key tells about a value.
type verdict uint8

const (
	no    verdict = iota
	yes           // the value meets the criterion
	maybe         // the key does not tell: the value itself must be looked at
)

// scan is a range of index keys that holds all values which meet a criterion.
type scan struct {
	// lower and upper bound the keys; upper is nil where nothing follows.
	lower, upper []byte
	// posting tells that all keys are lower and a document number, and that all of them meet it.
	posting bool
	// tail, above 0, tells that all keys are lower, as many bytes that part them into postings, and a
	// document number, and that all of them meet it.
	tail int
	// judge decides by the key's body, that is without parameter and document; nil is always yes.
	judge func(body []byte) verdict
}

func posting(prefix []byte) scan { return scan{lower: prefix, upper: after(prefix), posting: true} }

// parted are the postings of all keys that are prefix and tail more bytes.
func parted(prefix []byte, tail int) scan {
	return scan{lower: prefix, upper: after(prefix), tail: tail}
}

// postings lists the postings of a parted scan; ok is false where there are too many.
func (s scan) postings(x *walk) (list []scan, ok bool) {
	tails := x.distinct(s.lower, s.tail)
	for _, tail := range tails {
		list = append(list, posting(append(bytes.Clone(s.lower), tail...)))
	}
	return list, len(list) <= tuned.scans
}

// whole is all that begins with prefix.
func whole(prefix []byte, judge func([]byte) verdict) scan {
	return scan{lower: prefix, upper: after(prefix), judge: judge}
}

func always(v verdict) func([]byte) verdict { return func([]byte) verdict { return v } }

// sure is yes or no.
func sure(met bool) verdict {
	if met {
		return yes
	}
	return no
}

// lowering turns criteria into scans. Its prefix is that of the parameter's keys, and for the second
// component of a composite also the key of the first.
type lowering struct {
	x      *walk
	prefix []byte
	single bool // the keys of values that are alone stand apart
}

func (l lowering) key(kind byte) []byte {
	return append(append(make([]byte, 0, len(l.prefix)+64), l.prefix...), kind)
}

// body is what follows parameter (and first component) and kind in a key.
func (l lowering) body(body []byte) []byte { return body[len(l.prefix)-indexPrefixSize+1:] }

// indexPrefixSize is the length of indexPrefix.
const indexPrefixSize = 5

// lower gives the scans for a criterion; ok is false when no index serves it.
func (l lowering) lower(m search.Modifier, c search.Criterion) (scans []scan, ok bool) {
	switch c := c.(type) {
	case search.StringCriterion:
		return l.string(m, c)
	case search.TokenCriterion:
		return l.token(m, c)
	case search.ReferenceCriterion:
		return l.reference(m, c)
	case search.DateCriterion:
		return l.date(c.Bounds()), m == search.Plain
	case search.NumberCriterion:
		return l.number(c), m == search.Plain
	case search.QuantityCriterion:
		return l.quantity(c), m == search.Plain
	case search.URICriterion:
		return l.uri(m, c)
	case search.PositionCriterion:
		return l.near(c), m == search.Plain
	case search.CompositeCriterion:
		return l.composite(c), m == search.Plain
	}
	return nil, false
}
