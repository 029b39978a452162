package fhir

import (
	"context"

	"kiln/search"
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
