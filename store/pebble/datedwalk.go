package pebble

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
)

// datedWalk reads the dated postings of a value in the order of time and keeps the documents that
// match, until none that follows can be among the first. The keys tell what is sorted by; only dates
// that they do not tell are looked at. Resources without a date come last: they have the value's plain
// postings, and no dated ones.
type datedWalk struct {
	*walk
	target target
	key    search.SortKey
	pair   pair
	each   []search.DateBounds
	base   set // matches of the rest of the filter; nil for all
	// ascends tells that the walk goes towards later dates.
	ascends bool
	budget  int64 // keys to read before the walk is given up; 0 is no limit
	began   int64

	limit int
	from  *match
	begin datedMatch // of from
	found []datedMatch
	// highest are the last classes that the values have, -1 for none: mostly the first, so that the others
	// need not be opened.
	highest []int
	read    collector // all that was read, from the first on
}

// datedMatch is a match with the end of its date that is sorted by.
type datedMatch struct {
	time     int64
	document uint64
}

// datedRun is one class of dated postings of one value.
type datedRun struct {
	it   *lsm.Iterator
	span int64
	// next is the first time that what follows can have.
	next     int64
	date     search.DateValue
	document uint64
}

// datedWalk prepares a walk; nil where no dated postings serve, or others cost less.
func (x *walk) datedWalk(t target, from *match, limit int) *datedWalk {
	if len(x.query.Sort) != 1 {
		return nil
	}
	d := &datedWalk{walk: x, target: t, key: x.query.Sort[0], from: from, limit: limit}
	date := x.sortParameter(t.typ, d.key)
	if date == nil || x.roleOf(date) != roleDate {
		return nil
	}
	all, ok := t.filter.(search.And)
	if !ok {
		all = search.And{t.filter}
	}
	if d.pair, ok = x.pair(t.typ, all, date); !ok || !d.starts() {
		return nil
	}
	d.each = d.pair.each()
	d.ascends = d.key.Descending == x.reverse
	if len(d.pair.rest) > 0 && !d.narrow() {
		return nil
	}
	d.began = x.examined
	return d
}

// starts finds where the walk goes on; false among the resources without a date.
func (d *datedWalk) starts() bool {
	if d.from == nil {
		return !d.reverse
	}
	v, ok := search.SortValue(d.from.entries, d.key)
	date, isDate := v.(search.DateValue)
	d.begin = datedMatch{d.time(date), d.from.document}
	return ok && isDate
}

// time is the end of a date that is sorted by.
func (d *datedWalk) time(v search.DateValue) int64 {
	if d.key.Descending {
		return v.High
	}
	return v.Low
}

// narrow opens the rest of the filter, unless it leaves so little that collecting that costs less.
func (d *datedWalk) narrow() bool {
	legs := d.legs(d.target.typ, d.pair.rest)
	d.probe(d.target.typ, legs)
	all := max(1, d.live(d.target.typ))
	held, matches, smallest := 0, min(all, d.estimate(d.target.typ, legs)), all
	for _, key := range d.pair.plain {
		held += d.held(key)
	}
	held = min(held, all)
	for i := range legs {
		if l := &legs[i]; l.open != nil && !l.negative {
			smallest = min(smallest, l.size)
		}
	}
	walking := min(held, d.limit*(all/max(1, matches)+1)) * (1 + tuned.seek)
	collecting := min(smallest, held)*(1+tuned.seek) + int(float64(matches)*float64(held)/float64(all))*tuned.test
	d.budget = int64(max(2*collecting, 1024))
	if smallest == 0 || walking > collecting {
		return false
	}
	d.base = d.conjunction(d.target.typ, legs)
	return true
}

// held is how many documents have a value.
func (d *datedWalk) held(key []byte) int {
	n := d.countKeys(key, after(key), countable)
	if n == countable {
		n = max(n, d.guess(key, after(key)))
	}
	return n
}

