package storetest

import (
	"time"

	"kiln/store"
)

var previews = []promise{
	{"a preview shows the store as the commit would leave it", previewShows},
	{"searches in a preview follow references through its changes", previewChains},
	{"a preview writes nothing", previewWritesNothing},
	{"a preview fails as the commit would", previewFails},
	{"what is committed later does not show in a preview", previewStays},
}

func (t *trial) preview(tx store.Transaction) store.Snapshot {
	t.Helper()
	snap, err := t.Preview(t.ctx, tx)
	t.must(err)
	t.Cleanup(func() { snap.Close() })
	return snap
}

// plot is a transaction on the story that does something of every kind.
func plot() store.Transaction {
	return store.Transaction{
		Changes: []store.Change{
			Delete("Patient/a"),
			Claiming(Put("Patient/z", `"active":true`), "claim"),
			Delete("Patient/never"),
			As(store.Create, Put("Observation/new", `"status":"final"`)),
			IfVersion(3, Put("Patient/b")),
		},
		Guards:  []store.Guard{{Key: "g"}},
		Records: []store.RecordChange{{Bucket: "b", Key: "k", Value: []byte("v")}},
	}
}

func previewShows(t *trial) {
	made := t.story()
	t.clock.Advance(time.Second)
	snap := t.preview(plot())
	seen := []any{
		t.gone(snap, "Patient/a"), t.read(snap, "Patient/z"), t.read(snap, "Observation/new"), t.read(snap, "Patient/b"),
		t.read(snap, "Patient/c"), t.guard(snap, "g"),
		t.history(snap, store.HistoryQuery{Count: 2}),
		t.history(snap, store.HistoryQuery{Type: "Patient", ID: "a", Count: 2}),
		t.history(snap, store.HistoryQuery{Type: "Observation", Count: 1}),
		t.history(snap, store.HistoryQuery{At: at(7), Count: 2}),
		t.history(snap, store.HistoryQuery{At: at(6)}),
		t.history(snap, store.HistoryQuery{Since: at(6), Count: 2}),
		t.find(snap, "Patient?_count=2"), t.find(snap, "Patient?active=true"), t.find(snap, "Observation?status=final&_sort=-_id"),
	}
	t.equal("the matches", seen[len(seen)-3:], []any{
		[]string{"Patient/z 2", "Patient/b 4", "Patient/c 1"}, []string{"Patient/z 2"}, []string{"Observation/o 1", "Observation/new 1"},
	})
	t.absent(snap, "Patient/never")
	t.equal("the length of the history", len(t.history(snap, store.HistoryQuery{})), len(made)+4)
	t.land(plot())
	t.equal("what the commit left", []any{
		t.gone(t, "Patient/a"), t.read(t, "Patient/z"), t.read(t, "Observation/new"), t.read(t, "Patient/b"),
		t.read(t, "Patient/c"), t.guard(t, "g"),
		t.history(t, store.HistoryQuery{Count: 2}),
		t.history(t, store.HistoryQuery{Type: "Patient", ID: "a", Count: 2}),
		t.history(t, store.HistoryQuery{Type: "Observation", Count: 1}),
		t.history(t, store.HistoryQuery{At: at(7), Count: 2}),
		t.history(t, store.HistoryQuery{At: at(6)}),
		t.history(t, store.HistoryQuery{Since: at(6), Count: 2}),
		t.find(t, "Patient?_count=2"), t.find(t, "Patient?active=true"), t.find(t, "Observation?status=final&_sort=-_id"),
	}, seen)
}

