package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kiln/store"
)

// must fails the test on an error.
func (t *trial) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal fails the test if the values differ. Nil and empty slices are the same.
func (t *trial) equal(what string, got, want any) {
	t.Helper()
	if reflect.DeepEqual(got, want) { // for speed
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s differs (- expected, + got):\n%s", what, diff)
	}
}

// is fails the test unless the error is this one.
func (t *trial) is(what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: expected the error %q, got: %v", what, want, err)
	}
}

// put commits changes that must land.
func (t *trial) put(changes ...store.Change) []store.Version {
	t.Helper()
	return t.land(store.Transaction{Changes: changes})
}

func (t *trial) land(tx store.Transaction) []store.Version {
	t.Helper()
	versions, err := t.Commit(t.ctx, tx)
	t.must(err)
	if len(versions) != len(tx.Changes) {
		t.Fatalf("%d changes gave %d versions", len(tx.Changes), len(versions))
	}
	return versions
}

// refused commits what must fail with a conflict, and compares that.
func (t *trial) refused(tx store.Transaction, want store.ConflictError) {
	t.Helper()
	_, err := t.Commit(t.ctx, tx)
	t.conflict(err, want)
}

func (t *trial) conflict(err error, want store.ConflictError) {
	t.Helper()
	var got *store.ConflictError
	if !errors.As(err, &got) {
		t.Fatalf("expected the conflict %q, got: %v", want.Error(), err)
	}
	t.equal("the conflict", *got, want)
}

// read gives the current version, which there must be.
func (t *trial) read(r store.Reader, key string) store.Version {
	t.Helper()
	v, err := r.Read(t.ctx, Key(key))
	t.must(err)
	return v
}

func (t *trial) absent(r store.Reader, key string) {
	t.Helper()
	if _, err := r.Read(t.ctx, Key(key)); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("%s should never have been, but: %v", key, err)
	}
}

// gone gives the tombstone of a resource that must be deleted.
func (t *trial) gone(r store.Reader, key string) store.Version {
	t.Helper()
	v, err := r.Read(t.ctx, Key(key))
	var gone *store.GoneError
	if !errors.As(err, &gone) {
		t.Fatalf("%s should be gone, but there is version %d and the error %v", key, v.VersionID, err)
	}
	return gone.Tombstone
}

func (t *trial) guard(r store.Reader, key string) uint64 {
	t.Helper()
	value, err := r.Guard(t.ctx, key)
	t.must(err)
	return value
}

// history gives all versions that a query selects, on pages of its count (100 if none is given).
func (t *trial) history(r store.Reader, query store.HistoryQuery) []store.Version {
	t.Helper()
	if query.Count == 0 {
		query.Count = 100
	}
	var all []store.Version
	for {
		page, err := r.History(t.ctx, query)
		t.must(err)
		all = append(all, page.Versions...)
		if page.Next == nil {
			return all
		}
		if len(all) > endless {
			t.Fatalf("the pages of the history %+v do not end", query)
		}
		query.Cursor = page.Next
	}
}

// tags are versions in short: "Patient/a 2", and "Patient/a 3 deleted".
func tags(versions []store.Version) []string {
	short := make([]string, len(versions))
	for i, v := range versions {
		short[i] = fmt.Sprintf("%s %d", v.Key, v.VersionID)
		if v.Deleted() {
			short[i] += " deleted"
		}
	}
	return short
}

// events reads what the feed holds after a position, until nothing comes any more.
func (t *trial) events(after store.Position) []store.Event {
	t.Helper()
	newest := t.history(t, store.HistoryQuery{Count: 1000})
	feed, err := t.Changes(t.ctx, after)
	t.must(err)
	defer feed.Close()
	var events []store.Event
	if len(newest) == 0 {
		return nil
	}
	last := newest[0]
	for {
		e := t.next(feed)
		if n := len(events); n > 0 && e.Position <= events[n-1].Position {
			t.Fatalf("position %d comes after %d in the feed", e.Position, events[n-1].Position)
		}
		events = append(events, e)
		if e.Version.Key == last.Key && e.Version.VersionID == last.VersionID {
			return events
		}
	}
}

// next takes a change from the feed that must be there or come soon.
func (t *trial) next(feed store.Feed) store.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	e, err := feed.Next(ctx)
	t.must(err)
	return e
}

// nothing demands that the feed holds no change now.
func (t *trial) nothing(feed store.Feed) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, moment)
	defer cancel()
	if e, err := feed.Next(ctx); err == nil {
		t.Fatalf("nothing should be in the feed, but there is %s", tags([]store.Version{e.Version}))
	}
}

const (
	patience = 30 * time.Second      // for what must come
	moment   = 50 * time.Millisecond // for what must not

	endless = 100_000 // results of one query
)
