package pebble

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

var crashes = flag.Int("pebble.crashes", 6, "how often a process that writes is killed")

// ack is what a writer was told: it is kept outside of the store.
type ack struct {
	Transaction string `json:",omitempty"` // all resources of it hold its name
	Size        int    `json:",omitempty"`
	Deleted     string `json:",omitempty"` // id of a resource
	Version     int64  `json:",omitempty"`
	Record      string `json:",omitempty"`
	Revision    uint64 `json:",omitempty"`
	Guard       string `json:",omitempty"`
	Value       uint64 `json:",omitempty"`

	Reindexed *reindexAck `json:",omitempty"`
}

// writer makes mixed writes and says what was acknowledged.
type writer struct {
	store *Store
	name  string
	seed  uint64
	r     *rand.Rand
	acks  func(ack)
	guard uint64
}

// run writes until the store fails or the context ends.
func (w *writer) run(ctx context.Context) error {
	w.guard, _ = w.store.Guard(ctx, w.name)
	for n := 0; ctx.Err() == nil; n++ {
		if err := w.write(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) write(ctx context.Context, n int) error {
	switch w.r.IntN(8) {
	case 0:
		key := fmt.Sprintf("%s/%d", w.name, w.r.IntN(3))
		record, err := w.store.Records("crash").Put(ctx, key, []byte(key), time.Time{}, store.AnyRevision)
		if err == nil {
			w.acks(ack{Record: key, Revision: record.Revision})
		}
		return err
	case 1:
		id := fmt.Sprintf("%s-%d", w.name, w.r.IntN(20))
		versions, err := w.store.Commit(ctx, store.Transaction{Changes: []store.Change{{Key: store.Key{Type: "Basic", ID: id}, Method: store.Delete}}})
		if err == nil && versions[0].VersionID > 0 {
			w.acks(ack{Deleted: id, Version: versions[0].VersionID})
		}
		return err
	}
	tx := w.transaction(n)
	_, err := w.store.Commit(ctx, tx)
	if err == nil {
		w.guard++
		w.acks(ack{Transaction: w.transactionName(n), Size: len(tx.Changes), Guard: w.name, Value: w.guard})
	}
	return err
}

func (w *writer) transactionName(n int) string { return fmt.Sprintf("%s/%x/%d", w.name, w.seed, n) }

// transaction changes some resources of the writer; each holds the transaction's name and size, and
// claims its id.
func (w *writer) transaction(n int) store.Transaction {
	size := 1 + w.r.IntN(4)
	if w.r.IntN(20) == 0 {
		size = 60
	}
	tx := store.Transaction{Guards: []store.Guard{{Key: w.name, Seen: w.guard}}}
	for _, i := range w.r.Perm(100)[:size] {
		id := fmt.Sprintf("%s-%d", w.name, i)
		text := fmt.Sprintf(`{"resourceType":"Basic","id":%q,"identifier":[{"system":"urn:crash","value":%q}],"code":{"text":"%d"},"author":{"reference":"Patient/%d"}}`,
			id, w.transactionName(n), size, w.r.IntN(5))
		c := benchChange(id, text)
		c.Claims = []string{"claim " + id}
		tx.Changes = append(tx.Changes, c)
	}
	return tx
}

// writers are the goroutines of one process.
const writers = 6

func writeAll(ctx context.Context, s *Store, seed uint64, acks func(ack)) error {
	var group sync.WaitGroup
	failures := make([]error, writers)
	for i := range writers {
		w := &writer{store: s, name: fmt.Sprintf("w%d", i), seed: seed, r: rand.New(rand.NewPCG(seed, uint64(i))), acks: acks}
		group.Go(func() { failures[i] = w.run(ctx) })
	}
	group.Wait()
	return errors.Join(failures...)
}

// TestCrashingChild is no test: it is the process that TestKilledProcesses kills.
func TestCrashingChild(t *testing.T) {
	dir := os.Getenv("KILN_CRASH_DIR")
	if dir == "" {
		t.Skip("only run by TestNothingAcknowledgedIsLostWhenTheProcessIsKilled")
	}
	s, err := Open(dir, Options{Parameters: testParameters(), CacheSize: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	acks := func(a ack) {
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(a); err != nil {
			os.Exit(3) // nobody hears any more
		}
	}
	if os.Getenv("KILN_CRASH_REINDEX") != "" {
		go func() { _ = reindexAgainAndAgain(t.Context(), s, acks) }()
	}
	err = writeAll(t.Context(), s, uint64(time.Now().UnixNano()), acks)
	t.Fatal(err)
}

func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	const roundsInOneFolder = 10
	var dir string
	var acks []ack
	for round := range *crashes {
		if round%roundsInOneFolder == 0 {
			dir, acks = t.TempDir(), nil
		}
		acks = append(acks, killed(t, dir, time.Duration(50+rand.IntN(400))*time.Millisecond)...)
		s, err := Open(dir, Options{Parameters: testParameters(), CacheSize: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		holdsWhatWasAcknowledged(t, s, acks)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
		if round%3 == 2 { // at times the next process finds what this one wrote, unflushed
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		} else if err := s.shut(); err != nil {
			t.Fatal(err)
		}
	}
}

// killed starts a process that writes and kills it some time after its first commit.
func killed(t *testing.T, dir string, after time.Duration, environment ...string) []ack {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashingChild$") //nolint:gosec // this test itself
	child.Env = append(append(os.Environ(), "KILN_CRASH_DIR="+dir), environment...)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var acks []ack
	var timer *time.Timer
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if timer == nil {
			timer = time.AfterFunc(after, func() { _ = child.Process.Kill() })
		}
		var a ack
		if json.Unmarshal(lines.Bytes(), &a) == nil { // the last line may be cut
			acks = append(acks, a)
		}
	}
	if err := child.Wait(); child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the process ended by itself: %v", err)
	}
	return acks
}

// holdsWhatWasAcknowledged holds a store that was opened after a crash against what writers know.
func holdsWhatWasAcknowledged(t *testing.T, s *Store, acks []ack) {
	t.Helper()
	made := transactionsIn(t, s)
	for name, m := range made {
		if m.found != m.size {
			t.Errorf("%d of the %d resources of transaction %s are there", m.found, m.size, name)
		}
	}
	for _, a := range acks {
		switch {
		case a.Transaction != "":
			if made[a.Transaction].size != a.Size {
				t.Errorf("the acknowledged transaction %s is not there", a.Transaction)
			}
			if value, err := s.Guard(t.Context(), a.Guard); err != nil || value < a.Value {
				t.Errorf("the guard %s is %d, %v; it was %d", a.Guard, value, err, a.Value)
			}
		case a.Deleted != "":
			v, err := s.ReadVersion(t.Context(), store.Key{Type: "Basic", ID: a.Deleted}, a.Version)
			if err != nil || !v.Deleted() {
				t.Errorf("the deletion %d of %s is not there: %v", a.Version, a.Deleted, err)
			}
		case a.Record != "":
			if r, err := s.Records("crash").Get(t.Context(), a.Record); err != nil || r.Revision < a.Revision {
				t.Errorf("the record %s is at %d, %v; it was at %d", a.Record, r.Revision, err, a.Revision)
			}
		}
	}
	isClean(t, s)
}

func isClean(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Check(t.Context(), func(p Problem) { t.Errorf("%v", p) }); err != nil {
		t.Fatal(err)
	}
}

type madeTransaction struct{ size, found int }

// transactionsIn counts the versions that each transaction left in the feed, and the resources that
// are found by their current one.
func transactionsIn(t *testing.T, s *Store) map[string]madeTransaction {
	t.Helper()
	made := map[string]madeTransaction{}
	current := map[string]int{}
	feed, err := s.Changes(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	for range s.counters.position {
		event, err := feed.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if event.Version.Deleted() {
			continue
		}
		doc, err := resources.Parse(event.Version.Body)
		if err != nil {
			t.Fatal(err)
		}
		name := doc.Text(doc.At(doc.Item(doc.At(0, "identifier"), 0), "value"))
		m := made[name]
		m.found++
		if _, err := fmt.Sscan(doc.Text(doc.At(0, "code", "text")), &m.size); err != nil {
			t.Fatal(err)
		}
		made[name] = m
		if v, err := s.Read(t.Context(), event.Version.Key); err == nil && v.VersionID == event.Version.VersionID {
			current[name]++
		}
	}
	for name, count := range current {
		query := benchQuery(t, "Basic", "identifier=urn:crash|"+name)
		query.Total = search.TotalAccurate
		if n, err := s.Count(t.Context(), query); err != nil || int(n) != count {
			t.Errorf("%d resources are found by transaction %s (%v), and %d hold it", n, name, err, count)
		}
	}
	return made
}
