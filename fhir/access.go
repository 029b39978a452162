package fhir

import (
	"context"

	"kiln/resources/definitions"
	"kiln/search"
	"kiln/store"
)

// Action is what a caller wants to do, as an Authorizer is asked. Every interaction passes through
// it by itself: an entry of a batch, a conditional reference, an include and a page of a search
// are asked as the reads and searches they are.
type Action struct {
	Interaction Interaction
	Operation   string // for an operation: its name without the $
	Type        string // "" for the whole system
	ID          string // "" for a whole type
}

// Authorizer decides what the caller, whom it finds in the context, may do and see. What it
// filters out does not exist for that caller: same answers, same counts.
type Authorizer interface {
	// Authorize decides whether the action may be tried at all. The error is an *outcome.Error,
	// such as forbidden or login.
	Authorize(ctx context.Context, action Action) error
	// Filter is the access predicate: the action reaches just those resources of the type that match
	// it, before and, for a write, after. Nil reaches all, search.Nothing none.
	Filter(ctx context.Context, action Action) (search.Expr, error)
	// Caller names the caller, the same for all requests that may share paging links. A link works
	// for the caller who got it.
	Caller(ctx context.Context) string
}

// reach is what an action reaches: the predicate for its type.
type reach struct {
	action    Action
	predicate search.Expr
}

// allow asks the authorizer for an action and gives what it reaches.
func (s *Service) allow(ctx context.Context, action Action) (reach, error) {
	r := reach{action: action}
	if s.options.Authorizer == nil {
		return r, nil
	}
	if err := s.options.Authorizer.Authorize(ctx, action); err != nil {
		return r, err
	}
	var err error
	r.predicate, err = s.options.Authorizer.Filter(ctx, action)
	return r, err
}

// admits reports whether the reach holds a version, judged by its own image; a tombstone is judged
// by the image before it.
func (s *Service) admits(ctx context.Context, reader store.Reader, r reach, v store.Version) (bool, error) {
	if r.predicate == nil {
		return true, nil
	}
	if v.Deleted() {
		before, err := reader.ReadVersion(ctx, v.Key, v.VersionID-1)
		if err != nil {
			return false, err
		}
		v = before
	}
	resource, err := s.searchable(ctx, v)
	if err != nil {
		return false, err
	}
	return search.Match(ctx, r.predicate, resource, &source{service: s, reader: reader})
}

// narrow adds what the caller may see to every branch of a query. A query of all types is
// parted into its types, since each has a predicate of its own.
func (s *Service) narrow(ctx context.Context, action Action, query *search.Query) (*search.Query, error) {
	if s.options.Authorizer == nil {
		return query, nil
	}
	narrowed := *query
	narrowed.Branches = nil
	for _, branch := range query.Branches {
		types := []string{branch.Type}
		if branch.Type == "" {
			types = definitions.R4().ResourceNames()
		}
		for _, typ := range types {
			action.Type = typ
			r, err := s.allow(ctx, action)
			if err != nil {
				if len(types) > 1 || len(query.Branches) > 1 {
					continue // of several types those that the caller may search
				}
				return nil, err
			}
			filter := branch.Filter
			if filter, err = s.narrowLegs(ctx, filter); err != nil {
				return nil, err
			}
			narrowed.Branches = append(narrowed.Branches, search.Branch{Type: typ, Filter: both(filter, r.predicate)})
		}
	}
	return &narrowed, nil
}

// narrowLegs adds what the caller may see to every leg of chains and reverse chains.
func (s *Service) narrowLegs(ctx context.Context, x search.Expr) (search.Expr, error) {
	switch x := x.(type) {
	case search.And:
		parts, err := s.narrowParts(ctx, x)
		return search.And(parts), err
	case search.Or:
		parts, err := s.narrowParts(ctx, x)
		return search.Or(parts), err
	case search.Not:
		of, err := s.narrowLegs(ctx, x.Of)
		return search.Not{Of: of}, err
	case search.Contained:
		return s.narrowContained(ctx, x)
	case search.Chain:
		branches := make([]search.Branch, len(x.Branches))
		for i, b := range x.Branches {
			filter, err := s.narrowLeg(ctx, b.Type, b.Filter)
			if err != nil {
				return nil, err
			}
			branches[i] = search.Branch{Type: b.Type, Filter: filter}
		}
		x.Branches = branches
		return x, nil
	case search.Has:
		var err error
		x.Filter, err = s.narrowLeg(ctx, x.Type, x.Filter)
		return x, err
	case search.Within:
		return s.narrowWithin(ctx, x)
	}
	return x, nil
}

// narrowWithin lets a hierarchy be walked through what the caller may see alone.
func (s *Service) narrowWithin(ctx context.Context, x search.Within) (search.Expr, error) {
	by := make([]search.Hierarchy, len(x.By))
	for i, h := range x.By {
		var err error
		if h.Filter, err = s.narrowLeg(ctx, h.Type, h.Filter); err != nil {
			return nil, err
		}
		by[i] = h
	}
	x.By = by
	return x, nil
}

func (s *Service) narrowParts(ctx context.Context, parts []search.Expr) ([]search.Expr, error) {
	narrowed := make([]search.Expr, len(parts))
	for i, part := range parts {
		var err error
		if narrowed[i], err = s.narrowLegs(ctx, part); err != nil {
			return nil, err
		}
	}
	return narrowed, nil
}

func (s *Service) narrowLeg(ctx context.Context, typ string, filter search.Expr) (search.Expr, error) {
	r, err := s.allow(ctx, Action{Interaction: SearchType, Type: typ})
	if err != nil {
		return nil, err
	}
	if filter, err = s.narrowLegs(ctx, filter); err != nil {
		return nil, err
	}
	return both(filter, r.predicate), nil
}

// both is the conjunction of two conditions, either of which may be nil.
func both(a, b search.Expr) search.Expr {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return search.And{a, b}
}

// caller names whom paging links are for.
func (s *Service) caller(ctx context.Context) string {
	if s.options.Authorizer == nil {
		return ""
	}
	return s.options.Authorizer.Caller(ctx)
}
