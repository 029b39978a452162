package pebble

import (
	"errors"
	"testing"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/google/go-cmp/cmp"

	"kiln/store"
)

var _ store.BatchReader = (*snapshot)(nil)

func TestReadAllGivesWhatReadGives(t *testing.T) {
	s := openAt(t, t.TempDir())
	commit := func(c store.Change) {
		t.Helper()
		if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{c}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"c", "a", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "gone"} {
		commit(benchChange(id, `{"resourceType":"Patient","id":"`+id+`"}`))
	}
	commit(benchChange("a", `{"resourceType":"Patient","id":"a","active":true}`))
	commit(store.Change{Key: store.Key{Type: "Patient", ID: "gone"}, Method: store.Delete})
	taken, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	commit(benchChange("c", `{"resourceType":"Patient","id":"c","active":false}`))

	keys := []store.Key{
		{Type: "Patient", ID: "c"},
		{Type: "Patient", ID: "gone"},
		{Type: "Patient", ID: "never"},
		{Type: "Nothing", ID: "a"},
		{},
		{Type: "Patient", ID: "a"},
		{Type: "Patient", ID: "3f2504e0-4f89-11d3-9a0c-0305e82c3301"},
		{Type: "Patient", ID: "a"},
	}
	for name, r := range map[string]store.Reader{"the store": s, "a snapshot": taken} {
		batch, ok := r.(store.BatchReader)
		if !ok {
			t.Fatalf("%s is no BatchReader", name)
		}
		got, err := batch.ReadAll(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]store.Version, len(keys))
		for i, key := range keys {
			var gone *store.GoneError
			if want[i], err = r.Read(t.Context(), key); err != nil && !errors.Is(err, store.ErrNotFound) && !errors.As(err, &gone) {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (- read one by one, + at once):\n%s", name, diff)
		}
	}
	if err := s.db.DeleteRange([]byte{keyVersion}, []byte{keyVersion + 1}, lsm.Sync); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadAll(t.Context(), keys); !errors.Is(err, ErrCorrupt) {
		t.Errorf("without the versions it says %v; expected that it is corrupt", err)
	}
}

// BenchmarkReadAll reads 30 resources that lie far from one another, at once and one by one.
func BenchmarkReadAll(b *testing.B) {
	s, keys := benchStore()
	at := 0
	some := func() []store.Key {
		list := make([]store.Key, 30)
		for i := range list {
			at = (at + 7919) % len(keys)
			list[i] = keys[at]
		}
		return list
	}
	b.Run("atOnce", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.ReadAll(b.Context(), some()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("oneByOne", func(b *testing.B) {
		for b.Loop() {
			for _, key := range some() {
				if _, err := s.Read(b.Context(), key); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
