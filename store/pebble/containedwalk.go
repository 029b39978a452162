package pebble

import (
	"slices"

	"kiln/search"
	"kiln/store"
)

// placed reports whether the matches, or what they are sorted by, are contained resources. The index
// has neither, so that all containers that match are looked at.
func (x *execution) placed() bool {
	return x.query.SearchesContained() && (x.query.ContainedAlone || len(x.query.Sort) > 0)
}

// firstPlaces is first for such a query.
func (x *walk) firstPlaces(targets []target, from *match, limit int) []match {
	defer x.done(x.note(&leg{operation: "contained", sorts: true, size: limit}))
	if len(x.query.Sort) > 0 {
		b := best{x: x, limit: limit, from: from}
		n := int64(0)
		x.eachPlace(targets, 0, func(m match) bool {
			b.add(m)
			n++
			return true
		})
		if from == nil && !x.reverse {
			x.matched = n
		}
		return b.sorted()
	}
	at := uint64(0)
	if from != nil {
		at = x.place(from.document)
	}
	var found []match
	x.eachPlace(targets, at, func(m match) bool {
		if from == nil || x.compare(m, *from) > 0 {
			found = append(found, m)
		}
		return len(found) < limit
	})
	return found
}

// eachPlace visits the matches from a place of the walk on, in its order but for Sort.
func (x *walk) eachPlace(targets []target, at uint64, visit func(match) bool) {
	x.loose = true // matchesIn decides
	sets := make([]set, len(targets))
	for i, t := range targets {
		sets[i] = x.members(t)
	}
	x.loose = false
	s := unite(sets)
	for at = s.seek(at); at != end && x.err == nil; at = s.seek(at + 1) {
		for _, m := range x.matchesIn(x.place(at)) {
			if !visit(m) {
				return
			}
		}
	}
}

// matchesIn are the matches in a document, in the direction of the walk.
func (x *walk) matchesIn(document uint64) []match {
	r, ok := x.resource(document)
	if !ok || x.stopped() {
		return nil
	}
	places, err := x.query.Places(x.ctx, r, x)
	x.fail(err)
	list := make([]match, len(places))
	for i, p := range places {
		list[i] = match{document: document, part: p.At - search.Whole, entries: p.Entries}
	}
	if x.reverse {
		slices.Reverse(list)
	}
	return list
}

// loadMatch finds the match that a cursor names; false where there is none.
func (x *walk) loadMatch(c cursor) (match, bool) {
	if !x.placed() {
		return x.load(c.document)
	}
	for _, m := range x.matchesIn(c.document) {
		if m.part == c.part {
			return m, true
		}
	}
	if x.err == nil {
		x.fail(store.ErrCursor)
	}
	return match{}, false
}

// countPlaces counts the matches where one resource may have several.
func (x *execution) countPlaces(targets []target) (n int64) {
	w := &walk{execution: x}
	w.eachPlace(targets, 0, func(match) bool {
		n++
		return true
	})
	return n
}

// partsOf tells, of those matches that are still there, which contained resources they are.
func partsOf(found []match, versions []store.Version) []int {
	parts := []int{}
	for i, m := range found {
		if versions[i].ID != "" {
			parts = append(parts, m.part+search.Whole)
		}
	}
	return parts
}
