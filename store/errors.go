package store

import (
	"errors"
	"fmt"
	"time"
)

// ErrNotFound is the absence of a resource, version or record.
var ErrNotFound = errors.New("not found")

// ErrCursor is a cursor that does not belong to the query.
var ErrCursor = errors.New("the cursor is not one of this query")

// ErrClosed is the use of a store or snapshot after its end.
var ErrClosed = errors.New("the store is closed")

// ErrTooLarge is a transaction beyond what the engine can land at once.
var ErrTooLarge = errors.New("the transaction is too large for the storage engine")

// LimitError is an ErrTooLarge that tells which bound was reached. Nothing of the transaction was applied.
type LimitError struct {
	Bytes, Most int64         // how large it is as the engine writes it, and may be; 0 where time was the bound
	Time        time.Duration // how long applying it may take; 0 where size was the bound
}

func (e *LimitError) Error() string {
	if e.Time > 0 {
		return fmt.Sprintf("%v: it takes longer than %v", ErrTooLarge, e.Time)
	}
	return fmt.Sprintf("%v: it has %d bytes of at most %d", ErrTooLarge, e.Bytes, e.Most)
}

// Unwrap makes it an ErrTooLarge.
func (e *LimitError) Unwrap() error { return ErrTooLarge }

// ErrUnknown is the one error of Commit after which the transaction may have been applied, as a whole: an engine on
// another machine failed in the middle, and did not come back to tell.
var ErrUnknown = errors.New("the database failed while the transaction was landing; it is not known whether it landed")

// ErrUnreachable is a read of an engine on another machine that does not answer.
var ErrUnreachable = errors.New("the database does not answer")

// CostError ends a search that has looked at as many rows of the index and resources as one may.
type CostError struct {
	Limit int64
	Plan  *Plan // as far as it came; nil from an engine that cannot tell
}

func (e *CostError) Error() string {
	return fmt.Sprintf("the search looked at more than %d rows and resources", e.Limit)
}

// GoneError is the answer for a deleted resource.
type GoneError struct{ Tombstone Version }

func (e *GoneError) Error() string { return e.Tombstone.Key.String() + " is deleted" }

// ConflictKind tells what stood in the way of a commit.
type ConflictKind uint8

// The kinds of conflict.
const (
	KindVersion   ConflictKind = iota // a precondition on a version
	KindExists                        // IfAbsent, but the resource exists or existed
	KindGuard                         // a guard has moved
	KindClaim                         // a claim is held by another resource
	KindDuplicate                     // one transaction changes a resource or record twice
	KindRecord                        // a record has another revision
)

// ConflictError says why a commit was refused. Nothing of it was applied.
type ConflictError struct {
	Kind    ConflictKind
	Key     Key    // the resource changed; zero for guards and records
	Current int64  // its current version, for KindVersion and KindExists; 0 where there never was one
	Claim   string // the claim or guard or record key
	Holder  Key    // who holds the claim, or takes it in the same transaction
}

func (e *ConflictError) Error() string {
	switch e.Kind {
	case KindVersion:
		return fmt.Sprintf("%s is at version %d", e.Key, e.Current)
	case KindExists:
		return fmt.Sprintf("%s exists already", e.Key)
	case KindGuard:
		return "what the transaction relied on has changed"
	case KindClaim:
		return fmt.Sprintf("the claim is held by %s", e.Holder)
	case KindDuplicate:
		if e.Key == (Key{}) {
			return "a record is changed twice in one transaction"
		}
		return fmt.Sprintf("%s is changed twice in one transaction", e.Key)
	}
	return "the record has changed"
}
