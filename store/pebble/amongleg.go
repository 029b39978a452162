package pebble

import (
	"kiln/search"
	"kiln/store"
)

// fewTargets is up to how many targets are searched for as any other values are.
const fewTargets = 8

// seekCost is what finding the keys of one target costs, in keys walked.
const seekCost = 8

// amongLeg finds what names one of many targets. Where something else in the conjunction finds few resources, these are tested,
// which costs a look into a set; to count, or only to guess, what all targets have costs a seek for each.
func (x *walk) amongLeg(typ code, e search.Among) leg {
	if e.Targets.Len() <= fewTargets {
		return x.legs(typ, e.Tests())[0]
	}
	var union *leg
	all := func() *leg {
		if union == nil {
			made := x.legs(typ, e.Tests())[0]
			union = &made
		}
		return union
	}
	l := leg{
		expr: e, operation: "among", test: tuned.test, broad: true, opening: seekCost * len(e.Params) * e.Targets.Len(),
		measure: func(limit int) int { return all().sized(limit) },
		guess: func() int {
			if guess := all().guess; guess != nil {
				return guess()
			}
			return all().size
		},
		open: func(x *walk) set { return x.plan(typ, e.Tests()) },
	}
	if len(e.Params) == 1 && isID(e.Params[0]) {
		l.check = func(document uint64) bool { return x.isAmong(document, e) }
	}
	return l
}

// isAmong reports whether a resource is one of the targets itself. What is looked at is most likely what the page shows, so
// that it is read for both.
func (x *walk) isAmong(document uint64, e search.Among) bool {
	v, known := x.looked[document]
	if !known {
		if len(x.looked) >= mostLooked {
			return x.matches(document, e)
		}
		x.spend(1)
		if v = x.look(document); x.looked == nil {
			x.looked = map[uint64]store.Version{}
		}
		x.looked[document] = v
	}
	return e.Targets.Has(v.ID)
}
