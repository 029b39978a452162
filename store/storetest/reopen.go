package storetest

import (
	"errors"
	"fmt"
	"time"

	"kiln/store"
)

var reopenings = []promise{
	{"everything is there again", reopenKeeps},
	{"versions, guards, claims, records and the order of the feed go on where they were", reopenGoesOn},
	{"LastUpdated does not go backwards over a restart with a wrong clock", reopenClock},
	{"cursors and positions of before still lead on", reopenCursors},
	{"what was acknowledged amid closing is there", reopenAfterRace},
	{"an empty store reopens empty", reopenEmpty},
}

func reopenKeeps(t *trial) {
	made := t.story()
	before := t.everything()
	t.reopen()
	t.equal("everything", t.everything(), before)
	for _, want := range made {
		got, err := t.ReadVersion(t.ctx, want.Key, want.VersionID)
		t.must(err)
		t.equal("the version", got, want)
	}
	for _, key := range []string{"Patient/a", "Patient/z", "Patient/c", "Observation/o"} {
		t.read(t, key)
	}
	t.put(Delete("Patient/a"))
	t.reopen()
	t.equal("the tombstone", t.gone(t, "Patient/a").VersionID, int64(4))
}

func reopenGoesOn(t *trial) {
	t.put(Claiming(Put("Patient/a"), "held"), Put("Patient/b"))
	t.put(Delete("Patient/b"))
	t.land(store.Transaction{Guards: []store.Guard{{Key: "g"}}})
	kept := t.putRecord("b", "kept", "v", Start.Add(time.Hour), 0)
	dropped := t.putRecord("b", "dropped", "v", time.Time{}, 0)
	t.must(t.Records("b").Delete(t.ctx, "dropped", store.AnyRevision))
	last := t.events(0)
	t.reopen()
	t.equal("the guard", t.guard(t, "g"), uint64(1))
	t.holds("Patient/a", "held")
	got, err := t.Records("b").Get(t.ctx, "kept")
	t.must(err)
	t.equal("the record", got, kept)
	t.noRecord("b", "dropped")
	if again := t.putRecord("b", "dropped", "v", time.Time{}, 0); again.Revision <= dropped.Revision {
		t.Fatalf("revision %d is given again after %d", again.Revision, dropped.Revision)
	}
	feed := t.feed(last[len(last)-1].Position)
	t.equal("the versions made", tags(t.put(Put("Patient/c"), Put("Patient/b"), Put("Patient/a"))), []string{"Patient/c 1", "Patient/b 3", "Patient/a 2"})
	t.equal("the order of creation", t.find(t, "Patient"), []string{"Patient/a 2", "Patient/b 3", "Patient/c 1"})
	t.next(feed)
	t.equal("the version in the feed", t.next(feed).Version, t.read(t, "Patient/b"))
	t.free("held")
	t.clock.Advance(2 * time.Hour)
	t.noRecord("b", "kept")
}

func reopenClock(t *trial) {
	t.put(Put("Patient/a"))
	t.clock.Advance(-24 * time.Hour)
	t.reopen()
	t.equal("LastUpdated", t.put(Put("Patient/b"))[0].LastUpdated, Start)
	// Nor when the newest version is a tombstone.
	t.clock.Set(Start.Add(time.Hour))
	t.put(Delete("Patient/a"))
	t.clock.Set(Start)
	t.reopen()
	t.equal("LastUpdated", t.put(Put("Patient/b"))[0].LastUpdated, Start.Add(time.Hour))
}

func reopenCursors(t *trial) {
	made := t.story()
	q := store.HistoryQuery{Type: "Patient", Count: 2}
	first, err := t.History(t.ctx, q)
	t.must(err)
	position := t.events(0)[2].Position
	query := Query("Patient?_count=2&_sort=-_id")
	matches := t.find(t, "Patient?_count=2&_sort=-_id")
	page, err := t.Search(t.ctx, query, nil)
	t.must(err)
	t.put(Put("Patient/a"))
	t.reopen()
	t.put(Put("Patient/a"))
	q.Cursor = first.Next
	t.equal("the pages after", append(tags(first.Versions), tags(t.history(t, q))...), tags(only(reverse(made), "Patient", "")))
	last, err := t.Search(t.ctx, Query("Patient?_count=2&_sort=-_id"), page.Next)
	t.must(err)
	t.equal("the matches", append(tags(page.Matches), tags(last.Matches)...), matches)
	feed := t.feed(position)
	for _, want := range made[3:] {
		t.equal("the version", t.next(feed).Version, want)
	}
}

func reopenAfterRace(t *trial) {
	const writers = 6
	for round := range t.rounds(10) {
		acknowledged := make([]int64, writers)
		t.together(writers+1, func(i int) error {
			if i == writers {
				time.Sleep(time.Duration(round) * time.Millisecond)
				return t.Store.Close()
			}
			for {
				v, err := t.Commit(t.ctx, store.Transaction{Changes: []store.Change{Put(fmt.Sprintf("Patient/p%d", i))}})
				if errors.Is(err, store.ErrClosed) {
					return nil
				} else if err != nil {
					return err
				}
				acknowledged[i] = v[0].VersionID
			}
		})
		t.reopen()
		for i, want := range acknowledged {
			if want == 0 {
				continue
			}
			t.equal("the version", t.read(t, fmt.Sprintf("Patient/p%d", i)).VersionID, want)
			t.put(Delete(fmt.Sprintf("Patient/p%d", i)))
		}
	}
}

func reopenEmpty(t *trial) {
	t.reopen()
	t.equal("everything", t.everything(), []any{[]store.Version{}, []store.Event{}, []string{}, []string{}})
	t.put(Put("Patient/a"))
}
