package pebble

import (
	"bytes"

	"kiln/search"
)

// pair is an equality on a held parameter and what a filter asks of a date beside it.
type pair struct {
	held   search.Test
	by     *search.Parameter // whose postings find what is held: mostly its own
	plain  [][]byte          // the keys of the values asked for, without documents
	keys   [][]byte          // what their dated postings begin with, up to the class
	bounds search.And
	rest   search.And // what the filter asks beside both
}

// pair finds in a conjunction what dated postings of a date parameter can serve; ok is false where they
// can serve nothing. Of several held parameters it takes a reference, which has few resources.
func (x *walk) pair(typ code, all search.And, date *search.Parameter) (p pair, ok bool) {
	at := -1
	for i, e := range all {
		t, isTest := e.(search.Test)
		if !isTest || t.Modifier != search.Plain {
			continue
		}
		by := x.holder(typ, t)
		if by != nil && (at < 0 || p.by.Type != search.TypeReference && by.Type == search.TypeReference) {
			at, p.by = i, by
		}
	}
	if at < 0 {
		return p, false
	}
	p.held = all[at].(search.Test)
	for i, e := range all {
		switch t, isTest := e.(search.Test); {
		case i == at:
		case isTest && t.Param == date && isBound(t):
			p.bounds = append(p.bounds, t)
		default:
			p.rest = append(p.rest, e)
		}
	}
	return p, x.openPair(typ, &p, date)
}

// openPair finds the keys of the values asked for; false where there is no small number of them.
func (x *walk) openPair(typ code, p *pair, date *search.Parameter) bool {
	l := lowering{x: x, prefix: indexPrefix(nil, typ, x.store.dictionary.parameterCode(p.by)), single: true}
	var scans []scan
	for _, c := range p.held.Any {
		if token, ok := c.(search.TokenCriterion); ok && token.AnyCode {
			return false
		}
		more, ok := l.lower(p.held.Modifier, c)
		if !ok {
			return false
		}
		scans = append(scans, more...)
	}
	scans = partings(x, scans)
	if len(scans) > tuned.scans {
		return false
	}
	dateCode := x.store.dictionary.parameterCode(date)
	for _, s := range scans {
		if kind := s.lower[indexPrefixSize]; !s.posting || kind != indexCode && kind != indexReference {
			return false
		}
		p.plain = append(p.plain, s.lower)
		p.keys = append(p.keys, appendDated(nil, s.lower, dateCode))
	}
	return true
}

// holder is the parameter by whose dated postings a test is served; nil where there is none. What refers to
// a Patient as subject is found by patient, where that has the same references.
func (x *walk) holder(typ code, t search.Test) *search.Parameter {
	if x.roleOf(t.Param) == roleHeld {
		return t.Param
	}
	parameters := x.store.options.Parameters
	if t.Param.Type != search.TypeReference || parameters == nil || !toPatients(t) {
		return nil
	}
	patient := parameters.Lookup(x.typeName(typ), "patient")
	if patient == nil || x.roleOf(patient) != roleHeld || !patient.Restricted(t.Param, "Patient") {
		return nil
	}
	return patient
}

// toPatients reports whether a test asks for references to Patients of this server alone.
func toPatients(t search.Test) bool {
	for _, c := range t.Any {
		if r, ok := c.(search.ReferenceCriterion); !ok || r.Type != "Patient" || r.ID == "" || r.URL != "" {
			return false
		}
	}
	return len(t.Any) > 0
}

func (x *execution) roleOf(p *search.Parameter) role {
	c := x.store.dictionary.parameterCode(p)
	if c == 0 || x.isScanned(p) {
		return roleNone
	}
	return x.store.dictionary.role(c)
}

// dated takes a value and a span of time, such as code=X&date=ge2024, out of a conjunction and makes one
// leg of them. Where a page is all that is needed and the span is wide, testing what has the value on its
// date finds enough sooner than collecting does, so the conjunction is left as it is.
func (x *walk) dated(typ code, all search.And, legs *[]leg) (rest search.And) {
	for _, e := range all {
		t, ok := e.(search.Test)
		if !ok || !isBound(t) || x.roleOf(t.Param) != roleDate {
			continue
		}
		p, ok := x.pair(typ, all, t.Param)
		if !ok {
			return all
		}
		l := x.datedLeg(p)
		if most := max(4*tuned.probe, 2*x.need*tuned.test); x.need > 0 && l.sized(most) >= most {
			return all
		}
		*legs = append(*legs, l)
		return p.rest
	}
	return all
}

func (x *walk) datedLeg(p pair) leg {
	scans := p.scans()
	expr := append(search.And{p.held}, p.bounds...)
	l := leg{
		expr: expr, operation: "dated", test: tuned.test, known: &known{},
	}
	found := l.known
	l.measure = func(limit int) int { return x.peek(found, scans, limit) }
	l.guess = func() int {
		n := 0
		for _, s := range scans {
			n += x.guess(s.lower, s.upper)
		}
		return n
	}
	l.open = func(x *walk) set {
		if found.whole() {
			return found.set
		}
		return x.collect(expr, scans).set(x)
	}
	return l
}

// scans are the dated postings that may be within the bounds. The key tells of the dates in the order
// of time; others are looked at.
func (p *pair) scans() (scans []scan) {
	within, bounds := p.within(), p.each()
	judge := func(body []byte) verdict {
		v, ok := readDated(body)
		for _, b := range bounds {
			ok = ok && b.Match(v)
		}
		return sure(ok)
	}
	for _, key := range p.keys {
		for class, span := range datedSpans {
			scans = append(scans, classScan(key, byte(class), within, span, judge))
		}
		scans = append(scans, whole(append(bytes.Clone(key), datedOther), always(maybe)))
	}
	return scans
}

// each are the bounds of the tests, all of which a date that is alone must meet.
func (p *pair) each() []search.DateBounds {
	list := make([]search.DateBounds, len(p.bounds))
	for i, e := range p.bounds {
		list[i] = e.(search.Test).Any[0].(search.DateCriterion).Bounds()
	}
	return list
}

// within is what all bounds together leave of a date that is alone.
func (p *pair) within() search.DateBounds {
	all := search.DateBounds{LowFrom: search.MinTime, LowTo: search.MaxTime, HighFrom: search.MinTime, HighTo: search.MaxTime}
	for _, b := range p.each() {
		all.LowFrom, all.LowTo = max(all.LowFrom, b.LowFrom), min(all.LowTo, b.LowTo)
		all.HighFrom, all.HighTo = max(all.HighFrom, b.HighFrom), min(all.HighTo, b.HighTo)
	}
	return all
}

// classScan is the range of the starts that dates of a class may have within bounds.
func classScan(key []byte, class byte, b search.DateBounds, span int64, judge func([]byte) verdict) scan {
	key = append(bytes.Clone(key), class)
	from, to := b.LowFrom, min(b.LowTo, b.HighTo)
	if b.HighFrom > search.MinTime {
		from = max(from, b.HighFrom-span)
	}
	s := scan{lower: appendTime(bytes.Clone(key), from), judge: judge}
	if s.upper = after(appendTime(bytes.Clone(key), to)); s.upper == nil || bytes.Compare(s.upper, s.lower) < 0 {
		s.upper = s.lower
	}
	return s
}
