package pebble

import (
	"kiln/search"
)

// windows takes pairs of bounds on one date parameter, such as date=ge2024&date=lt2025, out of a
// conjunction and makes one leg of each parameter's. Values that are short and alone in their
// resource are read from a range that is narrow on both sides; of the others, which may meet one
// bound with one value and the other with another, the sets of each bound are intersected.
func (x *walk) windows(typ code, all search.And, legs *[]leg) (rest search.And) {
	byParam := map[*search.Parameter]search.And{}
	for _, e := range all {
		if t, ok := e.(search.Test); ok && isBound(t) {
			byParam[t.Param] = append(byParam[t.Param], t)
		}
	}
	done := map[*search.Parameter]bool{}
	for _, e := range all {
		t, ok := e.(search.Test)
		if !ok || !isBound(t) || len(byParam[t.Param]) < 2 {
			rest = append(rest, e)
			continue
		}
		if !done[t.Param] {
			done[t.Param] = true
			*legs = append(*legs, x.windowLeg(typ, t.Param, byParam[t.Param]))
		}
	}
	return rest
}

// isBound reports whether a test is one comparison with a date.
func isBound(t search.Test) bool {
	if len(t.Any) != 1 || t.Modifier != search.Plain {
		return false
	}
	c, ok := t.Any[0].(search.DateCriterion)
	return ok && !c.Bounds().Not
}

func (x *walk) windowLeg(typ code, p *search.Parameter, tests search.And) leg {
	param := x.store.dictionary.parameterCode(p)
	if param == 0 {
		return fixed(tests, "nothing", p.Code, empty{}, 0)
	}
	l := lowering{x: x, prefix: indexPrefix(nil, typ, param), single: true}
	merged := search.DateBounds{LowFrom: search.MinTime, LowTo: search.MaxTime, HighFrom: search.MinTime, HighTo: search.MaxTime}
	long := make([]scan, len(tests))
	for i, e := range tests {
		b := e.(search.Test).Any[0].(search.DateCriterion).Bounds()
		merged.LowFrom, merged.LowTo = max(merged.LowFrom, b.LowFrom), min(merged.LowTo, b.LowTo)
		merged.HighFrom, merged.HighTo = max(merged.HighFrom, b.HighFrom), min(merged.HighTo, b.HighTo)
		scans := l.date(b)
		long[i] = scans[len(scans)-1]
	}
	short := l.date(merged)[0]
	narrow := leg{expr: tests, operation: "range", detail: p.Code, test: tuned.test, known: &known{}}
	apart, found := &known{}, narrow.known // of the short ones, and of all
	narrow.measure = func(limit int) int {
		n := x.peek(apart, []scan{short}, limit)
		least := limit
		for _, s := range long {
			least = min(least, x.measured(s, least))
		}
		if least == 0 {
			found.set = apart.set
		}
		return min(n+least, limit)
	}
	narrow.guess = func() int {
		n := x.guess(short.lower, short.upper)
		for _, s := range long {
			n += x.guess(s.lower, s.upper)
		}
		return n
	}
	narrow.open = func(x *walk) set {
		if found.whole() {
			return found.set
		}
		met := x.collect(search.Test{Param: p}, []scan{short}).set(x)
		others := make([]set, len(long))
		for i, s := range long {
			others[i] = x.collect(tests[i].(search.Test), []scan{s}).set(x)
		}
		return unite([]set{met, intersect(others)})
	}
	return narrow
}
