package storetest

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"kiln/store"
)

var size = flag.Int("storetest.size", 5000, "resources in the store of the benchmarks")

// workload is one thing to measure; run does it for the nth time.
type workload struct {
	name     string
	parallel bool
	run      func(t *trialBench, n int) error
}

// trialBench is a store filled for a benchmark: a tenth Patients, the rest their Observations.
type trialBench struct {
	store.Store
	b     *testing.B
	ready []store.Change // to be committed by the workloads, apart from their keys
}

var workloads = []workload{
	{"Commit1", false, (*trialBench).commitOne},
	{"Commit1Parallel", true, (*trialBench).commitOne},
	{"Commit100", false, (*trialBench).commitHundred},
	{"Update", false, func(t *trialBench, n int) error {
		change := benchmarkObservation(n % *size)
		_, err := t.Commit(t.b.Context(), store.Transaction{Changes: []store.Change{change}})
		return err
	}},
	{"Preview1", false, func(t *trialBench, n int) error {
		snap, err := t.Preview(t.b.Context(), store.Transaction{Changes: []store.Change{t.fresh(n)}})
		if err != nil {
			return err
		}
		return snap.Close()
	}},
	{"Read", false, (*trialBench).read},
	{"ReadParallel", true, (*trialBench).read},
	{"History", false, func(t *trialBench, n int) error {
		page, err := t.History(t.b.Context(), store.HistoryQuery{Type: "Patient", ID: fmt.Sprintf("p%d", n%patients()), Count: 20})
		return expectMatches(len(page.Versions), err)
	}},
	{"SearchIdentifier", false, searching(func(n int) string { return fmt.Sprintf("Patient?identifier=urn:oid:1.2|n%d", n%patients()) })},
	{"SearchName", false, searching(func(n int) string { return fmt.Sprintf("Patient?name=family%d", n%50) })},
	{"SearchSubjectCode", false, searching(func(n int) string {
		return fmt.Sprintf("Observation?subject=Patient/p%d&code=http://loinc.org|c%d", n%patients(), n%patients()%10)
	})},
	{"SearchSubjectByDate", false, searching(func(n int) string {
		return fmt.Sprintf("Observation?subject=Patient/p%d&_sort=-date", n%patients())
	})},
	{"SearchCodeDate", false, searching(func(n int) string { return fmt.Sprintf("Observation?code=c%d&date=ge2025-01-10", n%10) })},
	{"SearchChain", false, searching(func(n int) string { return fmt.Sprintf("Observation?subject:Patient.name=family%d", n%50) })},
	{"Count", false, func(t *trialBench, n int) error {
		count, err := t.Count(t.b.Context(), Query(fmt.Sprintf("Observation?code=c%d", n%10)))
		return expectMatches(int(count), err)
	}},
}

// Benchmark measures an engine that holds -storetest.size resources. The figures are for comparing
// one state of an engine with another on one machine; `kiln bench` measures what users see.
func Benchmark(b *testing.B, open Open) {
	t := &trialBench{Store: open(b, b.TempDir(), Options{Now: time.Now, Parameters: Parameters()}), b: b}
	b.Cleanup(func() { t.Store.Close() })
	t.fill()
	var n atomic.Int64 // goes on over all workloads, so that what is made is always new
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			t.b = b
			b.ReportAllocs()
			if !w.parallel {
				for b.Loop() {
					t.must(w.run(t, int(n.Add(1))))
				}
				return
			}
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := w.run(t, int(n.Add(1))); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func (t *trialBench) must(err error) {
	if err != nil {
		t.b.Fatal(err)
	}
}

func patients() int { return max(1, *size/10) }

func benchmarkPatient(i int) store.Change {
	return Put(fmt.Sprintf("Patient/p%d", i), `"active":true`,
		fmt.Sprintf(`"identifier":[{"system":"urn:oid:1.2","value":"n%d"}]`, i),
		fmt.Sprintf(`"name":[{"family":"Family%d","given":["Given%d","Other"]}]`, i%50, i%70),
		fmt.Sprintf(`"gender":"female","birthDate":"19%02d-0%d-01"`, 20+i%80, 1+i%9))
}

func benchmarkObservation(i int) store.Change {
	return Put(fmt.Sprintf("Observation/o%d", i), `"status":"final"`,
		fmt.Sprintf(`"code":{"coding":[{"system":"http://loinc.org","code":"c%d","display":"A code"}]}`, i%patients()%10),
		fmt.Sprintf(`"subject":{"reference":"Patient/p%d"}`, i%patients()),
		fmt.Sprintf(`"effectiveDateTime":"2025-01-%02dT10:00:00Z"`, 1+i%28),
		fmt.Sprintf(`"valueQuantity":{"value":%d.5,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}`, i%100))
}

func (t *trialBench) fill() {
	var changes []store.Change
	commit := func() {
		_, err := t.Commit(t.b.Context(), store.Transaction{Changes: changes})
		t.must(err)
		changes = changes[:0]
	}
	for i := range *size {
		if i < patients() {
			changes = append(changes, benchmarkPatient(i))
		}
		changes = append(changes, benchmarkObservation(i))
		if len(changes) >= 500 {
			commit()
		}
	}
	commit()
	for i := range 100 {
		t.ready = append(t.ready, benchmarkObservation(i))
	}
}

// fresh is a resource that is not there yet. It costs nothing to make, but for the wrong id in its
// body.
func (t *trialBench) fresh(n int) store.Change {
	c := t.ready[n%len(t.ready)]
	c.Key.ID = fmt.Sprintf("fresh%d", n)
	return c
}

func (t *trialBench) commitOne(n int) error {
	_, err := t.Commit(t.b.Context(), store.Transaction{Changes: []store.Change{t.fresh(n)}})
	return err
}

func (t *trialBench) commitHundred(n int) error {
	tx := store.Transaction{Changes: make([]store.Change, 100)}
	for i := range tx.Changes {
		tx.Changes[i] = t.ready[i]
		tx.Changes[i].Key.ID = fmt.Sprintf("fresh%d-%d", n, i)
	}
	_, err := t.Commit(t.b.Context(), tx)
	return err
}

func (t *trialBench) read(n int) error {
	_, err := t.Read(t.b.Context(), store.Key{Type: "Observation", ID: fmt.Sprintf("o%d", n*7919%*size)})
	return err
}

// searching takes the first page of a query.
func searching(text func(n int) string) func(*trialBench, int) error {
	return func(t *trialBench, n int) error {
		page, err := t.Search(t.b.Context(), Query(text(n)), nil)
		return expectMatches(len(page.Matches), err)
	}
}

func expectMatches(n int, err error) error {
	if err == nil && n == 0 {
		err = fmt.Errorf("nothing was found, though there is something")
	}
	return err
}
