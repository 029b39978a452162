package pebble

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// reindexAck is what whoever reindexes was told.
type reindexAck struct {
	Dropping bool // from now on values are taken away
	Mark     []byte
}

// extractor gives the values of some parameters of a set; nil is all.
func extractor(parameters *search.Parameters, params []*search.Parameter) func(context.Context, store.Version) ([]search.Entry, error) {
	return func(ctx context.Context, v store.Version) ([]search.Entry, error) {
		doc, err := resources.Parse(v.Body)
		if err != nil {
			return nil, err
		}
		resource, err := doc.Resource()
		if err != nil {
			return nil, err
		}
		if params == nil {
			return parameters.Extract(ctx, resource)
		}
		return parameters.ExtractOnly(ctx, resource, params)
	}
}

// identifiers is a step of the identifiers of Basic.
func identifiers(limit int) store.ReindexStep {
	params := []*search.Parameter{testParameters().Lookup("Basic", "identifier")}
	return store.ReindexStep{Type: "Basic", Limit: limit, Params: params, Extract: extractor(testParameters(), params)}
}

// allSteps goes through all resources of a step's type, and says where it is.
func allSteps(ctx context.Context, s *Store, step store.ReindexStep, at func(store.Mark)) (changed int64, err error) {
	for done := (store.Reindexed{}); !done.Done; {
		if done, err = s.Reindex(ctx, step); err != nil {
			return changed, err
		}
		changed += done.Changed
		step.After = done.Next
		at(done.Next)
	}
	return changed, nil
}

// reindexAgainAndAgain takes the identifiers away and gives them back, until the store fails.
func reindexAgainAndAgain(ctx context.Context, s *Store, acks func(ack)) error {
	for {
		acks(ack{Reindexed: &reindexAck{Dropping: true}})
		drop := identifiers(60)
		drop.Extract = nil
		if _, err := allSteps(ctx, s, drop, func(store.Mark) {}); err != nil {
			return err
		}
		if _, err := allSteps(ctx, s, identifiers(20), func(m store.Mark) { acks(ack{Reindexed: &reindexAck{Mark: m}}) }); err != nil {
			return err
		}
	}
}

// holdsWhatWasReindexed demands that the index is that of the packed values, that acknowledged steps
// need not be done again, and that the rest can be.
func holdsWhatWasReindexed(t *testing.T, s *Store, acks []ack) {
	t.Helper()
	s.options.Parameters = nil
	isClean(t, s)
	s.options.Parameters = testParameters()
	var last reindexAck
	for _, a := range acks {
		if a.Reindexed != nil {
			last = *a.Reindexed
		}
	}
	step := identifiers(1)
	for last.Mark != nil {
		done, err := s.Reindex(t.Context(), step)
		if err != nil {
			t.Fatal(err)
		}
		if step.After = done.Next; bytes.Compare(done.Next, last.Mark) > 0 {
			break // the resource at the mark is deleted, and this one comes after it
		}
		if done.Changed > 0 {
			t.Error("what an acknowledged step did is not there")
		}
		if done.Done || bytes.Equal(done.Next, last.Mark) {
			break
		}
	}
	if _, err := allSteps(t.Context(), s, identifiers(100), func(store.Mark) {}); err != nil {
		t.Fatal(err)
	}
}

