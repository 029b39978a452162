package pebble

import (
	"bytes"
	"cmp"
	"slices"

	"kiln/search"
)

// linkWalk is a sortWalk by what references lead to: it reads the index of the parameter at their end,
// group by group, and goes back from each of its resources to those that refer to it.
type linkWalk struct {
	*sortWalk
	links []link
	began int64 // what had been read before
}

// link is a reference from one type to another.
type link struct{ from, param, to code }

// linkWalk prepares a walk; nil where collecting the matches costs less, nothing sorts what the references
// lead to, or some of that has changed since the state searched.
func (x *walk) linkWalk(t target, legs []leg, from *match, limit int) *linkWalk {
	key := x.query.Sort[0]
	links := x.links(t.typ, key)
	if links == nil || isID(key.Of) || x.store.dictionary.parameterCode(key.Of) == 0 {
		return nil
	}
	s := &sortWalk{walk: x, target: t, key: key, param: key.Of, limit: limit, from: from, mask: firstAscending}
	if key.Descending {
		s.mask = firstDescending
	}
	s.forward = key.Descending == x.reverse
	if !s.worthLinking(legs) {
		return nil
	}
	var ok bool
	if s.sources, ok = x.sortSources(links[len(links)-1].to, key.Of, key.Descending); !ok {
		return nil
	}
	s.base = x.unchanged(t.typ, x.conjunction(t.typ, slices.Clone(legs)))
	return &linkWalk{sortWalk: s, links: links}
}

// links are those of a key from a type; nil where no index goes back over one of them. What a filter leaves
// out, the values of the matches tell: the index has it as well.
func (x *walk) links(typ code, key search.SortKey) (links []link) {
	for _, via := range key.Via {
		name := x.typeName(typ)
		i := slices.IndexFunc(via.Params, func(p *search.Parameter) bool {
			return p.Base == name || p.Base == "Resource" || p.Base == "DomainResource"
		})
		if i < 0 {
			return nil
		}
		l := link{typ, x.store.dictionary.parameterCode(via.Params[i]), x.store.dictionary.typeCode(via.Type)}
		if l.param == 0 || l.to == 0 || x.past != nil && len(x.past.byType[l.to]) > 0 {
			return nil
		}
		links, typ = append(links, l), l.to
	}
	return links
}

// worthLinking compares the cost of the walk with that of collecting, and sets the budget: a walk that is
// given up costs little beside what follows.
func (s *sortWalk) worthLinking(legs []leg) bool {
	all := s.live(s.target.typ)
	matches := s.estimate(s.target.typ, legs)
	s.budget = int64(max(matches/4, 1024))
	return s.limit*(all/max(1, matches)+1)*4*(1+tuned.seek) < matches*(tuned.test+tuned.lookup)
}

// run gives the first matches after the place; ok is false when the walk was given up, or came to those
// without a value.
func (l *linkWalk) run() (found []match, ok bool) {
	defer l.done(l.note(&leg{operation: "sort index", sorts: true, size: l.limit}))
	var part []byte
	if l.from != nil {
		value, hasValue := search.SortValue(l.from.entries, l.key)
		if !hasValue {
			return nil, false
		}
		part = sortPart(value, l.param, l.key.Descending)
	} else if l.reverse {
		return nil, false
	}
	l.began = l.examined
	for _, source := range l.sources {
		source.start(l.walk, part, l.forward)
	}
	for !l.full() && !l.spent() {
		next := l.nextPart()
		if next == nil {
			break
		}
		l.group(next)
	}
	if l.err != nil || !l.full() && (!l.reverse || l.spent()) {
		return nil, false
	}
	l.cut()
	return l.withFormer(l.target, l.found, l.from, l.limit), true
}

func (l *linkWalk) spent() bool { return l.stopped() || l.examined-l.began > l.budget }

// group takes the matches of one group, in order. Some of its resources are referred to by matches that
// another reference sorts elsewhere.
func (l *linkWalk) group(part []byte) {
	var documents []uint64
	for _, source := range l.sources {
		for same := source.part != nil && bytes.Equal(source.part, part); same && !l.spent(); same = source.same(l.walk, advance(source.it, l.forward), part) {
			l.spend(1)
			if keyFlags(source.it.Value())&l.mask != 0 {
				_, document := splitIndexKey(source.it.Key())
				documents = l.referrers(documents, document, len(l.links)-1)
			}
		}
	}
	slices.SortFunc(documents, func(a, b uint64) int { return cmp.Compare(l.place(a), l.place(b)) })
	var matches []match
	for _, document := range slices.Compact(documents) {
		if l.spent() {
			return
		}
		if !l.member(l.base, document) {
			continue
		}
		m, ok := l.load(document)
		value, hasValue := search.SortValue(m.entries, l.key)
		if !ok || !hasValue || !bytes.Equal(sortPart(value, l.param, l.key.Descending), part) {
			continue
		}
		if l.from == nil || l.compare(m, *l.from) > 0 {
			matches = append(matches, m)
		}
	}
	slices.SortFunc(matches, l.compare)
	l.found = append(l.found, matches...)
}

// referrers appends the documents that lead to one over a link and those before it.
func (l *linkWalk) referrers(to []uint64, document uint64, at int) []uint64 {
	if l.spent() {
		return to
	}
	via := l.links[at]
	var k links
	if !l.linksOf(via.to, document, &k) {
		return to
	}
	key := referenceKey(nil, via.from, via.param, via.to, k.id)
	it := l.borrow(key, after(key))
	if it == nil {
		return to
	}
	defer l.giveBack(it)
	for ok := it.First(); ok && !l.spent(); ok = it.Next() {
		l.spend(1)
		_, referrer := splitIndexKey(it.Key())
		if at == 0 {
			to = append(to, referrer)
		} else {
			to = l.referrers(to, referrer, at-1)
		}
	}
	return to
}
