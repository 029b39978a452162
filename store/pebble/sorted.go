package pebble

import (
	"kiln/search"
)

// sorted gives the first matches of a target after a place, in the order of the walk: by walking the
// index of the sort parameter and asking which documents match, or by collecting the matches and
// sorting them, whichever reads less.
func (x *walk) sorted(t target, from *match, limit int) []match {
	w := &walk{execution: x.execution, reverse: x.reverse, need: limit}
	if d := w.datedWalk(t, from, limit); d != nil {
		if found, ok := d.run(); ok || x.err != nil {
			return found
		}
	}
	legs := w.legs(t.typ, t.filter)
	w.probe(t.typ, legs)
	if s := w.sortWalk(t, legs, limit); s != nil {
		if found, ok := s.run(from); ok || x.err != nil {
			return found
		}
	}
	if l := w.linkWalk(t, legs, from, limit); l != nil {
		if found, ok := l.run(); ok || x.err != nil {
			return found
		}
	}
	w = &walk{execution: x.execution, reverse: x.reverse}
	return w.collectSorted(t, legs, from, limit)
}

func (x *walk) collectSorted(t target, legs []leg, from *match, limit int) []match {
	defer x.done(x.note(&leg{operation: "sort", sorts: true}))
	b := best{x: x, limit: limit, from: from}
	s := x.restore(t.typ, x.conjunction(t.typ, legs), t.filter)
	n := int64(0)
	for at := s.seek(0); at != end && !x.stopped(); at = s.seek(at + 1) {
		if m, ok := x.load(x.place(at)); ok {
			b.add(m)
			n++
		}
	}
	x.collected(n)
	return b.sorted()
}

func sortDetail(keys []search.SortKey) string {
	detail := ""
	for i, key := range keys {
		if i > 0 {
			detail += ","
		}
		if key.Descending {
			detail += "-"
		}
		if len(key.Params) > 0 {
			detail += key.Params[0].Code
		}
	}
	return detail
}
