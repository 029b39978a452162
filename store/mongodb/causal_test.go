package mongodb

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/search"
	"kiln/store"
	"kiln/store/storetest"
)

// TestReadsAreCausal: whatever is read after the head is read at the time of the head or later, with concern majority,
// so that neither another shard nor a new primary leaves out what the head tells of.
func TestReadsAreCausal(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	for _, name := range []string{"Patient/a", "Patient/a", "Patient/b"} {
		if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put(name)}, Records: []store.RecordChange{{Bucket: "b", Key: name, Value: []byte{1}, Revision: store.AnyRevision}}}); err != nil {
			t.Fatal(err)
		}
	}
	taken := r.now()
	snapshot, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	before := r.now()
	a := storetest.Key("Patient/a")
	for name, read := range map[string]func(context.Context, store.Reader) error{
		"Read":        func(ctx context.Context, from store.Reader) error { _, err := from.Read(ctx, a); return err },
		"ReadVersion": func(ctx context.Context, from store.Reader) error { _, err := from.ReadVersion(ctx, a, 1); return err },
		"Guard":       func(ctx context.Context, from store.Reader) error { _, err := from.Guard(ctx, "g"); return err },
		"History": func(ctx context.Context, from store.Reader) error {
			_, err := from.History(ctx, store.HistoryQuery{Count: 10})
			return err
		},
		"Search": func(ctx context.Context, from store.Reader) error {
			_, err := from.Search(ctx, &search.Query{Count: 10, Branches: []search.Branch{{Type: "Patient"}}}, nil)
			return err
		},
	} {
		r.take()
		if err := read(t.Context(), s); err != nil {
			t.Fatal(name, err)
		}
		r.causal(t, name, r.take(), 1, before)
		if err := read(t.Context(), snapshot); err != nil {
			t.Fatal(name, err)
		}
		r.causal(t, name+" of a snapshot", r.take(), 0, taken)
	}
	for name, read := range map[string]func(context.Context) error{
		"Preview": func(ctx context.Context) error {
			_, err := s.Preview(ctx, store.Transaction{Changes: []store.Change{storetest.Put("Patient/a")}})
			return err
		},
		"Claims":  func(ctx context.Context) error { _, err := s.Claims(ctx, a); return err },
		"Get":     func(ctx context.Context) error { _, err := s.Records("b").Get(ctx, "Patient/a"); return err },
		"List":    func(ctx context.Context) error { _, err := s.Records("b").List(ctx, "", "", 0); return err },
		"Buckets": func(ctx context.Context) error { _, err := s.Buckets(ctx); return err },
		"Check":   func(ctx context.Context) error { return s.Check(ctx, func(Problem) {}) },
	} {
		r.take()
		if err := read(t.Context()); err != nil {
			t.Fatal(name, err)
		}
		r.causal(t, name, r.take(), 1, before)
	}
	feed := &feed{store: s, part: feedFirst}
	r.take()
	if events, err := feed.fill(t.Context()); err != nil || len(events) == 0 {
		t.Fatal(err)
	}
	r.causal(t, "Next", r.take(), 1, before)
}

func (r *replicaSet) now() uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clock
}

// causal demands of all reads but the first ones that they come after a time.
func (r *replicaSet) causal(t *testing.T, name string, list []said, first int, since uint32) {
	t.Helper()
	n := 0
	for _, c := range list {
		if c.name != "find" && c.name != "aggregate" {
			continue
		}
		if on := c.body.Lookup(c.name).StringValue(); on == intentsCollection || on == notesCollection {
			continue // of the search for files that nothing refers to, which has just begun
		}
		if level := c.body.Lookup("readConcern", "level"); level.StringValue() != "majority" {
			t.Errorf("%s reads %s with %s", name, c.body.Lookup(c.name), level)
		}
		if n++; n <= first {
			continue
		}

		if at, i, ok := c.body.Lookup("readConcern", "afterClusterTime").TimestampOK(); !ok || at != 1 || i < since {
			t.Errorf("%s reads %s after %d.%d; expected %v or later", name, c.body.Lookup(c.name), at, i, bson.Timestamp{T: 1, I: since})
		}
	}
	if n <= first {
		t.Errorf("%s reads nothing but the head", name)
	}
}

// TestAWriterSeesItsOwnWrite: what a process has written or shown, it demands of the head, whoever answers.
func TestAWriterSeesItsOwnWrite(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	if _, err := s.Commit(t.Context(), guarded()); err != nil {
		t.Fatal(err)
	}
	h, err := s.readHead(t.Context())
	if err != nil || s.newestTurn.Load() != h.Turn {
		t.Errorf("after turn %d it demands %d, %v", h.Turn, s.newestTurn.Load(), err)
	}
	s.saw(h.Turn + 1) // and now the head is older
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := 0
	r.failing(func(c said) *failure {
		if c.name == "find" && c.body.Lookup("find").StringValue() == kilnCollection {
			if asked++; asked == 3 {
				cancel()
			}
		}
		return nil
	})
	if _, err := s.Read(ctx, storetest.Key("Patient/a")); err == nil || asked < 3 {
		t.Errorf("an older head was taken after %d answers, %v", asked, err)
	}
}
