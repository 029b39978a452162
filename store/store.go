package store

import (
	"context"
	"io"
	"time"

	"kiln/resources"
	"kiln/search"
)

// Key names a resource.
type Key struct{ Type, ID string }

func (k Key) String() string { return k.Type + "/" + k.ID }

// Version is one version of a resource.
type Version struct {
	Key
	VersionID   int64     // 1, 2, 3 …
	LastUpdated time.Time // UTC, in whole milliseconds, as the body says
	Method      Method
	Body        []byte // the stored JSON; nil for a tombstone. Must not be changed.
}

// Deleted reports whether the version is a tombstone.
func (v Version) Deleted() bool { return v.Method == Delete }

// Method is the interaction that made a version, as history shows it (Bundle.entry.request.method).
type Method uint8

// The methods.
const (
	Create Method = iota + 1 // POST
	Update                   // PUT
	Patch                    // PATCH
	Delete                   // DELETE
)

// Store is one storage engine.
type Store interface {
	Reader
	Reindexer
	// Commit applies all changes or none, durably, and returns the versions it made, in the order
	// of the changes: as many as there are changes, none for an empty transaction. LastUpdated is
	// the same for all of them. Errors: *ConflictError when a precondition, guard or claim does not
	// hold; the same resource, or the same record, twice in one transaction is a *ConflictError of
	// KindDuplicate. Deleting a resource that does not exist or is deleted already makes no version
	// and returns its zero Version; it is not an error, and the rest of the transaction lands.
	//
	// What stands in the way is looked for in this order, and the first thing found is the error:
	// duplicates, preconditions, guards (those bumped first), claims, records; each in the order given.
	// One that holds, but is beyond Limits, is a *LimitError, or another ErrTooLarge. ErrUnknown is the error
	// after which it may have been applied.
	//
	// A context that ends before the changes land refuses them. Once they are landing it is not
	// looked at any more, so that its error always means that nothing was applied.
	Commit(ctx context.Context, tx Transaction) ([]Version, error)
	// Preview is a Reader that sees the store as Commit(tx) would leave it; nothing is written, and
	// what is committed later does not show. It fails as Commit would. Close it. Its cursors are of
	// use in it alone.
	Preview(ctx context.Context, tx Transaction) (Snapshot, error)
	// Snapshot is a Reader that sees one committed state for as long as it is open. Close it soon.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Changes is the feed of versions after a position (0 is the beginning), in commit order, of one
	// commit in the order of its changes. A position beyond the end is not an error: the feed
	// begins with what comes after it. The context is for this call alone.
	Changes(ctx context.Context, after Position) (Feed, error)
	// Records is small keyed state outside the resources, such as sessions, jobs and inboxes.
	Records(bucket string) Records
	// Claims are those that the current version of a resource holds, each once, in the order of their bytes; none of
	// one that is deleted or never was.
	Claims(ctx context.Context, key Key) ([]string, error)
	// Buckets are the names of those with a record that has not expired, in the order of their bytes.
	Buckets(ctx context.Context) ([]string, error)
	// Limits are the bounds of one transaction.
	Limits() Limits
	// Shared reports whether other processes may have the same store open, so that what one knows of
	// it may be out of date.
	Shared() bool
	// Close ends the store, with every snapshot and feed still open. Calls that are running finish
	// or fail with ErrClosed; later ones fail with ErrClosed. Closing again does nothing.
	io.Closer
}

