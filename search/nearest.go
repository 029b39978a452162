package search

// Near reports whether the query asks resources of a type themselves to be near to some position; what
// chains ask of others does not count.
func (q *Query) Near(typ string) bool {
	found := false
	q.eachNear(typ, func(Test) { found = true })
	return found
}

// Nearest is how far the resource is from the closest of the positions that the query asks it to be near
// to, in metres. ok is false where the query or the resource has none.
func (q *Query) Nearest(r Resource) (metres float64, ok bool) {
	q.eachNear(r.Type, func(t Test) {
		for _, c := range t.Any {
			for _, e := range r.Entries {
				at, is := e.Value.(PositionValue)
				if !is || e.Param != t.Param {
					continue
				}
				if d := c.(PositionCriterion).Distance(at); !ok || d < metres {
					metres, ok = d, true
				}
			}
		}
	})
	return metres, ok
}

// eachNear visits the tests of nearby parameters that resources of a type must or may meet.
func (q *Query) eachNear(typ string, visit func(Test)) {
	for _, b := range q.Branches {
		if b.Type == "" || b.Type == typ {
			eachNear(b.Filter, visit)
		}
	}
}

func eachNear(e Expr, visit func(Test)) {
	switch e := e.(type) {
	case And:
		for _, part := range e {
			eachNear(part, visit)
		}
	case Or:
		for _, part := range e {
			eachNear(part, visit)
		}
	case Test:
		if e.Param.Nearby() {
			visit(e)
		}
	}
}
