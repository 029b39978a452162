package pebble

import (
	"slices"

	"kiln/search"
)

// target is what a query asks of the resources of one type.
type target struct {
	typ    code
	filter search.Expr // nil is all
}

// targets are the types that are searched, each once, with the filters of all branches for it.
func (x *execution) targets() []target {
	filters := map[code][]search.Expr{}
	add := func(typ code, filter search.Expr) { filters[typ] = append(filters[typ], filter) }
	for _, b := range x.query.Branches {
		if b.Type != "" {
			if typ := x.store.dictionary.typeCode(b.Type); typ != 0 {
				add(typ, b.Filter)
			}
			continue
		}
		for _, typ := range x.store.dictionary.types() {
			add(typ, b.Filter)
		}
	}
	var list []target
	for typ, of := range filters {
		if len(filters) > 1 && x.past == nil && x.live(typ) == 0 {
			continue
		}
		t := target{typ: typ, filter: of[0]}
		if len(of) > 1 && !slices.Contains(of, nil) {
			t.filter = search.Or(of)
		} else if len(of) > 1 {
			t.filter = nil
		}
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b target) int { return int(a.typ) - int(b.typ) })
	return list
}

// members is the set of a target's matches, as of the state searched.
func (x *walk) members(t target) set { return x.restore(t.typ, x.plan(t.typ, t.filter), t.filter) }

// count counts the matches, up to a limit; 0 is no limit.
func (x *execution) count(targets []target, limit int) int64 {
	if x.query.ContainedAlone {
		return x.countPlaces(targets)
	}
	n := 0
	for _, t := range targets {
		if t.filter == nil && x.past == nil {
			n += x.live(t.typ)
			continue
		}
		open := len(x.iterators)
		n += x.countMembers(t, limit-n)
		x.recycle(open)
		if x.err != nil || limit > 0 && n >= limit {
			break
		}
	}
	return int64(n)
}

func (x *execution) countMembers(t target, limit int) int {
	w := &walk{execution: x, need: max(0, limit)}
	s := w.members(t)
	if l, ok := s.(*list); ok {
		return len(l.documents)
	}
	if b, ok := s.(*bitmap); ok {
		return int(b.of.GetCardinality())
	}
	n := 0
	for at := s.seek(0); at != end && x.err == nil && (limit <= 0 || n < limit); at = s.seek(at + 1) {
		n++
	}
	return n
}