// run gives the first matches after the place; ok is false when the walk was given up.
func (d *datedWalk) run() (found []match, ok bool) {
	defer d.done(d.note(&leg{operation: "dated", expr: d.pair.held, sorts: true, size: d.limit}))
	for _, key := range d.pair.keys {
		d.highest = append(d.highest, d.last(key))
	}
	if !d.others() || !d.runs() || d.err != nil {
		return nil, false
	}
	found = make([]match, len(d.found), d.limit)
	for i, m := range d.found {
		found[i].document = m.document
	}
	if len(found) < d.limit && !d.reverse && len(d.pair.bounds) == 0 {
		found = d.undated(found)
	}
	return d.withFormer(d.target, found, d.from, d.limit), d.err == nil
}

// spent reports whether the walk has read more than it may.
func (d *datedWalk) spent() bool { return d.budget > 0 && d.examined-d.began > d.budget }

// last is the highest class of dated postings of a value, -1 if it has none.
func (d *datedWalk) last(key []byte) int {
	it := d.borrow(key, after(key))
	if it == nil {
		return -1
	}
	defer d.giveBack(it)
	d.spend(1)
	if !it.Last() || len(it.Key()) <= len(key) {
		return -1
	}
	return int(it.Key()[len(key)])
}

// others takes the resources whose dates the keys do not tell; false where they are many.
func (d *datedWalk) others() bool {
	tests := append(search.And{d.pair.held}, d.pair.bounds...)
	most := int64(tuned.total + 4*d.limit)
	for i, key := range d.pair.keys {
		if d.highest[i] < datedOther {
			continue
		}
		prefix := append(bytes.Clone(key), datedOther)
		it := d.borrow(prefix, after(prefix))
		if it == nil {
			return false
		}
		for ok := it.First(); ok && !d.stopped(); ok = it.Next() {
			d.spend(1)
			if most--; most < 0 {
				d.giveBack(it)
				return false
			}
			_, document := splitIndexKey(it.Key())
			d.read.add(document)
			if d.member(document) && (len(d.pair.bounds) == 0 || d.matches(document, tests)) {
				d.look(document)
			}
		}
		d.giveBack(it)
	}
	return true
}

// look adds a match by its values.
func (d *datedWalk) look(document uint64) {
	m, ok := d.load(document)
	if !ok {
		return
	}
	v, _ := search.SortValue(m.entries, d.key)
	date, ok := v.(search.DateValue)
	if !ok {
		d.fail(corrupt("a dated posting"))
		return
	}
	if at, ok := d.place(datedMatch{d.time(date), document}); ok {
		d.put(at, datedMatch{d.time(date), document})
	}
}

// member reports whether a document that has the value meets the rest of the filter, and has not changed.
func (d *datedWalk) member(document uint64) bool {
	return d.unchangedDocument(document) && (d.base == nil || d.walk.member(d.base, document))
}

// compare orders matches in the direction of the walk.
func (d *datedWalk) compare(a, b datedMatch) int {
	c := cmp.Compare(a.time, b.time)
	if d.key.Descending {
		c = -c
	}
	if c = cmp.Or(c, cmp.Compare(a.document, b.document)); d.reverse {
		return -c
	}
	return c
}

// place is where a match belongs; false where it belongs nowhere or is there already.
func (d *datedWalk) place(m datedMatch) (at int, ok bool) {
	if d.from != nil && d.compare(m, d.begin) <= 0 {
		return 0, false
	}
	if n := len(d.found); n > 0 && d.compare(d.found[n-1], m) < 0 {
		return n, n < d.limit
	}
	at, there := slices.BinarySearchFunc(d.found, m, d.compare)
	return at, !there
}

func (d *datedWalk) put(at int, m datedMatch) {
	d.found = slices.Insert(d.found, at, m)
	d.found = d.found[:min(len(d.found), d.limit)]
}

