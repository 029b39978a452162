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

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, open) }
