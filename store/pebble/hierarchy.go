package pebble

import "kiln/search"

// hierarchy is what a Within comes to in the state searched: the test that it is lowered to, or
// not ok where there is too much below.
type hierarchy struct {
	test search.Test
	ok   bool
}

// hierarchyKey tells a Within of the query from the others, by where its references are.
type hierarchyKey struct {
	param *search.Parameter
	any   *search.Criterion
	above bool
}

// withinLeg lowers a hierarchy to the references that it stands for. Where there are too many,
// candidates are tested by walking up from what they refer to.
func (x *walk) withinLeg(typ code, w search.Within) leg {
	detail := w.Param.Code + ":below"
	if w.Above {
		detail = w.Param.Code + ":above"
	}
	if len(w.Any) == 0 {
		return fixed(w, "nothing", detail, empty{}, 0)
	}
	found := x.hierarchy(w)
	if !found.ok {
		return leg{expr: w, operation: "scan", detail: detail, test: tuned.lookup}
	}
	l := x.testLeg(typ, found.test)
	l.detail = detail
	return l
}

// hierarchy walks a hierarchy once for all legs of the execution.
func (x *execution) hierarchy(w search.Within) hierarchy {
	key := hierarchyKey{w.Param, &w.Any[0], w.Above}
	found, known := x.resolved[key]
	if known {
		return found
	}
	found.test.Param, found.ok = w.Param, true
	if w.Above {
		var err error
		found.test.Any, err = w.Over(x.ctx, x)
		x.fail(err)
	} else {
		found.test.Any, found.ok = x.under(w)
	}
	if x.resolved == nil {
		x.resolved = map[hierarchyKey]hierarchy{}
	}
	x.resolved[key] = found
	return found
}

// under are the references named and all that are below them, level by level; not ok when there are
// too many.
func (x *execution) under(w search.Within) (under []search.Criterion, ok bool) {
	under = append(under, w.Any...)
	seen := map[search.ReferenceCriterion]bool{}
	level := under
	for range search.MaxLevels {
		if level = x.children(w, level, seen); len(level) == 0 {
			break
		}
		under = append(under, level...)
	}
	return under, len(seen) <= tuned.below
}

// children are the resources that are part of those of a level and were not seen before; few of them
// when there are too many.
func (x *execution) children(w search.Within, level []search.Criterion, seen map[search.ReferenceCriterion]bool) []search.Criterion {
	var children []search.Criterion
	for _, h := range w.By {
		typ := x.store.dictionary.typeCode(h.Type)
		if typ == 0 || len(seen) > tuned.below {
			continue
		}
		filter := search.And{search.Test{Param: h.Parent, Any: level}}
		if h.Filter != nil {
			filter = append(filter, h.Filter)
		}
		(&walk{execution: x}).each(branch{typ, filter}, func(document uint64) {
			id, ok := x.idOf(typ, document)
			child := search.ReferenceCriterion{Type: h.Type, ID: id}
			if ok && !seen[child] && len(seen) <= tuned.below {
				seen[child] = true
				children = append(children, child)
			}
		})
	}
	return children
}
