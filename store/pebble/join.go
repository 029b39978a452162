package pebble

import (
	"bytes"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
)

// chainLeg finds the resources that refer to a match of one of the branches, here or contained in them.
func (x *walk) chainLeg(typ code, c search.Chain) leg {
	param := x.store.dictionary.parameterCode(c.Param)
	inner := x.branches(c.Branches)
	local := x.localSize(typ, c)
	if param == 0 || len(inner) == 0 && local == 0 {
		return fixed(c, "nothing", c.Param.Code, empty{}, 0)
	}
	l := x.joinLeg(c, "chain", c.Param.Code, inner, tuned.fanOut, tuned.join, tuned.chase)
	l.check = x.chaser(typ, c, inner)
	outside := x.referrers(typ, param, inner)
	l.open = func(x *walk) set {
		found := outside(x)
		if local > 0 {
			x.localChain(typ, c, found)
		}
		return found.set(x)
	}
	l.size, l.probed, l.opening = l.size+local, l.probed+local, l.opening+local*tuned.test
	return l
}

// referrers collects the resources of a type, or of a space, that refer to a match of a branch.
func (x *walk) referrers(typ, param code, inner []branch) func(x *walk) *collector {
	return func(x *walk) *collector {
		found := &collector{}
		prefix := append(indexPrefix(nil, typ, param), indexReference)
		it := x.borrow(prefix, after(prefix))
		if it == nil {
			return found
		}
		defer x.giveBack(it)
		keys := joinKeys{visit: func(key []byte) {
			for ok := it.SeekGE(key) && !x.stopped(); ok && bytes.HasPrefix(it.Key(), key); ok = it.Next() && !x.stopped() {
				x.spend(1)
				_, document := splitIndexKey(it.Key())
				found.add(document)
			}
			x.check(it)
		}}
		for _, in := range inner {
			var k links
			target := appendCode(nil, in.typ)
			x.each(in, func(document uint64) {
				if x.linksOf(in.typ, document, &k) {
					keys.add(prefix, k.id, target)
				}
			})
		}
		keys.flush()
		return found
	}
}

// chaser tests candidates of a chain: whether what they refer to is in one of the inner sets, which
// are planned when the first candidate comes.
func (x *walk) chaser(typ code, c search.Chain, inner []branch) func(document uint64) bool {
	param := x.store.dictionary.parameterCode(c.Param)
	sets := map[code]set{}
	var k links
	var key []byte
	return func(document uint64) bool {
		if !x.linksOf(typ, document, &k) {
			return false
		}
		found, local := false, false
		x.refers(document, &k, param, func(typ code, id []byte) {
			if local = local || typ == 0; typ == 0 || found {
				return
			}
			s := x.innerSet(sets, typ, inner)
			if s == set(empty{}) {
				return
			}
			key = append(appendCode(append(key[:0], keyHead), typ), id...)
			document, ok := x.locateHead(key)
			found = ok && x.member(s, document)
		})
		return found || local && x.matches(document, c)
	}
}

// innerSet plans the branches for a type once.
func (x *walk) innerSet(sets map[code]set, typ code, inner []branch) set {
	s, ok := sets[typ]
	if ok {
		return s
	}
	var parts []set
	for _, in := range inner {
		if in.typ == typ {
			parts = append(parts, x.chased(in))
		}
	}
	s = unite(parts)
	sets[typ] = s
	return s
}

// chased is the set of a branch of which few members will be asked for.
func (x *walk) chased(in branch) set {
	w := &walk{execution: x.execution, reverse: x.reverse, need: max(1, x.need)}
	return x.keep(func() set { return w.restore(in.typ, w.plan(in.typ, in.filter), in.filter) })
}

// hasChaser tests candidates of a Has: whether a member of the inner set refers to them. In an earlier
// state the values tell.
//
// Asking an index for one member after another costs more than reading the members one after another, so
// after some candidates the inner set is taken into memory, if it is not large.
func (x *walk) hasChaser(typ code, h search.Has, inner branch, size int) func(document uint64) bool {
	if x.past != nil {
		return nil
	}
	param := x.store.dictionary.parameterCode(h.Param)
	var matching set
	var refer *referrals
	var k links
	_, plain := h.Filter.(search.Test)
	candidates, enough := 0, size/tuned.gather
	return func(document uint64) bool {
		if !x.linksOf(typ, document, &k) {
			return false
		}
		if matching == nil {
			matching, refer = x.chased(inner), x.newReferrals(inner.typ, param, typ)
		}
		if candidates++; plain && candidates == enough+1 && size <= tuned.listed {
			matching = x.gathered(matching)
		}
		return refer.meets(k.id, matching)
	}
}

