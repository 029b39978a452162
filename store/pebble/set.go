package pebble

import "math"

// set is a set of documents in the order of the walk: ascending, or descending when a page is read
// backwards. Places in the walk are document numbers, inverted for the backward one, so that they
// ascend either way.
type set interface {
	// seek gives the first member at or after a place; end if there is none. Places may be asked
	// for in any order, but ascending ones are cheap.
	seek(at uint64) uint64
}

// end is the place after all documents.
const end = math.MaxUint64

// place turns a document number into a place of the walk, and back.
func (x *walk) place(document uint64) uint64 {
	if x.reverse {
		return ^document
	}
	return document
}

// memo remembers the last answer of a set, which holds for all places in between.
type memo struct{ from, to uint64 }

func (m *memo) known(at uint64) bool { return m.from <= at && at <= m.to && m.to != 0 }

func (m *memo) learn(at, found uint64) uint64 {
	m.from, m.to = at, found
	return found
}

type empty struct{}

func (empty) seek(uint64) uint64 { return end }

// union has what some set has.
type union struct {
	sets []set
	memo
}

func unite(sets []set) set {
	kept := sets[:0]
	for _, s := range sets {
		if s != set(empty{}) {
			kept = append(kept, s)
		}
	}
	switch len(kept) {
	case 0:
		return empty{}
	case 1:
		return kept[0]
	}
	return &union{sets: kept}
}

func (u *union) seek(at uint64) uint64 {
	if u.known(at) {
		return u.to
	}
	least := uint64(end)
	for _, s := range u.sets {
		if least = min(least, s.seek(at)); least == at {
			break
		}
	}
	return u.learn(at, least)
}

// intersection has what all sets have: they leapfrog, each starting from where the last one landed.
type intersection struct {
	sets []set
	memo
}

func intersect(sets []set) set {
	switch len(sets) {
	case 0:
		return empty{}
	case 1:
		return sets[0]
	}
	return &intersection{sets: sets}
}

func (n *intersection) seek(at uint64) uint64 {
	if n.known(at) {
		return n.to
	}
	candidate := at
	for agreed, i := 0, 0; agreed < len(n.sets) && candidate != end; i = (i + 1) % len(n.sets) {
		if found := n.sets[i].seek(candidate); found != candidate {
			candidate, agreed = found, 1
		} else {
			agreed++
		}
	}
	return n.learn(at, candidate)
}

// difference has what one set has and the other has not.
type difference struct {
	of, without set
	memo
}

func subtract(of, without set) set {
	if without == set(empty{}) {
		return of
	}
	return &difference{of: of, without: without}
}

func (d *difference) seek(at uint64) uint64 {
	if d.known(at) {
		return d.to
	}
	found := d.of.seek(at)
	for found != end && d.without.seek(found) == found {
		found = d.of.seek(found + 1)
	}
	return d.learn(at, found)
}

// upTo has the members of a set that are no later documents than the last.
type upTo struct {
	x    *walk
	of   set
	last uint64
}

func (u *upTo) seek(at uint64) uint64 {
	if u.x.reverse {
		return u.of.seek(max(at, ^u.last))
	}
	if found := u.of.seek(at); found <= u.last {
		return found
	}
	return end
}
