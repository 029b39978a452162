package store

import (
	"context"

	"kiln/search"
)

// Reindexer makes index values anew for resources that are stored already, a step at a time, so that
// a parameter may be defined, changed or dropped while the store is in use.
type Reindexer interface {
	// Reindex makes the index values of some parameters anew, for the next Limit current resources of a
	// type in the order of their creation after After. For each it gives the current version to
	// Extract and puts the entries that this returns in the place of those that the resource has for Params;
	// all others stay. It makes no version: versions, history, feed, LastUpdated, guards, claims and
	// records are as before. When it returns, what it changed is durable; a step that fails or is cut off
	// has changed some resources whole and the others not at all, and doing it again ends as if it had
	// been done once.
	//
	// Writers go on meanwhile. A resource that changes between being read and being written is read
	// again, so that its values are those of its current version whichever comes first. Deleted resources are
	// passed over; resources created after the step began may be passed over too, when Done tells that
	// the end was reached: whoever wants all must have new versions carry the parameters before the
	// first step begins. Extract may be called for several resources at once, and more than once for one.
	//
	// Of Params a search in a cursor from before may show what is there now; all other parameters are
	// searched as of the first page, as if there had been no step. Errors: of Extract and the context,
	// ErrCursor for a mark that is none, ErrClosed.
	Reindex(ctx context.Context, step ReindexStep) (Reindexed, error)
}

// ReindexStep is a part of an index to make anew.
type ReindexStep struct {
	Type  string
	After Mark // nil begins
	Limit int  // resources examined at most; below 1 is 1
	// Params are those whose values are replaced; nil is all that resources have values for, those whose
	// definition is gone included, apart from _id and _lastUpdated.
	Params []*search.Parameter
	// Extract gives the values of the version for Params alone; entries of others are ignored where Params
	// are given. No entries drop the values.
	Extract func(ctx context.Context, v Version) ([]search.Entry, error)
}

// Mark is how far a reindex of a type has come. It is opaque outside its engine, survives the process
// with it, and goes with any Params.
type Mark []byte

// Reindexed is what a step did.
type Reindexed struct {
	Next     Mark  // where the next step goes on; set when Done too
	Done     bool  // there is no resource of the type after Next
	Examined int64 // resources whose values were made anew
	Changed  int64 // those whose index was not as it is now
}
