package pebble

import (
	"cmp"
	"slices"

	"kiln/search"
)

// plan gives the set of the resources of a type that now match a filter.
func (x *walk) plan(typ code, e search.Expr) set {
	legs := x.legs(typ, e)
	switch {
	case beside(legs):
		for i := range legs {
			legs[i].of = typ
		}
	case len(legs) > 1 || len(legs) == 1 && (legs[0].parted || x.need > 0 && !legs[0].lazy):
		x.probe(typ, legs)
	}
	return x.conjunction(typ, legs)
}

func (x *walk) typeName(typ code) string {
	name, err := x.store.dictionary.typeName(typ)
	x.fail(err)
	return name
}

// probe sizes the legs until one of them turns out to be small: by counting, and where all are large by
// what they take on disk. Of the others, those that would have to be collected are counted as far as
// collecting could pay; what is read as it is walked need not be sized.
func (x *walk) probe(typ code, legs []leg) {
	least := unsized
	for _, limit := range [...]int{tuned.probe, 4 * tuned.probe} {
		for _, l := range probing(legs, limit > tuned.probe) {
			if least == unsized && !x.stopped() && !l.spared() && l.sized(limit) < limit && !l.negative {
				least = l.size
			}
		}
	}
	for _, l := range probing(legs, true) {
		switch {
		case x.stopped() || l.complete() || l.spared() && least < unsized:
		case least < unsized && !l.lazy:
			l.sized(least*l.test + 1)
		case least == unsized && l.guess != nil:
			l.enlarge()
		}
		if l.complete() && !l.negative {
			least = min(least, l.size)
		}
	}
	for i := range legs {
		if l := &legs[i]; l.probed == 0 && l.measure != nil && !l.negative {
			l.size, l.of = unsized, typ
		}
	}
}

// beside reports whether all legs but one that is walked are spared. Nothing is sized then: what is walked is tested, until
// that has cost as much as opening the others.
func beside(legs []leg) bool {
	walked := 0
	for i := range legs {
		switch l := &legs[i]; {
		case l.spared():
		case l.lazy && !l.parted && !l.negative && l.scans == 1:
			walked++
		default:
			return false
		}
	}
	return walked == 1 && len(legs) > 1
}

// spared reports whether a leg is sized only where no other is small.
func (l *leg) spared() bool { return l.broad && !l.negative }

// unsized is the size of legs that were not sized.
const unsized = 1 << 31

// complete tells that the size is exact.
func (l *leg) complete() bool { return l.size < l.probed }

// probing gives the legs that can be opened in the order in which they are to be sized: first those that
// are most likely small, or those whose counting spares collecting them.
func probing(legs []leg, collected bool) []*leg {
	order := make([]*leg, 0, len(legs))
	for i := range legs {
		if legs[i].open != nil {
			order = append(order, &legs[i])
		}
	}
	slices.SortStableFunc(order, func(a, b *leg) int {
		if collected && a.lazy != b.lazy {
			return rank(a.lazy) - rank(b.lazy)
		}
		return rank(b.refers()) - rank(a.refers())
	})
	return order
}

// rank is 1 for what comes first.
func rank(first bool) int {
	if first {
		return 1
	}
	return 0
}

// refers reports whether the leg asks for references, of which there are few of a kind.
func (l *leg) refers() bool {
	t, ok := l.expr.(search.Test)
	return ok && t.Param.Type == search.TypeReference
}

// countable is up to how many documents counting is worth more than a guess, which is as coarse as
// the blocks of the files and knows nothing of what is in memory.
const countable = 1024

// enlarge sizes a leg that is larger than was counted.
func (l *leg) enlarge() {
	if !l.lazy && l.sized(countable) < countable {
		return
	}
	guess := l.guess()
	if guess < 2*countable && l.sized(countable) < countable {
		return
	}
	l.size = max(l.size, guess)
}

// estimate is how many documents match all legs, if the legs have nothing to do with one another.
func (x *walk) estimate(typ code, legs []leg) int {
	all := max(1, x.live(typ))
	matches := float64(all)
	for i := range legs {
		l := &legs[i]
		if l.open == nil {
			continue
		}
		part := min(1, float64(l.size)/float64(all))
		if l.negative {
			part = 1 - part
		}
		matches *= part
	}
	return int(matches)
}

// conjunction intersects the legs that are worth opening and tests what they leave on the rest.
func (x *walk) conjunction(typ code, legs []leg) set {
	if len(legs) == 0 {
		x.note(&leg{operation: "all", detail: x.typeName(typ), size: x.live(typ)})
		return x.alive(typ)
	}
	slices.SortStableFunc(legs, func(a, b leg) int {
		return cmp.Or(order(a)-order(b), a.size-b.size)
	})
	all := unsized
	if slices.ContainsFunc(legs, func(l leg) bool { return l.open != nil && !l.lazy && !l.known.whole() && !l.spared() }) {
		all = max(1, x.live(typ))
	}
	candidates := all // that are looked at, as far as legs opened so far tell
	var sets, without []set
	var rest []leg
	for i := range legs {
		l := &legs[i]
		if !l.worth(candidates, all, x.need, len(sets) == 0) {
			rest = append(rest, *l)
			continue
		}
		step := x.note(l)
		s := l.open(x)
		x.done(step)
		if l.negative {
			without = append(without, s)
		} else {
			sets = append(sets, s)
			candidates = min(candidates, l.size)
		}
	}
	if len(sets) == 0 {
		sets = append(sets, x.alive(typ))
	}
	s := intersect(sets)
	if len(without) > 0 {
		s = subtract(s, unite(without))
	}
	if len(rest) > 0 {
		s = x.filter(s, rest)
	}
	return s
}

// order puts legs that narrow before those that leave out, and tests last.
func order(l leg) int {
	switch {
	case l.open == nil:
		return 2
	case l.negative:
		return 1
	}
	return 0
}

// worth reports whether opening a leg costs less than testing the candidates on it. A page needs
// only as many candidates as make up for those that the leg turns down.
func (l *leg) worth(candidates, all, need int, first bool) bool {
	if l.open == nil {
		return false
	}
	if l.lazy || l.known.whole() {
		return true
	}
	tested := candidates
	if need > 0 {
		passing := max(1, l.size)
		if l.negative {
			passing = max(1, all-l.size)
		}
		tested = min(tested, need*(all/passing+1))
	}
	opening := l.opening
	if opening == 0 {
		opening = l.size
	}
	if first && !l.negative && need == 0 {
		return opening <= all*l.test
	}
	return opening <= tested*l.test
}
