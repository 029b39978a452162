package storetest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiln/store"
)

// Machine is a computer whose power can be cut.
type Machine interface {
	// Open opens the store that the machine keeps.
	Open(t testing.TB, options Options) store.Store
	// Cut is the machine as it starts again after its power failed at this moment: what was synced
	// is there, of the rest some part. The machine that is cut runs on, for the test's own sake.
	Cut(r *rand.Rand) Machine
}

// RunPowerLoss checks that an acknowledged commit survives the loss of power at any moment, and that
// any other is wholly there or wholly absent. Each round goes on with what the last one left. An
// engine that keeps its files in a file system of its own choice needs a few lines for it:
//
//	func (m machine) Cut(r *rand.Rand) storetest.Machine {
//		return machine{m.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: r})}
//	}
func RunPowerLoss(t *testing.T, machine Machine) {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("run again with -storetest.seed=%d", n)
	r := rand.New(rand.NewPCG(n, 2))
	done := make([]int64, diarists)
	for round := range rounds(30) {
		if !t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) {
			machine, done = powerLoss(t, r, machine, done)
		}) {
			return
		}
	}
}

// diarists is how many write at once.
const diarists = 6

// diary is what one writer does, n being the number of its transaction: all its traces say n.
func diary(writer int, n int64) store.Transaction {
	name := fmt.Sprintf("w%d", writer)
	text := fmt.Sprintf(`"identifier":[{"value":"%s-%d"}]`, name, n)
	return store.Transaction{
		Changes: []store.Change{Claiming(Put("Patient/"+name, text), fmt.Sprintf("%s-%d", name, n)), Put("Observation/"+name, text)},
		Guards:  []store.Guard{{Key: name, Seen: uint64(n - 1)}},
		Records: []store.RecordChange{{Bucket: "diary", Key: name, Value: strconv.AppendInt(nil, n, 10), Revision: store.AnyRevision}},
	}
}

// powerLoss lets all write until the power fails, and reads what is left. done is how far each
// writer had come before.
func powerLoss(t *testing.T, r *rand.Rand, machine Machine, done []int64) (Machine, []int64) {
	d := &trial{T: t, ctx: t.Context(), clock: NewClock()}
	d.Store = machine.Open(t, d.options())
	d.readDiaries(done, done)
	acknowledged := make([]atomic.Int64, diarists)
	var writers sync.WaitGroup
	var stop atomic.Bool
	for i := range diarists {
		acknowledged[i].Store(done[i])
		writers.Go(func() {
			for n := done[i] + 1; !stop.Load(); n++ {
				if _, err := d.Commit(d.ctx, diary(i, n)); err != nil {
					t.Error(err)
					return
				}
				acknowledged[i].Store(n)
			}
		})
	}
	time.Sleep(time.Duration(r.IntN(20_000)) * time.Microsecond)
	least, most := make([]int64, diarists), make([]int64, diarists)
	for i := range least {
		least[i] = acknowledged[i].Load()
	}
	cut := machine.Cut(r)
	for i := range most {
		most[i] = acknowledged[i].Load() + 1
	}
	stop.Store(true)
	writers.Wait()
	d.must(d.Store.Close())
	d.Store = cut.Open(t, d.options())
	left := d.readDiaries(least, most)
	d.must(d.Store.Close())
	return cut, left
}

// readDiaries demands that all traces of each writer say the same number, within bounds.
func (t *trial) readDiaries(least, most []int64) []int64 {
	t.Helper()
	left := make([]int64, diarists)
	total := int64(0)
	for i := range left {
		name := fmt.Sprintf("w%d", i)
		n := int64(t.guard(t, name))
		if n < least[i] || n > most[i] {
			t.Fatalf("%s is at %d, but %d were acknowledged and %d begun", name, n, least[i], most[i])
		}
		left[i], total = n, total+2*n
		if n == 0 {
			t.absent(t, "Patient/"+name)
			t.absent(t, "Observation/"+name)
			t.noRecord("diary", name)
			continue
		}
		r, err := t.Records("diary").Get(t.ctx, name)
		t.must(err)
		t.equal("the record", string(r.Value), strconv.FormatInt(n, 10))
		for _, typ := range []string{"Patient", "Observation"} {
			found := fmt.Sprintf("%s/%s %d", typ, name, n)
			t.equal("the version", tags([]store.Version{t.read(t, typ+"/"+name)}), []string{found})
			t.equal("what its number finds", t.find(t, fmt.Sprintf("%s?identifier=%s-%d", typ, name, n)), []string{found})
			t.equal("what the number before finds", t.find(t, fmt.Sprintf("%s?identifier=%s-%d", typ, name, n-1)), []string{})
			t.equal("the history", int64(len(t.history(t, store.HistoryQuery{Type: typ, ID: name}))), n)
		}
		t.refused(store.Transaction{Changes: []store.Change{Claiming(Put("Basic/taker"), fmt.Sprintf("%s-%d", name, n))}},
			held("Basic/taker", fmt.Sprintf("%s-%d", name, n), "Patient/"+name))
	}
	seen := map[store.Key]int64{}
	for _, e := range t.events(0) {
		seen[e.Version.Key]++
		t.equal("the version in the feed", e.Version.VersionID, seen[e.Version.Key])
		total--
	}
	t.equal("what the feed lacks", total, int64(0))
	return left
}