// Reader reads resources. Every method sees one committed state, whole transactions and never a
// part of one, at least as new as the last Commit that returned before the call. An ended context
// fails a call with its error.
type Reader interface {
	// Read returns the current version. ErrNotFound when there never was one; *GoneError with the
	// tombstone when it is deleted.
	Read(ctx context.Context, key Key) (Version, error)
	// ReadVersion returns one version, tombstones included; ErrNotFound when there is none.
	ReadVersion(ctx context.Context, key Key, version int64) (Version, error)
	// History lists versions, newest first. An unknown resource has an empty history.
	History(ctx context.Context, query HistoryQuery) (HistoryPage, error)
	// Search returns a page of the matches: every resource that some branch for its type matches,
	// once, not deleted ones; of contained resources, if they are asked for alone, every one that
	// search.Query.Places tells of, those of one container together. They come in the order of Query.Sort, resources without a value last
	// in either direction; ties, and everything without Sort, in the order in which the resources
	// were first created, over all types, whatever was deleted and created again since, and in one
	// container by their place.
	//
	// A nil cursor asks for the first page. A later page shows matches, versions and total as of
	// the first, but may leave out a resource that was deleted since (its Total stays). Cursors
	// outlive their Reader, and a durable engine's outlive the process. ErrCursor when the cursor is
	// not one of this query's, as Fingerprint tells; Count may change from page to page.
	Search(ctx context.Context, query *search.Query, cursor Cursor) (Page, error)
	// Count is the exact number of matches.
	Count(ctx context.Context, query *search.Query) (int64, error)
	// Guard is the present value of a guard, 0 if it was never bumped.
	Guard(ctx context.Context, key string) (uint64, error)
}

// Snapshot is a Reader with an end, after which its methods fail with ErrClosed. Closing it again
// does nothing.
type Snapshot interface {
	Reader
	io.Closer
}

// Limits are what a transaction may not go beyond; 0 is no bound.
type Limits struct {
	TransactionBytes int64         // as the engine writes it, indexes included
	TransactionTime  time.Duration // that applying it may take
}

// Transaction is a set of changes that land together.
type Transaction struct {
	Changes []Change
	// Guards must still have the value that was seen; the commit bumps each. Two transactions that
	// decided on the same thing (say "no Patient has this identifier") conflict by them. A guard
	// given twice is bumped once.
	Guards []Guard
	// Expects are guards that must still have the value that was seen, and that the commit leaves as they are:
	// many transactions may rely on one thing at the same time, until one bumps its guard.
	Expects []Guard
	// Records are written with the changes, under the rules of Records.Put and Delete.
	Records []RecordChange
}

// Guard is a counter that a transaction has read and bumps: its value grows by one with each commit
// that lists it. Guards, claims and records have nothing to do with one another, whatever their
// keys; keys are any bytes.
type Guard struct {
	Key  string
	Seen uint64
}

// Change is a new version of one resource.
type Change struct {
	Key    Key
	Method Method
	// Content and Entries are the resource and its index values; nil for Delete.
	Content *resources.Stamped
	Entries []search.Entry
	// If is the precondition.
	If Precondition
	// Claims are the keys that this version holds, all of them: held alone in the whole store.
	// Claims of the previous version that are not repeated are released, and a tombstone holds none.
	// What a transaction releases is free for all its changes, in whatever order they stand.
	Claims []string
}

// Precondition tells what the current version must be when the change lands.
type Precondition struct {
	Kind    PreconditionKind
	Version int64 // for IfVersion
}

// PreconditionKind is what a precondition asks.
type PreconditionKind uint8

// The preconditions.
const (
	Always    PreconditionKind = iota
	IfVersion                  // the current version, tombstones included, is Version; 0 where there never was one
	IfAbsent                   // there never was such a resource
)

// Position is a place in the feed; later changes have higher positions.
type Position uint64

// Feed delivers changes in commit order, each at least once. It is for one goroutine, but another
// may close it.
type Feed interface {
	// Next blocks until there is a change, the context ends (its error) or the store or the feed is
	// closed (io.EOF, also when there are changes left: resume with Changes). A context that ended
	// takes no change with it: the next call gives it.
	Next(ctx context.Context) (Event, error)
	io.Closer
}

// Event is one version in the feed.
type Event struct {
	Position Position
	Version  Version
}

// Cursor is a place in the results of one query, opaque outside its engine. Package fhir signs it.
type Cursor []byte

