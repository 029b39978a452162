package pebble

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"kiln/store"
)

// stated is a custom token parameter of Observation.
func stated(tb testing.TB) (index, drop store.ReindexStep) {
	tb.Helper()
	parameters := defined(tb, `"code":"state","base":["Observation"],"type":"token","expression":"Observation.status"`)
	params := parameters.Customs()[0].Parameters
	index = store.ReindexStep{Type: "Observation", Limit: 2000, Params: params, Extract: extractor(parameters, params)}
	drop = index
	drop.Extract = nil
	return index, drop
}

// BenchmarkReindex indexes all observations for one more parameter, and takes it away again. Of a million:
//
//	KILN_BENCH_RESOURCES=1111111 go test ./store/pebble -run XXX -bench Reindex$ -benchtime 1x -timeout 0
func BenchmarkReindex(b *testing.B) {
	s, _ := benchStore()
	index, drop := stated(b)
	pass := func(step store.ReindexStep) time.Duration {
		start := time.Now()
		if _, err := allSteps(b.Context(), s, step, func(store.Mark) {}); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	var made, again, dropped time.Duration
	for b.Loop() {
		made += pass(index)
		again += pass(index)
		dropped += pass(drop)
	}
	resources := float64(s.counters.live[s.dictionary.typeCode("Observation")]) * float64(b.N)
	b.ReportMetric(resources/made.Seconds(), "indexed/s")
	b.ReportMetric(resources/again.Seconds(), "unchanged/s")
	b.ReportMetric(resources/dropped.Seconds(), "dropped/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkDuringReindex tells how long reads, searches and commits take at the 99th of a hundred while
// nothing else goes on, while steps follow one another, and while each is followed by a rest of three times
// its length, as package fhir has them when there are requests.
func BenchmarkDuringReindex(b *testing.B) {
	s, keys := benchStore()
	index, drop := stated(b)
	query := benchQuery(b, "Observation", "code=8480-6&_count=20&_sort=-date")
	uses := []struct {
		name string
		call func(ctx context.Context, n int) error
	}{
		{"read", func(ctx context.Context, n int) error { _, err := s.Read(ctx, keys[n*7919%len(keys)]); return err }},
		{"search", func(ctx context.Context, _ int) error { _, err := s.Search(ctx, query, nil); return err }},
		{"commit", func(ctx context.Context, n int) error {
			h := &hospital{patients: 100, r: rand.New(rand.NewPCG(uint64(n), uint64(time.Now().UnixNano())))}
			_, err := s.Commit(ctx, store.Transaction{Changes: []store.Change{benchChange(h.observation())}})
			return err
		}},
	}
	for _, when := range []struct {
		name string
		rest int // times the length of a step; below 0 there are no steps
		size int
	}{{"Alone", -1, 0}, {"Stepping", 0, 2000}, {"Resting", 3, 100}} {
		for _, use := range uses {
			b.Run(when.name+"/"+use.name, func(b *testing.B) {
				ctx, stop := context.WithCancel(b.Context())
				var running sync.WaitGroup
				if when.rest >= 0 {
					running.Go(func() { stepOn(ctx, s, when.size, when.rest, index, drop) })
				}
				var took []time.Duration
				n := 0
				for b.Loop() {
					n++
					start := time.Now()
					if err := use.call(b.Context(), n); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(start))
				}
				stop()
				running.Wait()
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs/p50")
				b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs/p99")
			})
		}
	}
}

// stepOn goes through passes in turns until the context ends.
func stepOn(ctx context.Context, s *Store, size, rest int, passes ...store.ReindexStep) {
	for n := 0; ctx.Err() == nil; n++ {
		step := passes[n%len(passes)]
		step.Limit = size
		for done := (store.Reindexed{}); !done.Done && ctx.Err() == nil; step.After = done.Next {
			start := time.Now()
			var err error
			if done, err = s.Reindex(ctx, step); err != nil {
				return
			}
			if rest > 0 {
				time.Sleep(time.Duration(rest) * time.Since(start))
			}
		}
	}
}
