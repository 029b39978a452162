package memory_test

import (
	"testing"

	"kiln/store"
	"kiln/store/memory"
	"kiln/store/storetest"
)

func open(_ testing.TB, _ string, options storetest.Options) store.Store {
	return memory.New(memory.Options{Now: options.Now, Parameters: options.Parameters})
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

// TestWithoutParameters: a store that cannot index says so, and keeps what is no resource.
func TestWithoutParameters(t *testing.T) {
	s := memory.New(memory.Options{})
	change := store.Transaction{Changes: []store.Change{storetest.Put("Patient/a")}}
	if _, err := s.Commit(t.Context(), change); err == nil {
		t.Error("a resource was taken that no search would find")
	}
	if _, err := s.Preview(t.Context(), change); err == nil {
		t.Error("a preview of it was given")
	}
	record := store.Transaction{Records: []store.RecordChange{{Bucket: "b", Key: "k", Value: []byte{1}, Revision: store.AnyRevision}}}
	if _, err := s.Commit(t.Context(), record); err != nil {
		t.Error(err)
	}
}

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, open) }
