package mongodb

import (
	"context"
	"errors"

	outcomes "kiln/resources/outcome"
	"kiln/search"
)

// inner answers what a filter asks of other resources from their end, as long as they are few.
type inner struct {
	*searching
	ctx context.Context
}

// Beyond these a chain is followed from the candidates.
const (
	maxInnerLooked = 20_000
	maxInner       = maxAsked
)

var errMany = errors.New("too many")

// matches gives the resources of a type that match; false where they, or what may be they, are many.
func (i inner) matches(typ string, filter search.Expr, take func(search.Resource) error) (ok bool, err error) {
	c, err := lower(filter, typ, i)
	if err != nil || !isType(typ) {
		return false, err
	}
	switch c.(type) {
	case anything:
		return false, nil
	case never:
		return true, nil
	}
	w := i.upwards(typ, c)
	w.wanted.want(filter)
	for looked := 0; ; looked++ {
		found, err := w.next(i.ctx)
		if found == nil || err != nil {
			return err == nil, err
		}
		if looked == maxInnerLooked {
			return false, nil
		}
		ok, err := search.Match(i.ctx, filter, found.resource, i.source)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		switch err := take(found.resource); {
		case errors.Is(err, errMany):
			return false, nil
		case err != nil:
			return false, err
		}
	}
}

func (i inner) matching(typ string, filter search.Expr) (references []string, ok bool, err error) {
	ok, err = i.matches(typ, filter, func(r search.Resource) error {
		references = append(references, r.Type+"/"+r.ID)
		return bounded(len(references))
	})
	return references, ok, err
}

func bounded(n int) error {
	if n > maxInner {
		return errMany
	}
	return nil
}

func (i inner) referred(h search.Has, typ string) (ids []string, ok bool, err error) {
	ok, err = i.matches(h.Type, h.Filter, func(r search.Resource) error {
		ids = append(ids, referredIDs(r.Entries, h.Param, typ)...)
		return bounded(len(ids))
	})
	return ids, ok, err
}

func (i inner) within(w search.Within) ([]search.Criterion, bool, error) {
	if w.Above {
		over, err := w.Over(i.ctx, i.source)
		var costly *outcomes.Error // which only a candidate brings about
		if errors.As(err, &costly) {
			return nil, false, nil
		}
		return over, err == nil && len(over) <= maxInner, err
	}
	return i.below(w)
}

// below are the references that are named and, level by level, those to what is part of them.
func (i inner) below(w search.Within) ([]search.Criterion, bool, error) {
	all, seen := w.Any, map[search.Criterion]bool{}
	for from := 0; from < len(all); {
		level := all[from:]
		from = len(all)
		for _, h := range w.By {
			parts, ok, err := i.parts(h, level)
			if !ok || err != nil {
				return nil, false, err
			}
			for _, part := range parts {
				if !seen[part] {
					seen[part] = true
					all = append(all, part)
				}
			}
		}
		if len(all) > maxInner {
			return nil, false, nil
		}
	}
	return all, true, nil
}

// parts are what is part of some resources.
func (i inner) parts(h search.Hierarchy, of []search.Criterion) (parts []search.Criterion, ok bool, err error) {
	ok, err = i.matches(h.Type, search.And{search.Test{Param: h.Parent, Any: of}, filterOf(h)}, func(r search.Resource) error {
		parts = append(parts, search.ReferenceCriterion{Type: r.Type, ID: r.ID})
		return bounded(len(parts))
	})
	return parts, ok, err
}

func filterOf(h search.Hierarchy) search.Expr {
	if h.Filter == nil {
		return search.And{}
	}
	return h.Filter
}
