package search

import "slices"

// Targets are resources of one type. They are not changed, and many queries may share them.
type Targets struct {
	Type   string
	ids    map[string]struct{}
	sorted []string

	references, tokens []Criterion
}

// NewTargets is a set of resources of a type by their ids; "" and what comes again are left out.
func NewTargets(typ string, ids ...string) *Targets {
	t := &Targets{Type: typ, ids: make(map[string]struct{}, len(ids))}
	for _, id := range slices.Sorted(slices.Values(ids)) { // the same set makes the same query, for its pages
		if _, known := t.ids[id]; known || id == "" {
			continue
		}
		t.ids[id] = struct{}{}
		t.sorted = append(t.sorted, id)
		t.references = append(t.references, ReferenceCriterion{Type: typ, ID: id})
		t.tokens = append(t.tokens, TokenCriterion{Code: id, AnySystem: true})
	}
	return t
}

// Has reports whether the resource with an id is one of them. No resource is one of nil.
func (t *Targets) Has(id string) bool {
	if t == nil {
		return false
	}
	_, ok := t.ids[id]
	return ok
}

// Len is how many there are.
func (t *Targets) Len() int {
	if t == nil {
		return 0
	}
	return len(t.sorted)
}

// IDs are those of the resources, ascending. The caller leaves them as they are.
func (t *Targets) IDs() []string { return t.sorted }

// Among matches resources that name one of the targets by a value of some parameter: a reference to it, or as _id the
// resource itself. It is what an Or of Tests says (Tests), for sets that may be large: such as the patients whom somebody
// cares for, in an access predicate.
type Among struct {
	Params  []*Parameter // of references, and _id where the resources are of the type of the targets
	Targets *Targets
}

func (Among) expr() {}

// Match reports whether some value names a target.
func (a Among) Match(entries []Entry) bool {
	for _, e := range entries {
		if !slices.Contains(a.Params, e.Param) {
			continue
		}
		switch v := e.Value.(type) {
		case ReferenceValue:
			if v.ID != "" && v.Type == a.Targets.Type && a.Targets.Has(v.ID) {
				return true
			}
		case TokenValue:
			if a.Targets.Has(v.Code) {
				return true
			}
		}
	}
	return false
}

// Tests is the same said with Tests, a criterion for each target.
func (a Among) Tests() Or {
	tests := make(Or, len(a.Params))
	for i, param := range a.Params {
		criteria := a.Targets.references
		if param.Type == TypeToken {
			criteria = a.Targets.tokens
		}
		tests[i] = Test{Param: param, Any: criteria}
	}
	return tests
}

// Narrowed is the conjunction of a filter and a predicate, either of which may be nil, without what of the predicate follows
// from the filter: whoever asks for what is one patient's, and may see all that is theirs, asks for no more than that.
func Narrowed(filter, predicate Expr) Expr {
	parts, many := predicate.(And)
	if !many {
		parts = And{predicate}
	}
	parts = slices.DeleteFunc(slices.Clone(parts), func(part Expr) bool { return part == nil || follows(part, filter) })
	switch {
	case len(parts) == 0:
		return filter
	case filter != nil:
		return append(And{filter}, parts...)
	case len(parts) == 1:
		return parts[0]
	}
	return parts
}

// follows reports whether a part of a predicate is true of all that a filter matches. False says nothing.
func follows(part, filter Expr) bool {
	switch part := part.(type) {
	case Among:
		return part.follows(filter)
	case And:
		return !slices.ContainsFunc(part, func(p Expr) bool { return !follows(p, filter) })
	case Or:
		return slices.ContainsFunc(part, func(p Expr) bool { return follows(p, filter) })
	}
	return false
}

func (a Among) follows(filter Expr) bool {
	switch filter := filter.(type) {
	case And:
		return slices.ContainsFunc(filter, a.follows)
	case Or:
		return len(filter) > 0 && !slices.ContainsFunc(filter, func(f Expr) bool { return !a.follows(f) })
	case Test:
		if filter.Modifier != Plain || filter.tokens != nil || len(filter.Any) == 0 ||
			!slices.ContainsFunc(a.Params, func(p *Parameter) bool { return p.covers(filter.Param) }) {
			return false
		}
		return !slices.ContainsFunc(filter.Any, func(c Criterion) bool { return !a.names(c) })
	}
	return false
}

// names reports whether all that meets a criterion is one of the targets.
func (a Among) names(c Criterion) bool {
	switch c := c.(type) {
	case ReferenceCriterion:
		return c.URL == "" && c.Type == a.Targets.Type && a.Targets.Has(c.ID)
	case TokenCriterion:
		return !c.AnyCode && a.Targets.Has(c.Code)
	}
	return false
}

// covers reports whether all values of another parameter are values of p too: those of patient are among those of subject,
// where that is all that subject may be. False says nothing.
func (p *Parameter) covers(other *Parameter) bool {
	if p == other {
		return true
	}
	if p.Type != other.Type || p.expression != nil || other.expression != nil || p.custom != nil || other.custom != nil || len(other.selectors) == 0 {
		return false
	}
	return !slices.ContainsFunc(other.selectors, func(s *selector) bool {
		return !slices.ContainsFunc(p.selectors, func(wide *selector) bool { return wide.covers(s) })
	})
}

func (s *selector) covers(other *selector) bool {
	return s.head == other.head && (s.target == "" || s.target == other.target) && slices.Equal(s.steps, other.steps)
}
