package pebble

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"kiln/search"
)

// sortWalk reads the index of the first sort parameter in its order, group of equal values by group,
// and keeps the documents that match. Resources without a value come after the last group.
type sortWalk struct {
	*walk
	target  target
	key     search.SortKey
	param   *search.Parameter
	sources []*sortSource
	base    set // matches that have not changed since the state searched
	forward bool
	mask    entryFlags
	budget  int64 // keys to read before the walk is given up; 0 is no limit

	limit  int
	from   *match
	passed bool // what comes now is after from
	found  []match
}

// sortWalk prepares a walk; nil where collecting the matches costs less, or nothing sorts them.
func (x *walk) sortWalk(t target, legs []leg, limit int) *sortWalk {
	key := x.query.Sort[0]
	param := x.sortParameter(t.typ, key)
	if param == nil {
		return nil
	}
	s := &sortWalk{walk: x, target: t, key: key, param: param, limit: limit, mask: firstAscending}
	if key.Descending {
		s.mask = firstDescending
	}
	s.forward = key.Descending == x.reverse
	if t.filter != nil && !s.affordable(legs) {
		return nil
	}
	var ok bool
	if s.sources, ok = x.sortSources(t.typ, param, key.Descending); !ok {
		return nil
	}
	s.base = x.unchanged(t.typ, x.conjunction(t.typ, slices.Clone(legs)))
	return s
}

// sortParameter is the one that the type is sorted by; nil where it is none that the index sorts.
func (x *walk) sortParameter(typ code, key search.SortKey) (found *search.Parameter) {
	if len(key.Via) > 0 {
		return nil
	}
	name := x.typeName(typ)
	for _, p := range key.Params {
		if p.Base != name && p.Base != "Resource" && p.Base != "DomainResource" {
			continue
		}
		if found != nil || isID(p) || x.store.dictionary.parameterCode(p) == 0 {
			return nil
		}
		found = p
	}
	return found
}

// affordable compares the cost of the walk with that of collecting, and sets the budget.
func (s *sortWalk) affordable(legs []leg) bool {
	x := s.walk
	all := x.live(s.target.typ)
	matches, smallest := x.estimate(s.target.typ, legs), all
	for i := range legs {
		if l := &legs[i]; l.open != nil && !l.negative {
			smallest = min(smallest, l.size)
		}
	}
	collecting := matches*tuned.test + smallest
	walking := s.limit * (all/max(1, matches) + 1) * (1 + tuned.seek)
	s.budget = int64(max(collecting, 1024))
	return smallest > 0 && walking < collecting
}

// run gives the first matches after a place; ok is false when the walk was given up.
func (s *sortWalk) run(from *match) (found []match, ok bool) {
	defer s.done(s.note(&leg{operation: "sort index", sorts: true, size: s.limit}))
	s.from, s.passed = from, from == nil
	hasValue := false
	var value search.Value
	if from != nil {
		value, hasValue = search.SortValue(from.entries, s.key)
	}
	switch {
	case s.reverse && (from == nil || !hasValue):
		ok = s.without() && s.groups(nil)
	case s.reverse:
		ok = s.groups(sortPart(value, s.param, s.key.Descending))
	case from != nil && !hasValue:
		ok = s.without()
	case from != nil:
		ok = s.groups(sortPart(value, s.param, s.key.Descending)) && s.without()
	default:
		ok = s.groups(nil) && s.without()
	}
	if !ok || s.err != nil {
		return nil, false
	}
	return s.withFormer(s.target, s.found, from, s.limit), true
}

// withFormer puts what matched then and has changed since among the first matches of what has not.
func (x *walk) withFormer(t target, found []match, from *match, limit int) []match {
	former := x.formerly(t.typ, t.filter)
	if len(former) == 0 {
		return found
	}
	b := best{x: x, limit: limit, from: from}
	for _, m := range found {
		if m, ok := x.load(m.document); ok {
			b.add(m)
		}
	}
	for _, document := range former {
		if m, ok := x.load(document); ok {
			b.add(m)
		}
	}
	return b.sorted()
}

func (s *sortWalk) full() bool { return len(s.found) >= s.limit }

// groups walks the groups from that of a part on, or all of them; false when it is given up.
func (s *sortWalk) groups(part []byte) bool {
	began := s.examined
	for _, source := range s.sources {
		source.start(s.walk, part, s.forward)
	}
	if part == nil {
		s.passed = true
	}
	for !s.full() && !s.stopped() {
		next := s.nextPart()
		if next == nil {
			break
		}
		s.group(next)
		s.passed = true
		if s.budget > 0 && s.examined-began > s.budget && !s.full() {
			return false
		}
	}
	return true
}

