package pebble

import (
	"slices"

	"kiln/search"
)

// containedLeg finds the resources in which a contained one matches. The index gives candidates, since
// it does not tell which of several contained resources has a value; the packed values decide.
func (x *walk) containedLeg(typ code, c search.Contained) leg {
	spaces := x.spaces(typ, c.Branches)
	if len(spaces) == 0 {
		return fixed(c, "nothing", "contained", empty{}, 0)
	}
	l := leg{expr: c, operation: "contained", detail: x.typeName(typ), test: tuned.test, lazy: true}
	l.measure = func(limit int) int { return x.countCandidates(spaces, limit) }
	l.guess = func() int { return x.live(typ) }
	exact := !slices.ContainsFunc(spaces, func(b branch) bool { return !x.told(b) })
	l.open = func(x *walk) set {
		switch {
		case exact:
			return x.exactly(spaces)
		case x.loose:
			return x.candidates(spaces)
		}
		return x.filter(x.candidates(spaces), []leg{{expr: c, operation: "contained", detail: l.detail}})
	}
	return l
}

// told reports whether the keys of a space tell by themselves which containers match: there is one condition
// at most, so that it does not matter which contained resource meets it, and no value has to be looked at.
func (x *walk) told(space branch) bool {
	if space.filter == nil {
		return true
	}
	t, ok := space.filter.(search.Test)
	if !ok {
		return false
	}
	scans := x.testScans(space.typ, x.store.dictionary.parameterCode(t.Param), t)
	return !slices.ContainsFunc(scans, func(s scan) bool { return s.judge != nil })
}

// exactly are the documents with a match in spaces whose keys tell.
func (x *walk) exactly(spaces []branch) set {
	sets := make([]set, len(spaces))
	for i, space := range spaces {
		t, ok := space.filter.(search.Test)
		if !ok {
			sets[i] = x.alive(space.typ)
			continue
		}
		l := x.insideTest(space.typ, t)
		step := x.note(&l)
		sets[i] = l.open(x)
		x.done(step)
	}
	return unite(sets)
}

// candidates are the documents that may have a contained resource which matches, each of the filters
// being of one space.
func (x *walk) candidates(spaces []branch) set {
	sets := make([]set, len(spaces))
	for i, space := range spaces {
		sets[i] = x.candidatesIn(space)
	}
	return unite(sets)
}

func (x *walk) countCandidates(spaces []branch, limit int) int {
	n := 0
	for _, space := range spaces {
		if n < limit {
			n += x.smallestIn(space, x.insideLegs(space.typ, space.filter), limit-n)
		}
	}
	return min(n, limit)
}

// smallestIn is how many documents the most selective leg of a space has, up to a limit.
func (x *walk) smallestIn(space branch, legs []leg, limit int) int {
	least := limit
	for i := range legs {
		least = min(least, legs[i].sized(least))
	}
	if len(legs) == 0 {
		prefix := append(indexPrefix(nil, space.typ, 0), indexAlive)
		least = x.countKeys(prefix, after(prefix), limit)
	}
	return least
}

// candidatesIn intersects the legs of a space that are read as they are walked, and of the others those that
// are worth collecting.
func (x *walk) candidatesIn(space branch) set {
	legs := x.insideLegs(space.typ, space.filter)
	if len(legs) == 0 {
		return x.alive(space.typ)
	}
	least := x.smallestIn(space, legs, countable)
	var sets []set
	for i := range legs {
		l := &legs[i]
		if l.lazy || l.known.whole() || l.sized(least*tuned.test+1) <= least*tuned.test {
			step := x.note(l)
			sets = append(sets, l.open(x))
			x.done(step)
		}
	}
	if len(sets) == 0 { // all are large
		return x.largeIn(space, &legs[0])
	}
	return intersect(sets)
}

// largeIn takes a leg where the space is larger.
func (x *walk) largeIn(space branch, l *leg) set {
	limit := countable * tuned.test
	if x.smallestIn(space, nil, limit) < limit {
		return x.alive(space.typ)
	}
	defer x.done(x.note(l))
	return l.open(x)
}

// insideLegs takes a filter apart for the resources of a space. Every document with one that matches the
// filter is in each leg, none of which looks at values; parts that have no such leg are left out.
func (x *walk) insideLegs(space code, e search.Expr) []leg {
	switch e := e.(type) {
	case search.And:
		var list []leg
		for _, part := range e {
			list = append(list, x.insideLegs(space, part)...)
		}
		return list
	case search.Or:
		return x.insideUnion(space, e)
	case search.Test:
		return []leg{x.insideTest(space, e)}
	case search.Missing:
		return x.insideMissing(space, e)
	case search.Chain:
		return []leg{x.insideChain(space, e)}
	case search.Nothing, search.Has:
		return []leg{fixed(e, "nothing", "", empty{}, 0)}
	}
	return nil
}

