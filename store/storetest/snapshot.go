package storetest

import (
	"fmt"
	"time"

	"kiln/store"
)

var snapshots = []promise{
	{"a snapshot sees one state for as long as it is open", snapshotStays},
	{"a snapshot that is closed fails with ErrClosed, and closing it again does nothing", snapshotClosed},
}

func snapshotStays(t *trial) {
	var snaps []store.Snapshot
	for n := range 4 {
		t.clock.Advance(time.Second)
		t.land(store.Transaction{
			Changes: []store.Change{Put("Patient/a", fmt.Sprintf(`"multipleBirthInteger":%d`, n+1)), Put(fmt.Sprintf("Patient/p%d", n+1))},
			Guards:  []store.Guard{{Key: "g", Seen: uint64(n)}},
		})
		snap, err := t.Snapshot(t.ctx)
		t.must(err)
		snaps = append(snaps, snap)
	}
	t.put(Delete("Patient/a"), Delete("Patient/p1"))
	for n, snap := range snaps {
		n := int64(n) + 1
		t.equal("the version", t.read(snap, "Patient/a").VersionID, n)
		t.equal("a resource of the first commit", t.read(snap, "Patient/p1").VersionID, int64(1))
		t.absent(snap, fmt.Sprintf("Patient/p%d", n+1))
		_, err := snap.ReadVersion(t.ctx, Key("Patient/a"), n+1)
		t.is("a later version", err, store.ErrNotFound)
		t.equal("the guard", t.guard(snap, "g"), uint64(n))
		t.equal("the length of the history", int64(len(t.history(snap, store.HistoryQuery{Count: 3}))), 2*n)
		t.equal("the length of one history", int64(len(t.history(snap, store.HistoryQuery{Type: "Patient", ID: "a", Count: 2}))), n)
		t.equal("the matches", len(t.find(snap, "Patient?_count=3")), int(n)+1)
		t.equal("the matches", t.find(snap, "Patient?_id=a"), []string{fmt.Sprintf("Patient/a %d", n)})
		t.equal("what is current", len(t.history(snap, store.HistoryQuery{At: at(100)})), int(n)+1)
		t.must(snap.Close())
	}
	t.gone(t, "Patient/a")
}

func snapshotClosed(t *trial) {
	t.put(Put("Patient/a"))
	snap, err := t.Snapshot(t.ctx)
	t.must(err)
	t.read(snap, "Patient/a")
	t.must(snap.Close())
	_, err = snap.Read(t.ctx, Key("Patient/a"))
	t.is("a read", err, store.ErrClosed)
	_, err = snap.History(t.ctx, store.HistoryQuery{Count: 1})
	t.is("a history", err, store.ErrClosed)
	_, err = snap.Search(t.ctx, Query("Patient"), nil)
	t.is("a search", err, store.ErrClosed)
	_, err = snap.Count(t.ctx, Query("Patient"))
	t.is("a count", err, store.ErrClosed)
	_, err = snap.Guard(t.ctx, "g")
	t.is("a guard", err, store.ErrClosed)
	t.must(snap.Close())
	t.read(t, "Patient/a")
}