func TestAReindexIsWholeAfterTheProcessIsKilled(t *testing.T) {
	dir := t.TempDir()
	var acks []ack
	for round := range max(*crashes/2, 1) {
		acks = append(acks, killed(t, dir, time.Duration(50+rand.IntN(400))*time.Millisecond, "KILN_CRASH_REINDEX=1")...)
		if !slices.ContainsFunc(acks, func(a ack) bool { return a.Reindexed != nil }) {
			t.Fatal("no step was done")
		}
		s := openAt(t, dir)
		holdsWhatWasReindexed(t, s, acks)
		holdsWhatWasAcknowledged(t, s, acks)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAReindexIsWholeAfterThePowerFails(t *testing.T) {
	for round := range 8 {
		memory := vfs.NewCrashableMem()
		s := openIn(t, memory)
		ctx, stop := context.WithCancel(t.Context())
		var mu sync.Mutex
		var acks []ack
		note := func(a ack) {
			mu.Lock()
			defer mu.Unlock()
			acks = append(acks, a)
		}
		var running sync.WaitGroup
		running.Go(func() { _ = writeAll(ctx, s, rand.Uint64(), note) })
		running.Go(func() { _ = reindexAgainAndAgain(ctx, s, note) })
		time.Sleep(time.Duration(20+rand.IntN(100)) * time.Millisecond)
		mu.Lock()
		known := slices.Clone(acks)
		left := memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 30, 70, 100}[round%4], RNG: rand.New(rand.NewPCG(uint64(round), 1))})
		mu.Unlock()
		stop()
		running.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again := openIn(t, left)
		holdsWhatWasReindexed(t, again, known)
		holdsWhatWasAcknowledged(t, again, known)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStepIsOnDiskWhenItReturns(t *testing.T) {
	memory := vfs.NewCrashableMem()
	s := openIn(t, memory)
	put(t, s, "a", "a")
	for _, step := range []store.ReindexStep{{Type: "Basic", Limit: 1}, identifiers(1)} {
		if done, err := s.Reindex(t.Context(), step); err != nil || done.Changed != 1 {
			t.Fatal(done, err)
		}
		left := openIn(t, memory.CrashClone(vfs.CrashCloneCfg{}))
		if done, err := left.Reindex(t.Context(), step); err != nil || done.Changed != 0 {
			t.Fatalf("after the power failed: %+v, %v", done, err)
		}
		if err := left.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// defined is a set of parameters with custom ones, which are complete.
func defined(t testing.TB, definitions ...string) *search.Parameters {
	t.Helper()
	p := testParameters().Copy()
	for i, members := range definitions {
		id := string(rune('a' + i))
		doc, err := resources.Parse([]byte(`{"resourceType":"SearchParameter","id":"` + id + `","url":"http://kiln.example/` + id +
			`","name":"x","status":"active","description":"x",` + members + `}`))
		if err != nil {
			t.Fatal(err)
		}
		resource, err := doc.Resource()
		if err != nil {
			t.Fatal(err)
		}
		revision, problems := p.Revise(map[string]resources.Element{id: resource})
		if len(problems) > 0 || !revision.Install() {
			t.Fatal(problems)
		}
	}
	return p
}

const wordOfCode = `"code":"word","base":["Basic"],"type":"string","expression":"Basic.code.text"`

// reopened opens the store in a folder with other parameters.
func reopened(t *testing.T, dir string, s *Store, parameters *search.Parameters) *Store {
	t.Helper()
	if s != nil {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(dir, Options{Parameters: parameters, CacheSize: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func problems(t *testing.T, s *Store) (found []Problem) {
	t.Helper()
	if err := s.Check(t.Context(), func(p Problem) { found = append(found, p) }); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestValuesOfADefinitionThatIsNotInUse goes through the life of a definition: not indexed, indexed, gone,
// back, and gone for good.
func TestValuesOfADefinitionThatIsNotInUse(t *testing.T) {
	dir := t.TempDir()
	parameters := defined(t, wordOfCode)
	s := reopened(t, dir, nil, parameters)
	for _, id := range []string{"a", "b", "c"} {
		put(t, s, id, "word "+id)
	}
	custom := parameters.Customs()[0]
	param := custom.Parameters[0]
	words := func(s *Store) int {
		code := s.dictionary.parameterCode(param)
		it, err := s.db.NewIter(bounds(indexPrefix(nil, s.dictionary.typeCode("Basic"), code)))
		if err != nil {
			t.Fatal(err)
		}
		defer it.Close()
		n := 0
		for ok := it.First(); ok && code != 0; ok = it.Next() {
			n++
		}
		return n
	}
	isClean(t, s) // it is being indexed
	parameters.Complete(custom)
	if found := problems(t, s); len(found) != 3 || found[0].Part != "index" {
		t.Fatalf("a whole index that lacks everything: %v", found)
	}
	step := store.ReindexStep{Type: "Basic", Limit: 2, Params: custom.Parameters, Extract: extractor(parameters, custom.Parameters)}
	if changed, err := allSteps(t.Context(), s, step, func(store.Mark) {}); changed != 3 || err != nil {
		t.Fatal(changed, err)
	}
	isClean(t, s)
	if n := words(s); n != 3 {
		t.Fatalf("there are %d keys of the definition", n)
	}

	s = reopened(t, dir, s, testParameters())
	isClean(t, s)
	if err := s.Repair(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := words(s); n != 3 {
		t.Fatalf("there are %d keys of the definition after a repair that does not know it", n)
	}
	put(t, s, "a", "other")
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{{Key: store.Key{Type: "Basic", ID: "b"}, Method: store.Delete}}}); err != nil {
		t.Fatal(err)
	}
	page, err := s.Search(t.Context(), benchQuery(t, "Basic", "identifier=urn:x|word c&code:missing=true"), nil)
	if err != nil || len(page.Matches) != 1 {
		t.Fatalf("a search by another parameter: %v, %v", page.Matches, err)
	}
	if n := words(s); n != 1 {
		t.Fatalf("there are %d keys of the definition, of one resource that has its values", n)
	}
	isClean(t, s)

	parameters = defined(t, wordOfCode)
	s = reopened(t, dir, s, parameters)
	isClean(t, s)
	if err := s.Repair(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := words(s); n != 2 {
		t.Fatalf("there are %d keys after a repair that knows the definition", n)
	}
	parameters.Complete(parameters.Customs()[0])
	isClean(t, s)
	former, _ := search.Former("Basic", "word", "string")
	if changed, err := allSteps(t.Context(), s, store.ReindexStep{Type: "Basic", Limit: 5, Params: []*search.Parameter{former}}, func(store.Mark) {}); changed != 2 || err != nil {
		t.Fatal(changed, err)
	}
	if n := words(s); n != 0 {
		t.Fatalf("there are %d keys of a definition that was dropped", n)
	}
	s = reopened(t, dir, s, testParameters())
	isClean(t, s)
}

// TestAReindexPassesOverWhatDoesNotRead demands that one damaged resource keeps no other from being found.
func TestAReindexPassesOverWhatDoesNotRead(t *testing.T) {
	s := openAt(t, t.TempDir())
	for _, id := range []string{"a", "b", "c"} {
		put(t, s, id, id)
	}
	drop := identifiers(10)
	drop.Extract = nil
	if _, err := allSteps(t.Context(), s, drop, func(store.Mark) {}); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Set(versionKey(nil, 2, 1), []byte("spoilt"), nil); err != nil {
		t.Fatal(err)
	}
	done, err := s.Reindex(t.Context(), identifiers(10))
	if err != nil || done.Examined != 3 || done.Changed != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	if n, err := s.Count(t.Context(), benchQuery(t, "Basic", "identifier=urn:x|a,urn:x|b,urn:x|c")); n != 2 || err != nil {
		t.Fatalf("%d are found, %v", n, err)
	}
}

func TestAReindexFailsWhereValuesAreMissing(t *testing.T) {
	s := openAt(t, t.TempDir())
	put(t, s, "a", "a")
	if err := s.db.Delete(valuesKey(nil, 1, 1), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reindex(t.Context(), identifiers(10)); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("missing values: %v", err)
	}
}