func (x *walk) insideUnion(space code, e search.Or) []leg {
	if len(e) == 0 {
		return []leg{fixed(e, "nothing", "", empty{}, 0)}
	}
	parts := make([]branch, len(e))
	for i, part := range e {
		if parts[i] = (branch{space, part}); len(x.insideLegs(space, part)) == 0 {
			return nil
		}
	}
	return []leg{{
		expr: e, operation: "union", lazy: true,
		open:    func(x *walk) set { return x.candidates(parts) },
		measure: func(limit int) int { return x.countCandidates(parts, limit) },
	}}
}

// insideTest lowers the criteria of a parameter. Where a key does not tell, it is taken.
func (x *walk) insideTest(space code, t search.Test) leg {
	param := x.store.dictionary.parameterCode(t.Param)
	if param == 0 || isLastUpdated(t.Param) {
		return fixed(t, "nothing", "", empty{}, 0)
	}
	return x.scanLeg(t, taken(x.testScans(space, param, t)))
}

// taken takes what a key does not tell of for a match.
func taken(scans []scan) []scan {
	for i := range scans {
		if judge := scans[i].judge; judge != nil {
			scans[i].judge = func(body []byte) verdict { return sure(judge(body) != no) }
		}
	}
	return scans
}

func (x *walk) insideMissing(space code, m search.Missing) []leg {
	param := x.store.dictionary.parameterCode(m.Param)
	switch {
	case m.Present && (param == 0 || isLastUpdated(m.Param)):
		return []leg{fixed(m, "nothing", "", empty{}, 0)}
	case param == 0 || isLastUpdated(m.Param):
		return nil
	}
	l := x.scanLeg(search.Test{Param: m.Param}, taken(x.missingScans(space, param, m.Present)))
	l.detail, l.operation = m.Param.Code+":missing", "missing"
	return []leg{l}
}

// insideChain finds what refers to a match of one of the branches, and what refers inside its container.
func (x *walk) insideChain(space code, c search.Chain) leg {
	param := x.store.dictionary.parameterCode(c.Param)
	if param == 0 {
		return fixed(c, "nothing", c.Param.Code, empty{}, 0)
	}
	local := x.scanLeg(search.Test{Param: c.Param}, []scan{localReferences(space, param)})
	inner := x.branches(c.Branches)
	if len(inner) == 0 {
		return local
	}
	l := x.joinLeg(c, "chain", c.Param.Code, inner, tuned.fanOut, tuned.join, tuned.lookup)
	outside := x.referrers(space, param, inner)
	l.open = func(x *walk) set { return unite([]set{outside(x).set(x), local.open(x)}) }
	return l
}

// localReferences are the references of a parameter to contained resources, or to the container.
func localReferences(typ, param code) scan {
	return whole(append(indexPrefix(nil, typ, param), indexURL, spaceMark[0]), always(yes))
}

// localChain collects the resources of a type that refer to a contained one which matches a branch.
func (x *walk) localChain(typ code, c search.Chain, found *collector) {
	param, spaces := x.store.dictionary.parameterCode(c.Param), x.spaces(typ, c.Branches)
	refer := localReferences(typ, param)
	open := len(x.iterators)
	defer func() { x.recycle(open) }()
	w := &walk{execution: x.execution}
	s := w.candidates(spaces)
	few := w.countCandidates(spaces, countable) * tuned.test
	if x.countKeys(refer.lower, refer.upper, few+1) <= few {
		s = intersect([]set{w.collect(c, []scan{refer}).set(w), s})
	}
	for d := s.seek(0); d != end && !x.stopped(); d = s.seek(d + 1) {
		if x.unchangedDocument(d) && x.matches(d, c) {
			found.add(d)
		}
	}
}

// localSize is how many resources of a type may refer to contained ones that match a chain.
func (x *walk) localSize(typ code, c search.Chain) int {
	param, spaces := x.store.dictionary.parameterCode(c.Param), x.spaces(typ, c.Branches)
	if param == 0 || len(spaces) == 0 {
		return 0
	}
	refer := localReferences(typ, param)
	n := x.countCandidates(spaces, countable)
	if n = x.countKeys(refer.lower, refer.upper, n); n == countable {
		return max(n, x.live(typ))
	}
	return n
}
