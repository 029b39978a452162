package store

import (
	"context"
	"fmt"

	"kiln/resources"
	"kiln/search"
)

// UnindexedError is a search by a parameter whose index is not whole yet, put so that it cannot be answered
// from the resources either: in a chain or a sort, or of an engine without search parameters.
type UnindexedError struct{ Param *search.Parameter }

func (e *UnindexedError) Error() string {
	return fmt.Sprintf("the index of the search parameter %q is not whole yet", e.Param.Code)
}

// Unindexed lists the parameters in the filters of a query whose index is not whole yet (see
// search.Parameter.Building): engines take their values from each resource anew, with Scan, or the
// answer would lack some. The error is an *UnindexedError.
func Unindexed(query *search.Query) ([]*search.Parameter, error) {
	var u unindexed
	for _, b := range query.Branches {
		u.walk(b.Filter, true)
	}
	for _, key := range query.Sort {
		for _, p := range key.Params {
			u.see(p, false)
		}
	}
	return u.found, u.err
}

type unindexed struct {
	found []*search.Parameter
	err   error
}

func (u *unindexed) see(p *search.Parameter, here bool) {
	if p == nil || !p.Building() {
		return
	}
	if !here && u.err == nil {
		u.err = &UnindexedError{p}
	}
	u.found = append(u.found, p)
}

// walk sees the parameters of a tree; here is false for the filters of other resources.
func (u *unindexed) walk(e search.Expr, here bool) {
	switch e := e.(type) {
	case search.And:
		for _, part := range e {
			u.walk(part, here)
		}
	case search.Or:
		for _, part := range e {
			u.walk(part, here)
		}
	case search.Not:
		u.walk(e.Of, here)
	case search.Test:
		u.see(e.Param, here)
	case search.Missing:
		u.see(e.Param, here)
	case search.Among:
		for _, param := range e.Params {
			u.see(param, here)
		}
	case search.Chain:
		u.see(e.Param, false)
		for _, b := range e.Branches {
			u.walk(b.Filter, false)
		}
	case search.Has:
		u.see(e.Param, false)
		u.walk(e.Filter, false)
	}
}

// Scan gives the values that a version has for some parameters.
func Scan(ctx context.Context, parameters *search.Parameters, v Version, params []*search.Parameter) ([]search.Entry, error) {
	if parameters == nil {
		return nil, &UnindexedError{params[0]}
	}
	doc, err := resources.Parse(v.Body)
	if err != nil {
		return nil, err
	}
	resource, err := doc.Resource()
	if err != nil {
		return nil, err
	}
	return parameters.ExtractOnly(ctx, resource, params)
}
