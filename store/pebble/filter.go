package pebble

import (
	"slices"

	"kiln/search"
)

// filtered has those members of a set that pass tests on their values. The tests stand for legs that
// did not seem worth opening; once as much was spent on testing as opening would have cost, the leg
// is opened after all, so that a bad guess costs twice the best plan and no more.
type filtered struct {
	x      *walk
	of     set
	tests  []leg
	expr   search.And
	checks []func(document uint64) bool
	spent  int // documents tested
	memo
}

func (x *walk) filter(s set, tests []leg) set {
	f := &filtered{x: x, of: s, tests: tests}
	f.gather()
	for i := range tests {
		x.noteTest(&tests[i])
	}
	return f
}

// gather joins the tests that look at values; the others come after them.
func (f *filtered) gather() {
	f.expr, f.checks = f.expr[:0], f.checks[:0]
	for _, l := range f.tests {
		if l.check != nil {
			f.checks = append(f.checks, l.check)
		} else {
			f.expr = append(f.expr, l.expr)
		}
	}
}

func (f *filtered) seek(at uint64) uint64 {
	if f.known(at) {
		return f.to
	}
	found := f.of.seek(at)
	for found != end && !f.passes(f.x.place(found)) {
		if f.x.stopped() {
			return end
		}
		f.reconsider()
		found = f.of.seek(found + 1)
	}
	return f.learn(at, found)
}

func (f *filtered) passes(document uint64) bool {
	if len(f.tests) == 0 {
		return true
	}
	f.spent++
	if !f.x.unchangedDocument(document) || len(f.expr) > 0 && !f.x.matches(document, f.expr) {
		return false
	}
	for _, check := range f.checks {
		if !check(document) {
			return false
		}
	}
	return true
}

// reconsider opens the legs whose tests have cost enough.
func (f *filtered) reconsider() {
	before := len(f.tests)
	f.tests = slices.DeleteFunc(f.tests, func(l leg) bool {
		if l.open == nil || f.spent*l.test < max(l.opening, l.size) {
			return false
		}
		step := f.x.note(&l)
		s := f.x.keep(func() set { return l.open(f.x) })
		f.x.done(step)
		if l.negative {
			f.of = subtract(f.of, s)
		} else {
			f.of = intersect([]set{f.of, s})
		}
		return true
	})
	if len(f.tests) != before {
		f.gather()
	}
}