// runs merges the classes in the order of time; false when the walk is given up.
func (d *datedWalk) runs() bool {
	var runs []*datedRun
	for i, key := range d.pair.keys {
		for class, span := range datedSpans[:min(len(datedSpans), d.highest[i]+1)] {
			if r := d.open(key, byte(class), span); r != nil {
				runs = append(runs, r)
			}
		}
	}
	for len(runs) > 0 && !d.stopped() {
		at := 0
		for i, r := range runs {
			if d.before(r.next, runs[at].next) {
				at = i
			}
		}
		r := runs[at]
		if len(d.found) == d.limit && d.before(d.found[d.limit-1].time, r.next) {
			return true
		}
		d.take(r)
		if d.spent() {
			return false
		}
		if !d.next(r, advance(r.it, d.ascends)) {
			runs = slices.Delete(runs, at, at+1)
		}
	}
	return true
}

// before reports whether one time comes before another in the walk.
func (d *datedWalk) before(a, b int64) bool {
	if d.ascends {
		return a < b
	}
	return a > b
}

// open goes to the first posting of a class that may come after the place; nil if there is none.
func (d *datedWalk) open(key []byte, class byte, span int64) *datedRun {
	s := classScan(key, class, d.pair.within(), span, nil)
	if d.from != nil {
		key = append(bytes.Clone(key), class)
		switch {
		case !d.ascends:
			if upper := after(appendTime(bytes.Clone(key), d.begin.time)); bytes.Compare(upper, s.upper) < 0 {
				s.upper = upper
			}
		default:
			from := d.begin.time
			if d.key.Descending {
				from -= span
			}
			if lower := appendTime(bytes.Clone(key), from); bytes.Compare(lower, s.lower) > 0 {
				s.lower = lower
			}
		}
	}
	if bytes.Compare(s.lower, s.upper) >= 0 {
		return nil
	}
	r := &datedRun{span: span}
	if r.it = d.iterator(s.lower, s.upper); r.it == nil || !d.next(r, enter(r.it, d.ascends)) {
		return nil
	}
	return r
}

// next takes the posting that a run is at.
func (d *datedWalk) next(r *datedRun, ok bool) bool {
	if !ok {
		d.check(r.it)
		return false
	}
	d.spend(1)
	key := r.it.Key()
	n := len(key) - documentSize
	if r.date, ok = readDated(key[:max(0, n)]); !ok {
		d.fail(corrupt("a dated posting"))
		return false
	}
	r.document = binary.BigEndian.Uint64(key[n:])
	d.read.add(r.document)
	r.next = r.date.Low
	if d.key.Descending && !d.ascends {
		r.next += r.span
	}
	return true
}

// take adds the posting that a run is at, if it is one of the first matches so far.
func (d *datedWalk) take(r *datedRun) {
	for _, b := range d.each {
		if !b.Match(r.date) {
			return
		}
	}
	m := datedMatch{d.time(r.date), r.document}
	if at, ok := d.place(m); ok && d.member(r.document) {
		d.put(at, m)
	}
}

// undated takes the matches that have the value and no date, in the order of their creation.
func (d *datedWalk) undated(found []match) []match {
	if d.from != nil {
		for _, key := range d.pair.keys {
			d.gather(whole(key, nil), &d.read)
		}
	}
	without := make([]set, 0, len(d.pair.plain))
	for _, key := range d.pair.plain {
		without = append(without, d.postings(key))
	}
	s := subtract(unite(without), d.read.set(d.walk))
	for at := s.seek(0); at != end && len(found) < d.limit && !d.stopped(); at = s.seek(at + 1) {
		if document := d.walk.place(at); d.member(document) {
			found = append(found, match{document: document})
		}
	}
	return found
}

// gather adds the documents of a range of keys.
func (d *datedWalk) gather(s scan, c *collector) {
	it := d.borrow(s.lower, s.upper)
	if it == nil {
		return
	}
	defer d.giveBack(it)
	for ok := it.First(); ok && !d.stopped(); ok = it.Next() {
		d.spend(1)
		_, document := splitIndexKey(it.Key())
		c.add(document)
	}
}