func previewChains(t *trial) {
	subject := func(key, patient string) store.Change {
		return Put(key, `"status":"final"`, `"subject":{"reference":"Patient/`+patient+`"}`)
	}
	t.put(Put("Patient/a", `"gender":"male"`), Put("Patient/b", `"gender":"male"`), Put("Patient/c", `"gender":"male"`), Put("Patient/d"))
	t.put(subject("Observation/a", "a"), subject("Observation/b", "b"), subject("Observation/c", "c"), subject("Observation/d", "d"))
	snap := t.preview(store.Transaction{Changes: []store.Change{
		Put("Patient/a", `"gender":"female"`), Delete("Patient/b"), subject("Observation/c", "d"), Delete("Observation/d"),
		subject("Observation/e", "e"), Put("Patient/e", `"gender":"male"`), Put("Patient/d", `"gender":"male"`),
	}})
	chain, has := "Observation?subject:Patient.gender=male&_count=1", "Patient?_has:Observation:subject:status=final&_count=2"
	t.equal("the matches of a chain", t.find(snap, chain), []string{"Observation/c 2", "Observation/e 1"})
	t.equal("the matches of a reverse chain", t.find(snap, has), []string{"Patient/a 2", "Patient/d 2", "Patient/e 1"})
	t.equal("the matches outside", t.find(t, chain), []string{"Observation/a 1", "Observation/b 1", "Observation/c 1"})
	t.equal("the matches outside", t.find(t, has), []string{"Patient/a 1", "Patient/b 1", "Patient/c 1", "Patient/d 1"})
}

func previewWritesNothing(t *trial) {
	t.story()
	before := t.everything()
	feed := t.feed(t.events(0)[len(t.events(0))-1].Position)
	for range 3 {
		snap := t.preview(plot())
		t.absent(t, "Observation/new")
		t.equal("the matches", t.find(t, "Observation"), []string{"Observation/o 1"})
		t.must(snap.Close())
	}
	t.equal("everything", t.everything(), before)
	t.nothing(feed)
	t.equal("the guard", t.guard(t, "g"), uint64(0))
	t.noRecord("b", "k")
	t.free("claim")
	got := t.land(plot())
	t.equal("the matches", t.find(t, "Observation"), []string{"Observation/o 1", "Observation/new 1"})
	t.equal("the versions made", tags(got), []string{
		"Patient/a 4 deleted", "Patient/z 2", "/ 0", "Observation/new 1", "Patient/b 4",
	})
}

func previewFails(t *trial) {
	t.story()
	t.put(Claiming(Put("Patient/holder"), "held"))
	r := t.putRecord("b", "k", "v", time.Time{}, 0)
	for _, tx := range []store.Transaction{
		{Changes: []store.Change{Put("Patient/new"), Put("Patient/new")}},
		{Changes: []store.Change{Put("Patient/new"), IfVersion(1, Put("Patient/a"))}},
		{Changes: []store.Change{IfAbsent(Put("Patient/a"))}},
		{Changes: []store.Change{Claiming(Put("Patient/new"), "held")}},
		{Guards: []store.Guard{{Key: "g", Seen: 3}}},
		{Records: []store.RecordChange{{Bucket: "b", Key: "k", Revision: r.Revision + 1}}},
	} {
		_, err := t.Preview(t.ctx, tx)
		if err == nil {
			t.Fatal("the preview should have been refused")
		}
		_, refusal := t.Commit(t.ctx, tx)
		t.equal("the error", err, refusal)
	}
}

func previewStays(t *trial) {
	made := t.story()
	snap := t.preview(plot())
	t.put(Put("Patient/a"), Put("Patient/c"), Put("Patient/later"))
	t.land(store.Transaction{Guards: []store.Guard{{Key: "g"}}})
	t.gone(snap, "Patient/a")
	t.equal("the version", t.read(snap, "Patient/c").VersionID, int64(1))
	t.absent(snap, "Patient/later")
	t.equal("the matches", t.find(snap, "Patient?_count=1"), []string{"Patient/z 2", "Patient/b 4", "Patient/c 1"})
	t.equal("the guard", t.guard(snap, "g"), uint64(1))
	t.equal("the length of the history", len(t.history(snap, store.HistoryQuery{Count: 3})), len(made)+4)
	t.must(snap.Close())
	_, err := snap.Read(t.ctx, Key("Patient/a"))
	t.is("a read after closing", err, store.ErrClosed)
}
