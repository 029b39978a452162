package pebble

import (
	"slices"
	"strings"
	"time"

	"kiln/search"
	"kiln/store"
)

// trace is what a search did so far. A plan is told from it when somebody asks, which may be after the
// search; noting what was done formats nothing.
type trace struct {
	sort     []search.SortKey
	steps    []traced
	first    [4]traced // room for the steps of most searches
	examined int64
	duration time.Duration
}

// traced is a step of a trace.
type traced struct {
	operation, detail string
	expr              search.Expr // tells the detail where that is empty
	sorts             bool        // the order of the query is the detail
	negated, tested   bool
	of                code // the type, where all its resources are the estimate
	estimate          int64
	examined          int64
}

// note adds a leg to the trace and gives its place there, for done.
func (x *execution) note(l *leg) (step int) {
	t := x.trace
	if t.steps == nil {
		t.steps = t.first[:0]
	}
	t.steps = append(t.steps, traced{
		operation: l.operation, detail: l.detail, expr: l.expr, sorts: l.sorts, negated: l.negated, of: l.of,
		estimate: int64(l.size), examined: -x.examined,
	})
	return len(t.steps) - 1
}

// done notes what was read since a step was noted.
func (x *execution) done(step int) { x.trace.steps[step].examined += x.examined }

// noteTest adds a leg that is tested on candidates, which reads nothing of its own.
func (x *execution) noteTest(l *leg) {
	step := x.note(l)
	x.trace.steps[step].tested = true
	x.done(step)
}

// size gives the legs that were not sized the number of all resources of their type, as far as that is
// known or to be read.
func (x *execution) size(read bool) {
	for i := range x.trace.steps {
		s := &x.trace.steps[i]
		if s.of == 0 {
			continue
		}
		n, known := x.counts[s.of]
		switch {
		case known:
			s.estimate = int64(n)
		case read:
			s.estimate = int64(x.live(s.of))
		default:
			s.estimate = store.Unsized
		}
	}
}

// plan tells of the steps.
func (t *trace) plan() *store.Plan {
	p := &store.Plan{Steps: make([]store.Step, len(t.steps)), Examined: t.examined, Duration: t.duration}
	for i := range t.steps {
		s := &t.steps[i]
		p.Steps[i] = store.Step{Operation: s.name(), Detail: s.about(t.sort), Estimate: s.estimate, Examined: max(0, s.examined)}
	}
	return p
}

func (s *traced) name() string {
	name := s.operation
	if s.negated {
		name = "not " + name
	}
	if s.tested {
		name = "test " + name
	}
	return name
}

func (s *traced) about(order []search.SortKey) string {
	detail := s.detail
	if detail == "" {
		detail = detailOf(s.expr)
	}
	if !s.sorts {
		return detail
	}
	return strings.TrimPrefix(detail+","+sortDetail(order), ",")
}

// detailOf names the parameters of an expression with their modifiers, and none of the values.
func detailOf(e search.Expr) string {
	switch e := e.(type) {
	case search.Test:
		return describe(e)
	case search.Missing:
		return e.Param.Code + ":missing"
	case search.Among:
		names := make([]string, len(e.Params))
		for i, param := range e.Params {
			names[i] = param.Code
		}
		return strings.Join(names, ",")
	case search.Not:
		return detailOf(e.Of)
	case search.And:
		var names []string
		for _, part := range e {
			if name := detailOf(part); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		return strings.Join(names, ",")
	}
	return ""
}