// nextPart is that of the next group of all sources.
func (s *sortWalk) nextPart() []byte {
	var next []byte
	for _, source := range s.sources {
		if source.part == nil {
			continue
		}
		if c := bytes.Compare(source.part, next); next == nil || (c < 0) == s.forward && c != 0 {
			next = source.part
		}
	}
	return bytes.Clone(next)
}

// group takes the matches of one group, in order.
func (s *sortWalk) group(part []byte) {
	var documents []uint64
	var sources []*sortSource
	exact, mixed := true, false
	var rest []byte
	for _, source := range s.sources {
		if !bytes.Equal(source.part, part) || source.part == nil {
			continue
		}
		sources = append(sources, source)
		for same := true; same; same = source.same(s.walk, advance(source.it, s.forward), part) {
			s.spend(1)
			key, document := splitIndexKey(source.it.Key())
			_, whole := source.split(key[len(source.prefix):])
			tail := key[len(source.prefix)+len(part):]
			mixed = mixed || rest != nil && !bytes.Equal(rest, tail)
			exact, rest = exact && whole, append(rest[:0], tail...)
			if keyFlags(source.it.Value())&s.mask != 0 {
				documents = append(documents, document)
			}
			if len(documents) > tuned.group {
				s.large(sources, part)
				return
			}
		}
	}
	s.small(documents, !exact || mixed && s.param.Type == search.TypeToken)
}

// small puts the documents of a group in order; unequal ones, and ties that have more keys to be
// sorted by, by their values.
func (s *sortWalk) small(documents []uint64, unequal bool) {
	slices.SortFunc(documents, func(a, b uint64) int { return cmp.Compare(s.place(a), s.place(b)) })
	compare := unequal || len(s.query.Sort) > 1
	var matches []match
	for _, document := range documents {
		if !s.member(s.base, document) {
			continue
		}
		m := match{document: document}
		if compare || !s.passed {
			var ok bool
			if m, ok = s.load(document); !ok {
				return
			}
			if !s.passed && s.compare(m, *s.from) <= 0 {
				continue
			}
		}
		matches = append(matches, m)
	}
	if compare {
		slices.SortFunc(matches, s.compare)
	}
	s.found = append(s.found, matches...)
	s.cut()
}

func (s *sortWalk) cut() {
	if len(s.found) > s.limit {
		s.found = s.found[:s.limit]
	}
}

// large takes a group of many documents: where they are all equal in order of creation, without
// reading more of them than the page needs.
func (s *sortWalk) large(sources []*sortSource, part []byte) {
	open := len(s.iterators)
	for _, run := range s.runs(sources, part) {
		if !s.full() {
			s.take(run)
		}
	}
	s.recycle(open)
	for _, source := range s.sources {
		if source.part != nil && bytes.Equal(source.part, part) || slices.Contains(sources, source) {
			source.leave(s.walk, part, s.forward)
		}
	}
}

// equals is a set of documents; equal tells that they all have the same sort value.
type equals struct {
	set   set
	equal bool
}

// runs parts a large group into sets of equal documents, in order, or gives all of it as one.
func (s *sortWalk) runs(sources []*sortSource, part []byte) []equals {
	key := append(bytes.Clone(sources[0].prefix), part...)
	_, exact := sources[0].split(part)
	alone := len(sources) == 1
	for _, other := range s.sources {
		alone = alone && (other == sources[0] || other.part == nil || !bytes.Equal(other.part, part))
	}
	if exact && alone && len(s.query.Sort) == 1 {
		switch s.param.Type {
		case search.TypeToken:
			return s.bySystem(key)
		case search.TypeDate:
			if other, ok := s.uniform(key, 8); ok {
				return []equals{{s.masked(append(key, other...)), true}}
			}
		case search.TypeNumber, search.TypeQuantity:
			if sources[0].prefix[len(sources[0].prefix)-1] == indexPoint {
				return []equals{{s.masked(key), true}}
			}
		default:
			return []equals{{s.masked(key), true}}
		}
	}
	var c collector
	for _, source := range s.sources {
		s.collectGroup(append(bytes.Clone(source.prefix), part...), &c)
	}
	return []equals{{c.set(s.walk), false}}
}

