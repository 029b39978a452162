package mongodb

import "kiln/search"

// chain asks for references to what matches at the other end. A reference to a contained resource is followed
// only when its container is at hand.
func (l *lowering) chain(c search.Chain) condition {
	if l.links == nil || l.inside != "" || l.err != nil || !indexed(c.Param) {
		return l.present(c.Param)
	}
	list := []condition{is(c.Param.Code, "=", "#")}
	for _, b := range c.Branches {
		references, ok, err := l.links.matching(b.Type, b.Filter)
		if err != nil {
			l.err = err
		}
		if !ok {
			return l.present(c.Param)
		}
		for _, reference := range references {
			list = append(list, is(c.Param.Code, "=", reference))
		}
		if len(list) > maxKeys {
			return l.present(c.Param)
		}
	}
	return some(list...)
}

// has asks for the resources that are referred to.
func (l *lowering) has(h search.Has) condition {
	if l.inside != "" {
		return never{}
	}
	if l.links == nil || l.typ == "" || l.err != nil {
		return anything{}
	}
	ids, ok, err := l.links.referred(h, l.typ)
	switch {
	case err != nil:
		l.err = err
		return anything{}
	case !ok:
		return anything{}
	case len(ids) == 0:
		return never{}
	}
	return named(ids)
}

// within asks for the references that are named and those that belong to them.
func (l *lowering) within(w search.Within) condition {
	if l.links == nil || l.err != nil {
		return l.present(w.Param)
	}
	criteria, ok, err := l.links.within(w)
	if err != nil {
		l.err = err
	}
	if !ok || len(criteria) > maxAsked {
		return l.present(w.Param)
	}
	return l.test(search.Test{Param: w.Param, Any: criteria})
}

// contained asks for the keys of what is contained: whatever matches there has them all.
func (l *lowering) contained(c search.Contained) condition {
	list := make([]condition, len(c.Branches))
	for i, b := range c.Branches {
		if b.Type == "" {
			list[i] = oneKey{"#", []string{"#"}}
			continue
		}
		name := "#" + b.Type
		inner := lowering{typ: b.Type, inside: name + "?"}
		list[i] = inner.lower(b.Filter)
		if _, ok := list[i].(anything); ok {
			list[i] = oneKey{name, []string{name}}
		}
	}
	return some(list...)
}

// referredIDs are the ids of the resources of a type that a parameter refers to.
func referredIDs(entries []search.Entry, p *search.Parameter, typ string) []string {
	var ids []string
	for _, e := range entries {
		if ref, ok := e.Value.(search.ReferenceValue); ok && e.Param == p && ref.ID != "" && ref.Type == typ {
			ids = append(ids, ref.ID)
		}
	}
	return ids
}
