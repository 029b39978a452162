package mongodb

import (
	"kiln/search"
)

// links answer what a filter asks of other resources, before those that it is about are looked at. Each gives
// false where that are too many to ask for.
type links interface {
	// matching are the references (Type/id) to all resources of a type that match.
	matching(typ string, filter search.Expr) (references []string, ok bool, err error)
	// referred are the references to resources of a type that those of another type that match have by a parameter.
	referred(h search.Has, typ string) (ids []string, ok bool, err error)
	// within are all references that a Within is met by.
	within(w search.Within) (criteria []search.Criterion, ok bool, err error)
}

// lowering makes the condition of a filter for the resources of a type.
type lowering struct {
	links  links  // nil asks for nothing
	typ    string // "" is unknown
	inside string // begins the keys of contained resources
	err    error
}

// lower is what all resources of a type meet that match a filter. Errors are those of links.
func lower(e search.Expr, typ string, others links) (condition, error) {
	l := lowering{links: others, typ: typ}
	c := l.lower(e)
	return c, l.err
}

func (l *lowering) lower(e search.Expr) condition {
	switch e := e.(type) {
	case search.And:
		return all(l.each(e)...)
	case search.Or:
		return some(l.each(e)...)
	case search.Nothing:
		return never{}
	case search.Test:
		return l.test(e)
	case search.Missing:
		if e.Present {
			return l.present(e.Param)
		}
	case search.Among:
		return l.lower(e.Tests())
	case search.Chain:
		return l.chain(e)
	case search.Has:
		return l.has(e)
	case search.Within:
		return l.within(e)
	case search.Contained:
		return l.contained(e)
	}
	return anything{} // nil, Not
}

func (l *lowering) each(parts []search.Expr) []condition {
	list := make([]condition, len(parts))
	for i, part := range parts {
		list[i] = l.lower(part)
	}
	return list
}

// present is that there is a value. Not all resources have keys of a parameter that is being indexed, and
// what only the engine knows has none.
func (l *lowering) present(p *search.Parameter) condition {
	if !indexed(p) || l.inside == "" && ownParameter(p) {
		return anything{}
	}
	name := l.inside + p.Code
	return oneKey{name, []string{name}}
}

func indexed(p *search.Parameter) bool { return p != nil && !p.Building() }

// ownParameter reports whether p is _id or _lastUpdated.
func ownParameter(p *search.Parameter) bool {
	return p.Base == "Resource" && (p.Code == "_id" || p.Code == "_lastUpdated")
}

func (l *lowering) test(t search.Test) condition {
	if !indexed(t.Param) || len(t.Any) > maxAsked {
		return l.presentIn(t)
	}
	list := make([]condition, len(t.Any))
	for i, c := range t.Any {
		list[i] = l.criterion(t, c)
	}
	if t.Modifier == search.Unequal {
		return l.present(t.Param)
	}
	found := some(list...)
	if _, ok := found.(anything); ok {
		return l.presentIn(t)
	}
	return found
}

// presentIn is that there is a value that a test may be met by: texts of tokens are values for :text alone.
func (l *lowering) presentIn(t search.Test) condition {
	if t.Modifier == search.Text {
		return anything{}
	}
	return l.present(t.Param)
}

func (l *lowering) criterion(t search.Test, c search.Criterion) condition {
	if l.inside == "" && ownParameter(t.Param) {
		return own(c)
	}
	return keysOf(l.inside+t.Param.Code, t.Modifier, c)
}

// own is the condition on what has no keys.
func own(c search.Criterion) condition {
	switch c := c.(type) {
	case search.TokenCriterion:
		if !c.AnyCode {
			return named{c.Code}
		}
	case search.DateCriterion:
		b := c.Bounds()
		if b.Not {
			return anything{}
		}
		// A time of a change is a millisecond.
		from := max(b.LowFrom, b.HighFrom-1000)
		to := min(b.LowTo, b.HighTo)
		return updated{milliseconds(from) - 1, milliseconds(to) + 1}
	}
	return anything{}
}

// milliseconds keeps far from the ends of what a server takes for a time.
func milliseconds(micro int64) int64 {
	return max(firstTime.UnixMilli(), min(micro/1000, lastTime.UnixMilli()))
}

// lowerQuery is what the matches of a query among the resources of a type meet.
func lowerQuery(q *search.Query, typ string, others links) (condition, error) {
	var list []condition
	for _, b := range q.Branches {
		if b.Type != "" && b.Type != typ {
			continue
		}
		c, err := lower(b.Filter, typ, others)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return some(list...), nil
}
