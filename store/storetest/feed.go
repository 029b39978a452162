package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"kiln/store"
)

var feeds = []promise{
	{"the feed gives every version in commit order, as it was", feedGivesAll},
	{"a feed resumes after any position, also amid a transaction", feedResumes},
	{"Next waits for the next commit", feedWaits},
	{"an ended context ends Next and takes no change with it", feedContext},
	{"feeds do not disturb one another", feedsAreApart},
	{"a feed that is closed gives io.EOF", feedClosed},
	{"a feed ends with its store", feedEndsWithStore},
	{"a position beyond the end gives only what comes after it", feedBeyondTheEnd},
}

func (t *trial) feed(after store.Position) store.Feed {
	t.Helper()
	feed, err := t.Changes(t.ctx, after)
	t.must(err)
	t.Cleanup(func() { feed.Close() })
	return feed
}

// story commits something of every kind and gives the versions it made, oldest first.
func (t *trial) story() []store.Version {
	t.Helper()
	var made []store.Version
	for _, changes := range [][]store.Change{
		{As(store.Create, Put("Patient/a", `"active":true`))},
		{Put("Patient/z"), Put("Observation/o", `"status":"final"`), Put("Patient/b")},
		{Put("Patient/a", `"active":false`)},
		{Delete("Patient/b"), Delete("Patient/never"), Put("Patient/c")},
		{Delete("Patient/b")},
		{Put("Patient/b"), As(store.Patch, Put("Patient/a"))},
	} {
		t.clock.Advance(time.Second)
		for _, v := range t.put(changes...) {
			if v.VersionID != 0 {
				made = append(made, v)
			}
		}
	}
	return made
}

func feedGivesAll(t *trial) {
	made := t.story()
	t.refused(store.Transaction{Changes: []store.Change{IfAbsent(Put("Patient/a"))}},
		store.ConflictError{Kind: store.KindExists, Key: Key("Patient/a"), Current: 3})
	t.land(store.Transaction{Guards: []store.Guard{{Key: "g"}}})
	feed := t.feed(0)
	last := store.Position(0)
	for _, want := range made {
		e := t.next(feed)
		t.equal("the version", e.Version, want)
		if e.Position <= last {
			t.Fatalf("position %d comes after %d", e.Position, last)
		}
		last = e.Position
	}
	t.nothing(feed)
}

func feedResumes(t *trial) {
	t.story()
	all := t.events(0)
	for i, e := range all {
		feed := t.feed(e.Position)
		for _, want := range all[i+1:] {
			t.equal("the event", t.next(feed), want)
		}
	}
	feed := t.feed(all[len(all)-1].Position)
	t.nothing(feed)
}

func feedWaits(t *trial) {
	feed := t.feed(0)
	for n := range 5 {
		arrived := make(chan store.Event)
		failed := make(chan error)
		go func() {
			if e, err := feed.Next(t.ctx); err != nil {
				failed <- err
			} else {
				arrived <- e
			}
		}()
		select {
		case e := <-arrived:
			t.Fatalf("%v came before it was committed", tags([]store.Version{e.Version}))
		case <-time.After(5 * time.Millisecond):
		}
		v := t.put(Put(fmt.Sprintf("Patient/p%d", n)))[0]
		select {
		case e := <-arrived:
			t.equal("the version", e.Version, v)
		case err := <-failed:
			t.Fatal(err)
		case <-time.After(patience):
			t.Fatal("the commit did not wake the feed")
		}
	}
}

func feedContext(t *trial) {
	feed := t.feed(0)
	ctx, cancel := context.WithTimeout(t.ctx, moment)
	defer cancel()
	_, err := feed.Next(ctx)
	t.is("Next", err, context.DeadlineExceeded)
	v := t.put(Put("Patient/a"))[0]
	if e, err := feed.Next(ctx); err == nil { // either is right, but the change must not be lost
		t.equal("the version", e.Version, v)
	} else {
		t.is("Next", err, context.DeadlineExceeded)
		t.equal("the version", t.next(feed).Version, v)
	}
	// The context of Changes is for that call alone.
	ctx, cancel = context.WithCancel(t.ctx)
	feed, err = t.Changes(ctx, 0)
	t.must(err)
	defer feed.Close()
	cancel()
	t.equal("the version", t.next(feed).Version, v)
}

func feedsAreApart(t *trial) {
	slow, quick := t.feed(0), t.feed(0)
	made := t.story()
	for _, want := range made {
		t.equal("the version", t.next(quick).Version, want)
	}
	t.must(quick.Close())
	for _, want := range made {
		t.equal("the version", t.next(slow).Version, want)
	}
}

// ends demands that Next gives io.EOF soon.
func (t *trial) ends(feed store.Feed, when func()) {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, err := feed.Next(context.Background())
		ended <- err
	}()
	time.Sleep(5 * time.Millisecond)
	when()
	select {
	case err := <-ended:
		if !errors.Is(err, io.EOF) {
			t.Fatalf("expected io.EOF, got: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Next still waits")
	}
	_, err := feed.Next(context.Background())
	t.is("Next after the end", err, io.EOF)
}

func feedClosed(t *trial) {
	feed := t.feed(0)
	t.ends(feed, func() { t.must(feed.Close()) })
	t.must(feed.Close())
	t.put(Put("Patient/a"))
	_, err := feed.Next(t.ctx)
	t.is("Next", err, io.EOF)
}

func feedEndsWithStore(t *trial) {
	t.put(Put("Patient/a"))
	behind, waiting := t.feed(0), t.feed(t.events(0)[0].Position)
	t.ends(waiting, func() { t.must(t.Store.Close()) })
	_, err := behind.Next(t.ctx)
	t.is("Next of a feed with changes left", err, io.EOF)
	_, err = t.Changes(t.ctx, 0)
	t.is("Changes", err, store.ErrClosed)
	t.must(waiting.Close())
}

func feedBeyondTheEnd(t *trial) {
	t.put(Put("Patient/a"))
	position := t.events(0)[0].Position
	feed := t.feed(position + 1<<40)
	t.nothing(feed)
	t.put(Put("Patient/b"))
	t.nothing(feed)
}