// referrals asks for one target after another whether a member of a set refers to it.
type referrals struct {
	*walk
	target code
	it     *lsm.Iterator // over all references of the parameter; it lives as long as the search
	key    []byte
	prefix int
}

func (x *walk) newReferrals(typ, param, target code) *referrals {
	prefix := append(indexPrefix(nil, typ, param), indexReference)
	return &referrals{walk: x, target: target, it: x.borrow(prefix, after(prefix)), key: prefix, prefix: len(prefix)}
}

// meets tells for an id as appendID wrote it. A target of few is gone through, one of many leapfrogs.
func (r *referrals) meets(id []byte, s set) bool {
	if r.it == nil {
		return false
	}
	r.key = appendCode(append(r.key[:r.prefix], id...), r.target)
	steps := 0
	for ok := r.it.SeekGE(r.key); ok && bytes.HasPrefix(r.it.Key(), r.key); ok = r.it.Next() {
		r.spend(1)
		if r.stopped() {
			return false
		}
		_, document := splitIndexKey(r.it.Key())
		if r.member(s, document) {
			return true
		}
		if steps++; steps == tuned.steps {
			open := len(r.iterators)
			defer r.recycle(open)
			return intersect([]set{r.postings(bytes.Clone(r.key)), s}).seek(0) != end
		}
	}
	r.check(r.it)
	return false
}

// gathered is a set in memory.
func (x *walk) gathered(s set) set {
	var all collector
	for at := s.seek(0); at != end && !x.stopped(); at = s.seek(at + 1) {
		all.add(x.place(at))
	}
	return all.set(x)
}

// hasLeg finds the resources that a match of the filter refers to.
func (x *walk) hasLeg(typ code, h search.Has) leg {
	referrer := x.store.dictionary.typeCode(h.Type)
	param := x.store.dictionary.parameterCode(h.Param)
	if referrer == 0 || param == 0 {
		return fixed(h, "nothing", h.Param.Code, empty{}, 0)
	}
	inner := []branch{{referrer, h.Filter}}
	l := x.joinLeg(h, "has", h.Type+":"+h.Param.Code, inner, 1, tuned.chase, tuned.join)
	if l.check = x.hasChaser(typ, h, inner[0], l.size); l.check == nil {
		l.test = tuned.lookup
	}
	l.open = func(x *walk) set {
		var found collector
		keys := joinKeys{visit: func(key []byte) {
			if document, ok := x.locateHead(key); ok {
				found.add(document)
			}
		}}
		var k links
		head := appendCode([]byte{keyHead}, typ)
		x.each(inner[0], func(document uint64) {
			if x.linksOf(referrer, document, &k) {
				x.refers(document, &k, param, func(target code, id []byte) {
					if target == typ {
						keys.add(head, id, nil)
					}
				})
			}
		})
		keys.flush()
		return found.set(x)
	}
	return l
}

// branch is a filter on the resources of a type that there are.
type branch struct {
	typ    code
	filter search.Expr
}

// branches are those of types that ever were stored.
func (x *walk) branches(list []search.Branch) []branch {
	var known []branch
	for _, b := range list {
		if typ := x.store.dictionary.typeCode(b.Type); typ != 0 {
			known = append(known, branch{typ, b.Filter})
		}
	}
	return known
}

// joinLeg sizes a join by its inner set, each of which leads to so many of the outer.
// It costs so much to go on from one of the inner set, and to test one of the outer.
func (x *walk) joinLeg(e search.Expr, operation, detail string, inner []branch, fanOut, opening, test int) leg {
	size := 0
	for _, in := range inner {
		legs := x.legs(in.typ, in.filter)
		probed := x.smallest(in.typ, legs, tuned.joinProbe)
		if probed == tuned.joinProbe {
			x.probe(in.typ, legs)
			probed = max(tuned.joinProbe, x.estimate(in.typ, legs))
		}
		size += probed
	}
	return leg{
		expr: e, operation: operation, detail: detail, test: test,
		size: size * fanOut, probed: size*fanOut + 1, opening: max(1, size*opening),
	}
}

// each visits the documents that match a branch, as of the state searched.
func (x *walk) each(b branch, visit func(document uint64)) {
	open := len(x.iterators)
	defer func() { x.recycle(open) }()
	w := &walk{execution: x.execution}
	s := w.restore(b.typ, w.plan(b.typ, b.filter), b.filter)
	for d := s.seek(0); d != end && !x.stopped(); d = s.seek(d + 1) {
		visit(d)
	}
}

// idOf reads the id of a document of a type, and none of its values.
func (x *execution) idOf(typ code, document uint64) (string, bool) {
	var k links
	if !x.linksOf(typ, document, &k) {
		return "", false
	}
	id, _, ok := readID(k.id)
	return id, ok
}