// Page is one page of matches.
type Page struct {
	Matches []Version // none when the query asks for CountOnly
	// Contained tells, where the query asks for contained resources alone, which one of each match is
	// meant: search.Place.At. A container is then a match as often as something in it matches.
	Contained []int
	Next      Cursor // nil on the last page
	Prev      Cursor // nil on the first page; gives the same page again that Next led away from
	// Last leads to the page that Next comes to in the end, as long as Count stays the same. It may be nil; it
	// is where there is one page, or HasTotal is false.
	Last  Cursor
	Total int64 // number of all matches where HasTotal
	// HasTotal is always true when the query asks for TotalAccurate or CountOnly.
	HasTotal bool
	Plan     *Plan // when the query asks to explain
	// Explain tells the plan of any search, for whoever finds out afterwards that it took long. It may be
	// called when the reader is closed. Nothing is formatted for it before.
	Explain func() *Plan
}

// Plan tells how an engine found a page.
type Plan struct {
	Steps    []Step
	Examined int64 // index rows and resources looked at
	Duration time.Duration
}

// Step is one part of a plan.
type Step struct {
	Operation string // "identifier", "range", "scan", "sort", "filter" …
	Detail    string // parameter and bounds, without values of patients
	Estimate  int64  // of matches; Unsized where there is none
	Examined  int64
}

// Unsized is the estimate of a step that was not estimated, because others have few matches.
const Unsized = -1

// HistoryQuery selects versions.
type HistoryQuery struct {
	Type, ID string // both empty: the whole system
	// Since (inclusive) and Until (exclusive) bound LastUpdated; zero is unbounded. At, if not zero,
	// asks for the versions that were current at that moment, or at some moment from At until
	// before AtEnd where that is later than At (https://hl7.org/fhir/R4/http.html#history). A
	// tombstone is current until the resource is created again. A version with the same LastUpdated
	// as its successor never was current.
	Since, Until, At, AtEnd time.Time
	Count                   int // versions on a page; 0 asks for the total alone
	Cursor                  Cursor
}

// HistoryPage is one page of versions, newest first: the reverse of commit order, and within one
// commit of the order of its changes. Later pages show the history as of the first. Cursors are as
// for Search.
type HistoryPage struct {
	Versions   []Version
	Next, Prev Cursor
	Total      int64 // number of all versions selected where HasTotal
	HasTotal   bool  // always true when Count is 0
}

// Records is one bucket of small keyed values with expiry. A record has expired from the moment
// Expires on, by the clock of the engine; it need not come back when that clock goes back. Keys are
// any bytes and are ordered by them. Values given are copied; values got must not be changed.
type Records interface {
	// Get returns the value; ErrNotFound if there is none or it has expired.
	Get(ctx context.Context, key string) (Record, error)
	// Put writes durably. It fails with a *ConflictError unless the record's revision is the given one:
	// 0 demands that there is none (an expired one counts as none), AnyRevision demands nothing.
	// A nil value is an empty one.
	Put(ctx context.Context, key string, value []byte, expires time.Time, revision uint64) (Record, error)
	// Delete removes a record under the same rule. Deleting a record that does not exist with
	// AnyRevision, or 0, is not an error.
	Delete(ctx context.Context, key string, revision uint64) error
	// List yields live records with the prefix in the order of their keys, at most limit (0 is all),
	// after the key after.
	List(ctx context.Context, prefix, after string, limit int) ([]Record, error)
}

// AnyRevision puts no condition on a record's revision.
const AnyRevision = ^uint64(0)

// Record is one value of a bucket.
type Record struct {
	Key      string
	Value    []byte
	Expires  time.Time // in whole milliseconds; zero: never
	Revision uint64    // above 0, grows with every write; none is given twice, not after a Delete either
}

// RecordChange is a write to a record inside a transaction; a nil Value deletes.
type RecordChange struct {
	Bucket, Key string
	Value       []byte
	Expires     time.Time
	Revision    uint64
}
