package fhir

import (
	"context"
	"slices"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
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

// Authorizer decides what the caller, whom it finds in the context, may do and see. What is out of
// reach does not exist for that caller: same answers, same counts.
type Authorizer interface {
	// Authorize decides whether the action may be tried at all. The error is an *outcome.Error,
	// such as forbidden or login.
	Authorize(ctx context.Context, action Action) error
	// Reach is what an action of one request reaches.
	Reach(ctx context.Context, action Action) (Reach, error)
	// Behalf says whom the caller stands for; the zero Behalf for those who act for themselves.
	Behalf(ctx context.Context) (Behalf, error)
	// Caller names the caller, the same for all requests that may share paging links. A link works
	// for the caller who got it.
	Caller(ctx context.Context) string
	// Committed hears what was written, before whoever wrote it does.
	Committed(keys []store.Key)
}

// Behalf is somebody who acts for somebody else: references, such as RelatedPerson/mother and Patient/child.
type Behalf struct{ Who, For string }

// Reach is what an action reaches of its type.
type Reach struct {
	// Predicate is what resources must match, before a write and after it. Nil reaches all, search.Nothing none.
	Predicate search.Expr
	// Verify, if not nil, looks a second time at a resource that is about to be shown, by other means than the predicate.
	// Its error is a fault of the server, since the predicate should have held the resource back.
	Verify func(ctx context.Context, v store.Version) error
	// Hint, if not empty, is for who searches and finds nothing: a sentence on what is not shown, whether it is there or not.
	Hint string
	// MayWrite, if not nil, judges by their content what a write would make of a resource: before is the zero Element for a
	// new one, after for a delete. The error is an *outcome.Error.
	MayWrite func(ctx context.Context, key store.Key, before, after resources.Element) error
}

// reach is what an action reaches.
type reach struct {
	Reach
	action Action
}

// verify has a resource looked at again before it is shown. Tombstones show nothing.
func (r reach) verify(ctx context.Context, v store.Version) error {
	if r.Verify == nil || v.Deleted() {
		return nil
	}
	return r.Verify(ctx, v)
}

// may asks whether an action may be tried at all, for those who find out later what it reaches.
func (s *Service) may(ctx context.Context, action Action) error {
	if s.options.Authorizer == nil {
		return nil
	}
	return s.options.Authorizer.Authorize(ctx, action)
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
	r.Reach, err = s.options.Authorizer.Reach(ctx, action)
	return r, err
}

// admits reports whether the reach holds a version, judged by its own image; a tombstone is judged
// by the image before it.
func (s *Service) admits(ctx context.Context, reader store.Reader, r reach, v store.Version) (bool, error) {
	if r.Predicate == nil {
		return true, nil
	}
	if v.Deleted() {
		before, err := reader.ReadVersion(ctx, v.Key, v.VersionID-1)
		if err != nil {
			return false, err
		}
		v = before
	}
	resource, err := s.judged(ctx, r.Predicate, v)
	if err != nil {
		return false, err
	}
	return search.Match(ctx, r.Predicate, resource, &source{service: s, reader: reader})
}

// narrowing adds what a caller may see to a query, and notes whether that is less than all.
type narrowing struct {
	*Service
	limited bool
	reaches map[string]reach // of the types of the branches
}

// narrow adds what the caller may see to every branch of a query, to every leg of its chains, and to what it is
// sorted by. A query of all types is parted into its types, since each has a predicate of its own.
func (s *Service) narrow(ctx context.Context, action Action, query *search.Query) (*search.Query, error) {
	n := narrowing{Service: s}
	return n.query(ctx, action, query)
}

func (n *narrowing) query(ctx context.Context, action Action, query *search.Query) (*search.Query, error) {
	if n.options.Authorizer == nil {
		return query, nil
	}
	narrowed := *query
	narrowed.Branches = nil
	var refused error
	for _, branch := range query.Branches {
		types := []string{branch.Type}
		if branch.Type == "" {
			types = definitions.R4().ResourceNames()
		}
		for _, typ := range types {
			action.Type = typ
			predicate, err := n.branch(ctx, action)
			if err != nil {
				if outcome.Is(err, outcome.Forbidden) && (len(types) > 1 || len(query.Branches) > 1) {
					refused = err
					continue // of several types those that the caller may search
				}
				return nil, err
			}
			filter := branch.Filter
			if filter, err = n.legs(ctx, filter); err != nil {
				return nil, err
			}
			narrowed.Branches = append(narrowed.Branches, search.Branch{Type: typ, Filter: search.Narrowed(filter, predicate)})
		}
	}
	if len(narrowed.Branches) == 0 && refused != nil {
		return nil, refused
	}
	var err error
	narrowed.Sort, err = n.sort(ctx, query.Sort)
	return &narrowed, err
}

// narrowChains adds what the caller may see to the legs of a query alone: for resources that are the caller's own.
func (s *Service) narrowChains(ctx context.Context, query *search.Query) (*search.Query, error) {
	if s.options.Authorizer == nil {
		return query, nil
	}
	n := narrowing{Service: s}
	narrowed := *query
	narrowed.Branches = slices.Clone(query.Branches)
	for i, branch := range query.Branches {
		var err error
		if narrowed.Branches[i].Filter, err = n.legs(ctx, branch.Filter); err != nil {
			return nil, err
		}
	}
	return &narrowed, nil
}

// branch is the predicate of a branch, whose reach is kept for its matches.
func (n *narrowing) branch(ctx context.Context, action Action) (search.Expr, error) {
	r, err := n.allow(ctx, action)
	n.limited = n.limited || err != nil || r.Predicate != nil
	if err == nil {
		if n.reaches == nil {
			n.reaches = map[string]reach{}
		}
		n.reaches[action.Type] = r
	}
	return r.Predicate, err
}

// verify has the matches of the query looked at again.
func (n *narrowing) verify(ctx context.Context, matches []store.Version) error {
	if n.options.Authorizer == nil {
		return nil
	}
	for _, v := range matches {
		if err := n.reaches[v.Type].verify(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// predicate is what an action reaches.
func (n *narrowing) predicate(ctx context.Context, action Action) (search.Expr, error) {
	r, err := n.allow(ctx, action)
	n.limited = n.limited || err != nil || r.Predicate != nil
	return r.Predicate, err
}

// sort lets references be followed to what the caller may see alone, so that no order tells of the rest.
func (n *narrowing) sort(ctx context.Context, keys []search.SortKey) ([]search.SortKey, error) {
	keys = slices.Clone(keys)
	for i, key := range keys {
		keys[i].Via = slices.Clone(key.Via)
		for j, link := range key.Via {
			predicate, err := n.predicate(ctx, Action{Interaction: SearchType, Type: link.Type})
			if err != nil {
				return nil, err
			}
			keys[i].Via[j].Filter = search.Narrowed(link.Filter, predicate)
		}
	}
	return keys, nil
}

// legs adds what the caller may see to every leg of chains and reverse chains.
func (n *narrowing) legs(ctx context.Context, x search.Expr) (search.Expr, error) {
	switch x := x.(type) {
	case search.And:
		parts, err := n.parts(ctx, x)
		return search.And(parts), err
	case search.Or:
		parts, err := n.parts(ctx, x)
		return search.Or(parts), err
	case search.Not:
		of, err := n.legs(ctx, x.Of)
		return search.Not{Of: of}, err
	case search.Contained:
		return n.contained(ctx, x)
	case search.Chain:
		branches := make([]search.Branch, len(x.Branches))
		for i, b := range x.Branches {
			filter, err := n.leg(ctx, b.Type, b.Filter)
			if err != nil {
				return nil, err
			}
			branches[i] = search.Branch{Type: b.Type, Filter: filter}
		}
		x.Branches = branches
		return x, nil
	case search.Has:
		var err error
		x.Filter, err = n.leg(ctx, x.Type, x.Filter)
		return x, err
	case search.Within:
		return n.within(ctx, x)
	}
	return x, nil
}

// within lets a hierarchy be walked through what the caller may see alone.
func (n *narrowing) within(ctx context.Context, x search.Within) (search.Expr, error) {
	by := make([]search.Hierarchy, len(x.By))
	for i, h := range x.By {
		var err error
		if h.Filter, err = n.leg(ctx, h.Type, h.Filter); err != nil {
			return nil, err
		}
		by[i] = h
	}
	x.By = by
	return x, nil
}

func (n *narrowing) parts(ctx context.Context, parts []search.Expr) ([]search.Expr, error) {
	narrowed := make([]search.Expr, len(parts))
	for i, part := range parts {
		var err error
		if narrowed[i], err = n.legs(ctx, part); err != nil {
			return nil, err
		}
	}
	return narrowed, nil
}

func (n *narrowing) leg(ctx context.Context, typ string, filter search.Expr) (search.Expr, error) {
	predicate, err := n.predicate(ctx, Action{Interaction: SearchType, Type: typ})
	if err != nil {
		return nil, err
	}
	if filter, err = n.legs(ctx, filter); err != nil {
		return nil, err
	}
	return search.Narrowed(filter, predicate), nil
}

// caller names whom paging links are for.
func (s *Service) caller(ctx context.Context) string {
	if s.options.Authorizer == nil {
		return ""
	}
	return s.options.Authorizer.Caller(ctx)
}
