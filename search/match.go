package search

import (
	"context"
	"iter"
)

// Resource is one resource as search sees it. Entries are those of Extract together with those of
// Parameters.Own.
type Resource struct {
	Type, ID string
	Entries  []Entry

	around *container // that a contained resource is in
}

// Source gives Match the other resources that chains and _has speak of.
type Source interface {
	// Lookup finds a current resource; ok is false when there is none.
	Lookup(ctx context.Context, typ, id string) (r Resource, ok bool, err error)
	// Referrers yields at least the current resources of type typ that have a value of param which
	// points to the target; Match itself tests the ones it gets. An error ends it.
	Referrers(ctx context.Context, typ string, param *Parameter, targetType, targetID string) iter.Seq2[Resource, error]
}

// Match reports whether the resource is among the query's matches: some branch for its type
// matches it. Errors are those of the source and the end of the context.
func (q *Query) Match(ctx context.Context, r Resource, source Source) (bool, error) {
	for _, b := range q.Branches {
		if b.Type != "" && b.Type != r.Type {
			continue
		}
		if ok, err := Match(ctx, b.Filter, r, source); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// Match reports whether the resource matches the tree; a nil tree matches all. Errors are those of
// the source and the end of the context. The source is only asked by Chain and Has.
func Match(ctx context.Context, x Expr, r Resource, source Source) (bool, error) {
	m := matcher{ctx: ctx, source: source}
	return m.match(x, r)
}

type matcher struct {
	ctx    context.Context
	source Source
}

func (m *matcher) match(x Expr, r Resource) (bool, error) {
	switch x := x.(type) {
	case nil:
		return true, nil
	case And:
		return m.all(x, r)
	case Or:
		return m.some(x, r)
	case Not:
		ok, err := m.match(x.Of, r)
		return !ok && err == nil, err
	case Test:
		return x.Match(r.Entries), nil
	case Missing:
		return x.Match(r.Entries), nil
	case Among:
		return x.Match(r.Entries), nil
	case Chain:
		return m.chain(x, r)
	case Has:
		return m.has(x, r)
	case Within:
		return m.within(x, r)
	case Contained:
		return m.inside(x, r)
	}
	return false, nil // Nothing
}

func (m *matcher) all(parts []Expr, r Resource) (bool, error) {
	for _, part := range parts {
		if ok, err := m.match(part, r); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (m *matcher) some(parts []Expr, r Resource) (bool, error) {
	for _, part := range parts {
		if ok, err := m.match(part, r); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (m *matcher) chain(c Chain, r Resource) (bool, error) {
	around := r.around
	for _, e := range r.Entries {
		ref, ok := e.Value.(ReferenceValue)
		if e.Param != c.Param || !ok {
			continue
		}
		id, local := ref.LocalID()
		if local && around == nil {
			own := r
			around = &container{resource: &own}
		}
		met, err := false, error(nil)
		switch {
		case !local:
			met, err = m.chainOutside(c, ref)
		case id != "" || r.around != nil: // only what is contained refers to its container by "#"
			met, err = m.chainInside(c, id, around)
		}
		if met || err != nil {
			return met, err
		}
	}
	return false, nil
}

// chainOutside follows a reference to a resource of this server.
func (m *matcher) chainOutside(c Chain, ref ReferenceValue) (bool, error) {
	for _, b := range c.Branches {
		if ref.ID == "" || b.Type != ref.Type {
			continue
		}
		if ok, err := m.lookup(b.Filter, ref); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (m *matcher) lookup(filter Expr, ref ReferenceValue) (bool, error) {
	if err := m.ctx.Err(); err != nil {
		return false, err
	}
	target, ok, err := m.source.Lookup(m.ctx, ref.Type, ref.ID)
	if !ok || err != nil {
		return false, err
	}
	return m.match(filter, target)
}

func (m *matcher) has(h Has, r Resource) (bool, error) {
	if r.around != nil {
		return false, nil // nothing outside refers to what has an address only inside
	}
	for other, err := range m.source.Referrers(m.ctx, h.Type, h.Param, r.Type, r.ID) {
		if err == nil {
			err = m.ctx.Err()
		}
		if err != nil {
			return false, err
		}
		if !other.refersTo(h.Param, r) {
			continue
		}
		if ok, err := m.match(h.Filter, other); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (r Resource) refersTo(param *Parameter, target Resource) bool {
	for _, e := range r.Entries {
		if ref, ok := e.Value.(ReferenceValue); ok && e.Param == param && ref.To(target.Type, target.ID) {
			return true
		}
	}
	return false
}

// Match reports whether some value of the parameter meets some criterion.
func (t Test) Match(entries []Entry) bool {
	for _, e := range entries {
		if e.Param == t.Param && t.MatchValue(e.Value) {
			return true
		}
	}
	return false
}

// MatchValue reports whether the value meets some criterion.
func (t Test) MatchValue(v Value) bool {
	if t.Modifier == Unequal {
		return Present(v) && !Test{Param: t.Param, Any: t.Any}.MatchValue(v)
	}
	if t.tokens != nil {
		token, ok := v.(TokenValue)
		_, listed := t.tokens[Code{token.System, token.Code}]
		return ok && listed && token.present()
	}
	for _, c := range t.Any {
		if MatchValue(t.Modifier, c, v) {
			return true
		}
	}
	return false
}

// Match reports whether the resource has no value for the parameter, or with Present that it has.
func (m Missing) Match(entries []Entry) bool {
	for _, e := range entries {
		if e.Param == m.Param && Present(e.Value) {
			return m.Present
		}
	}
	return !m.Present
}

// Present reports whether v is a value for :missing and sorting: all are but tokens that have
// nothing but a text.
func Present(v Value) bool {
	t, ok := v.(TokenValue)
	return !ok || t.present()
}

// MatchValue reports whether one value meets one criterion under the modifier of the Test. A
// criterion of another type than the value is not met.
func MatchValue(m Modifier, c Criterion, v Value) bool {
	switch c := c.(type) {
	case StringCriterion:
		v, ok := v.(StringValue)
		return ok && c.Match(m, v)
	case TokenCriterion:
		if ref, ok := v.(ReferenceValue); ok && m == Identifier {
			return ref.Identifier.Code != "" && c.Match(Plain, ref.Identifier)
		}
		v, ok := v.(TokenValue)
		return ok && c.Match(m, v)
	case ReferenceCriterion:
		v, ok := v.(ReferenceValue)
		if m == Above || m == Below {
			return ok && c.within(m, v)
		}
		return ok && c.Match(v)
	case DateCriterion:
		v, ok := v.(DateValue)
		return ok && c.Match(v)
	case NumberCriterion:
		v, ok := v.(NumberValue)
		return ok && c.Match(v)
	case QuantityCriterion:
		v, ok := v.(QuantityValue)
		return ok && c.Match(v)
	case URICriterion:
		v, ok := v.(URIValue)
		return ok && c.Match(m, v)
	case PositionCriterion:
		v, ok := v.(PositionValue)
		return ok && c.Match(v)
	case CompositeCriterion:
		v, ok := v.(CompositeValue)
		return ok && c.Match(v)
	case WordsCriterion:
		return matchWords(c, v)
	}
	return false
}
