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
	// again, so that its values are those of its current version whichever comes first. Deleted
	// resources are passed over. Those created after a step with Done are not seen by it: whoever wants
	// all must have new versions carry the parameters before the first step begins.
	//
	// While it runs, and in pages after a cursor from before, a search by Params may show values that are
	// there now, and that a crash takes back; all other parameters are searched as if there had been no
	// step. Engines may do one step after another. Errors: of Extract and the context, ErrCursor for a
	// mark that is none of the type, ErrClosed.
	Reindex(ctx context.Context, step ReindexStep) (Reindexed, error)
}

// ReindexStep is a part of an index to make anew.
type ReindexStep struct {
	Type  string
	After Mark // nil begins
	Limit int  // resources examined at most; below 1 is 1
	// Params are those whose values are replaced; nil is all that resources have values for, those whose
	// definition is gone included, apart from _id and _lastUpdated, and from the words of _text and _content
	// where an engine takes these from the text. Parameters are the same here when Base,
	// Code and Type are, so that a definition takes the place of its former one.
	Params []*search.Parameter
	// Extract gives the values of a version for Params; entries of others are ignored where Params are
	// given. No entries, and a nil function, drop the values. It may be called for several resources at
	// once and several times for one, and must not wait for a commit, which may wait for it.
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
