package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"kiln/store"
)

// The races about the order in which feed and history tell of what many wrote at once.

func raceFeed(t *trial) {
	const writers = 8
	each := t.rounds(80)
	total := writers * each * 2
	follow := func() error {
		feed, err := t.Changes(t.ctx, 0)
		if err != nil {
			return err
		}
		defer func() { feed.Close() }()
		seen := map[store.Key]int64{}
		for n := range total {
			e, err := t.impatient(feed)
			if err != nil {
				return fmt.Errorf("after %d of %d changes: %w", n, total, err)
			}
			if e.Version.VersionID != seen[e.Version.Key]+1 {
				return fmt.Errorf("version %d of %s follows %d", e.Version.VersionID, e.Version.Key, seen[e.Version.Key])
			}
			seen[e.Version.Key]++
			if n%37 == 36 { // resume elsewhere
				feed.Close()
				if feed, err = t.Changes(t.ctx, e.Position); err != nil {
					return err
				}
			}
		}
		return nil
	}
	t.together(writers+2, func(i int) error {
		if i >= writers {
			return follow()
		}
		for range each {
			if err := t.try(Put(fmt.Sprintf("Patient/own%d", i)), Put("Patient/shared")); err != nil {
				return err
			}
		}
		return nil
	})
	t.equal("the version of the shared one", t.read(t, "Patient/shared").VersionID, int64(writers*each))
}

// impatient takes the next change with contexts that end at about the time it comes.
func (t *trial) impatient(feed store.Feed) (store.Event, error) {
	for waited := 20 * time.Microsecond; ; waited *= 2 {
		ctx, cancel := context.WithTimeout(t.ctx, waited)
		e, err := feed.Next(ctx)
		cancel()
		if err == nil || !errors.Is(err, context.DeadlineExceeded) || waited > patience {
			return e, err
		}
	}
}

func raceVersions(t *trial) {
	t.together(8, func(i int) error {
		for n := range t.rounds(60) {
			t.clock.Advance(time.Duration((n*7+i)%11-5) * time.Second)
			change := Put(fmt.Sprintf("Patient/p%d", (i+n)%4))
			if n%6 == 5 {
				change = Delete(change.Key.String())
			}
			if err := t.try(change); err != nil {
				return err
			}
		}
		return nil
	})
	seen := map[store.Key]int64{}
	var last time.Time
	var from []store.Version
	for _, e := range t.events(0) {
		from = append(from, e.Version)
		seen[e.Version.Key]++
		t.equal("the version in the feed", e.Version.VersionID, seen[e.Version.Key])
		if e.Version.LastUpdated.Before(last) {
			t.Fatalf("%s version %d is from %v, after one from %v", e.Version.Key, e.Version.VersionID, e.Version.LastUpdated, last)
		}
		last = e.Version.LastUpdated
	}
	t.equal("the history", t.history(t, store.HistoryQuery{Count: 17}), reverse(from))
}

func raceHistoryPages(t *trial) {
	for range 10 {
		t.put(Put("Patient/a"), Put("Patient/b"), Put("Observation/c"))
	}
	var done atomic.Bool
	t.together(4, func(i int) error {
		if i == 0 {
			defer done.Store(true)
			for range t.rounds(100) {
				if err := t.try(Put("Patient/a"), Delete("Patient/b"), Put("Patient/d")); err != nil {
					return err
				}
			}
			return nil
		}
		for !done.Load() {
			if err := t.walkHistory(store.HistoryQuery{Type: "Patient", Count: 7}); err != nil {
				return err
			}
		}
		return nil
	})
}

// walkHistory reads all pages, and demands that versions of each resource come without a gap.
func (t *trial) walkHistory(q store.HistoryQuery) error {
	next := map[store.Key]int64{}
	for {
		page, err := t.History(t.ctx, q)
		if err != nil {
			return err
		}
		for _, v := range page.Versions {
			if expected, ok := next[v.Key]; ok && v.VersionID != expected {
				return fmt.Errorf("%s version %d comes where %d should", v.Key, v.VersionID, expected)
			}
			next[v.Key] = v.VersionID - 1
		}
		if q.Cursor = page.Next; q.Cursor == nil {
			break
		}
	}
	for key, n := range next {
		if n != 0 {
			return fmt.Errorf("the history of %s ends at version %d", key, n+1)
		}
	}
	return nil
}