// masked are the documents of a key that are sorted by this value of theirs.
func (s *sortWalk) masked(prefix []byte) set {
	found := s.postings(prefix)
	if p, ok := found.(*postings); ok {
		p.flags = s.mask
	}
	return found
}

// bySystem parts the documents of a code by their systems, in the order of those.
func (s *sortWalk) bySystem(key []byte) []equals {
	type system struct {
		name string
		code []byte
	}
	var systems []system
	for _, c := range s.distinct(key, 4) {
		name := ""
		if n := systemAtEnd(c); n != 0 {
			var err error
			name, err = s.store.dictionary.text(kindSystem, n)
			s.fail(err)
		}
		systems = append(systems, system{name, c})
	}
	slices.SortFunc(systems, func(a, b system) int { return strings.Compare(a.name, b.name) })
	if !s.forward {
		slices.Reverse(systems)
	}
	runs := make([]equals, len(systems))
	for i, system := range systems {
		runs[i] = equals{s.masked(append(bytes.Clone(key), system.code...)), true}
	}
	return runs
}

// uniform gives what follows prefix in the first index key and in the last, where it is the same.
func (x *walk) uniform(prefix []byte, size int) ([]byte, bool) {
	it := x.borrow(prefix, after(prefix))
	if it == nil {
		return nil, false
	}
	defer x.giveBack(it)
	if !it.First() || len(it.Key()) < len(prefix)+size {
		return nil, false
	}
	first := bytes.Clone(it.Key()[len(prefix) : len(prefix)+size])
	return first, it.Last() && bytes.HasPrefix(it.Key()[len(prefix):], first)
}

func (s *sortWalk) collectGroup(prefix []byte, c *collector) {
	it := s.borrow(prefix, after(prefix))
	if it == nil {
		return
	}
	defer s.giveBack(it)
	for ok := it.First(); ok && !s.stopped(); ok = it.Next() {
		s.spend(1)
		if keyFlags(it.Value())&s.mask != 0 {
			_, document := splitIndexKey(it.Key())
			c.add(document)
		}
	}
	s.check(it)
}

// take takes the matches of a run.
func (s *sortWalk) take(run equals) {
	matching := intersect([]set{run.set, s.base})
	if !run.equal || len(s.query.Sort) > 1 {
		s.collectRun(matching)
		return
	}
	at := uint64(0)
	for at = matching.seek(at); at != end && !s.full() && !s.stopped(); at = matching.seek(at + 1) {
		if !s.passed {
			m, ok := s.load(s.place(at))
			if !ok {
				return
			}
			if s.compare(m, *s.from) <= 0 {
				if behind := s.behind(m); behind {
					return // all of the run is before the place
				}
				at = max(at, s.place(s.from.document))
				continue
			}
		}
		s.found = append(s.found, match{document: s.place(at)})
	}
}

// behind reports whether a match comes before the place by its value, not only by its document.
func (s *sortWalk) behind(m match) bool {
	c := search.CompareSort(m.entries, s.from.entries, s.query.Sort)
	if s.reverse {
		c = -c
	}
	return c < 0
}

// collectRun sorts the matches of a run by all keys.
func (s *sortWalk) collectRun(matching set) {
	b := best{x: s.walk, limit: s.limit - len(s.found)}
	if !s.passed {
		b.from = s.from
	}
	for at := matching.seek(0); at != end && !s.stopped(); at = matching.seek(at + 1) {
		if m, ok := s.load(s.place(at)); ok {
			b.add(m)
		}
	}
	s.found = append(s.found, b.sorted()...)
}

// without takes the matches that have no value for the parameter.
func (s *sortWalk) without() bool {
	if s.full() {
		return true
	}
	if s.from == nil {
		s.passed = true
	}
	l := s.missingLeg(s.target.typ, search.Missing{Param: s.param})
	s.take(equals{l.open(s.walk), true})
	s.passed = true
	return true
}

// member reports whether a document is in a set, without looking for the next one that is.
func (x *walk) member(s set, document uint64) bool {
	switch s := s.(type) {
	case *filtered:
		s.reconsider()
		return x.member(s.of, document) && s.passes(document)
	case *intersection:
		for _, of := range s.sets {
			if !x.member(of, document) {
				return false
			}
		}
		return true
	case *union:
		for _, of := range s.sets {
			if x.member(of, document) {
				return true
			}
		}
		return false
	case *difference:
		return x.member(s.of, document) && !x.member(s.without, document)
	}
	at := x.place(document)
	return s.seek(at) == at
}
