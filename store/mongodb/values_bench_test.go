package mongodb

import (
	"math/rand/v2"
	"testing"

	"kiln/search/searchtest"
)

// BenchmarkValues writes and reads the index values of random resources.
func BenchmarkValues(b *testing.B) {
	parameters := newParameters(b)
	w, err := searchtest.NewWorld(rand.New(rand.NewPCG(1, 2)), parameters, 300)
	if err != nil {
		b.Fatal(err)
	}
	written := make([][]byte, len(w.Resources))
	for i, r := range w.Resources {
		written[i] = appendValues(nil, r.Entries)
	}
	size := func(b *testing.B, n int) { b.ReportMetric(float64(n)/float64(b.N), "bytes/resource") }
	b.Run("write", func(b *testing.B) {
		var out []byte
		n := 0
		for i := 0; b.Loop(); i++ {
			out = appendValues(out[:0], w.Resources[i%len(w.Resources)].Entries)
			n += len(out)
		}
		size(b, n)
	})
	b.Run("read", func(b *testing.B) {
		n := 0
		for i := 0; b.Loop(); i++ {
			entries, err := readValues(written[i%len(written)], parameters)
			if err != nil {
				b.Fatal(err)
			}
			n += len(entries)
		}
		b.ReportMetric(float64(n)/float64(b.N), "values/resource")
	})
}
