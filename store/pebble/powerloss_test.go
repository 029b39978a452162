package pebble

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kiln/store"
)

const memoryDir = "store"

// openIn opens a store in a file system of the test.
func openIn(t *testing.T, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open(memoryDir, Options{
		Parameters: testParameters(), CacheSize: 1 << 20, Logger: slog.New(slog.DiscardHandler), fs: fs,
		fatal: func(string) { runtime.Goexit() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNothingAcknowledgedIsLostWhenThePowerFails(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		memory := vfs.NewCrashableMem()
		for range 3 { // it fails again after each recovery
			memory = powerFails(t, memory, round)
		}
	}
}

// powerFails writes for a while and gives what is on the disk when the power goes.
func powerFails(t *testing.T, memory *vfs.MemFS, round int) *vfs.MemFS {
	t.Helper()
	s := openIn(t, memory)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var acks []ack
	written := make(chan struct{})
	go func() {
		defer close(written)
		_ = writeAll(ctx, s, rand.Uint64(), func(a ack) {
			mu.Lock()
			defer mu.Unlock()
			acks = append(acks, a)
		})
	}()
	time.Sleep(time.Duration(20+rand.IntN(60)) * time.Millisecond)
	mu.Lock()
	known := slices.Clone(acks)
	mu.Unlock()
	lost := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 30, 70, 100}[round%4], RNG: rand.New(rand.NewPCG(uint64(round), 1))}
	left := memory.CrashClone(lost)
	stop()
	<-written
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openIn(t, left)
	holdsWhatWasAcknowledged(t, again, known)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	return left
}

// slowDisk lets no fsync of the log end while it is held.
type slowDisk struct {
	held    atomic.Bool
	release chan struct{}
	syncs   chan struct{}
}

func (d *slowDisk) String() string { return "slow disk" }

func (d *slowDisk) MaybeError(op errorfs.Op) error {
	isSync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
	if isSync && strings.HasSuffix(op.Path, ".log") && d.held.Load() {
		select {
		case d.syncs <- struct{}{}:
		default:
		}
		<-d.release
	}
	return nil
}

func TestNobodySeesWhatIsNotOnDisk(t *testing.T) {
	disk := &slowDisk{release: make(chan struct{}), syncs: make(chan struct{}, 1)}
	memory := vfs.NewCrashableMem()
	s := openIn(t, errorfs.Wrap(memory, disk))
	ctx := t.Context()
	old := benchChange("a", `{"resourceType":"Basic","id":"a","code":{"text":"old"}}`)
	if _, err := s.Commit(ctx, store.Transaction{Changes: []store.Change{old}}); err != nil {
		t.Fatal(err)
	}
	feed, err := s.Changes(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	disk.held.Store(true)
	committed := make(chan error, 1)
	go func() {
		next := benchChange("a", `{"resourceType":"Basic","id":"a","code":{"text":"next"}}`)
		_, err := s.Commit(ctx, store.Transaction{Changes: []store.Change{next}, Guards: []store.Guard{{Key: "g"}}})
		committed <- err
	}()
	<-disk.syncs
	key := store.Key{Type: "Basic", ID: "a"}
	readers := map[string]func(context.Context) error{
		"Read": func(ctx context.Context) error { _, err := s.Read(ctx, key); return err },
		"Search": func(ctx context.Context) error {
			_, err := s.Search(ctx, benchQuery(t, "Basic", "_id=a"), nil)
			return err
		},
		"Count": func(ctx context.Context) error { _, err := s.Count(ctx, benchQuery(t, "Basic", "_id=a")); return err },
		"History": func(ctx context.Context) error {
			_, err := s.History(ctx, store.HistoryQuery{Count: 10})
			return err
		},
		"Snapshot": func(ctx context.Context) error { _, err := s.Snapshot(ctx); return err },
		"Guard":    func(ctx context.Context) error { _, err := s.Guard(ctx, "g"); return err },
		"Changes":  func(ctx context.Context) error { _, err := feed.Next(ctx); return err },
		"a refused Commit": func(ctx context.Context) error {
			c := old
			c.If = store.Precondition{Kind: store.IfVersion, Version: 1}
			_, err := s.Commit(ctx, store.Transaction{Changes: []store.Change{c}})
			return err
		},
	}
	for name, read := range readers {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		if err := read(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s does not wait for the disk: %v", name, err)
		}
		cancel()
	}
	if v, err := s.ReadVersion(ctx, store.Key{Type: "Basic", ID: "b"}, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what nobody writes is read as %v, %v", v, err)
	}
	close(disk.release)
	if err := <-committed; err != nil {
		t.Fatal(err)
	}
	for name, read := range readers {
		err := read(ctx)
		if conflict := (*store.ConflictError)(nil); errors.As(err, &conflict) != (name == "a refused Commit") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// brokenDisk fails writes to the log.
type brokenDisk struct{ broken atomic.Bool }

func (d *brokenDisk) String() string { return "broken disk" }

func (d *brokenDisk) MaybeError(op errorfs.Op) error {
	if d.broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasSuffix(op.Path, ".log") {
		return errorfs.ErrInjected
	}
	return nil
}

func TestACommitThatTheDiskRefusesFailsAndSoDoLaterOnes(t *testing.T) {
	disk := &brokenDisk{}
	memory := vfs.NewCrashableMem()
	s := openIn(t, errorfs.Wrap(memory, disk))
	commit := func(id string) error {
		c := benchChange(id, `{"resourceType":"Basic","id":"`+id+`","code":{"text":"x"}}`)
		_, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{c}})
		return err
	}
	if err := commit("kept"); err != nil {
		t.Fatal(err)
	}
	disk.broken.Store(true)
	if err := commit("refused"); err == nil {
		t.Fatal("the commit was acknowledged")
	}
	disk.broken.Store(false)
	if err := commit("later"); err == nil {
		t.Fatal("a commit after a failure was acknowledged")
	}
	if _, err := s.Records("b").Put(t.Context(), "k", nil, time.Time{}, store.AnyRevision); err == nil {
		t.Fatal("a record after a failure was acknowledged")
	}
	if v, err := s.Read(t.Context(), store.Key{Type: "Basic", ID: "kept"}); err != nil {
		t.Fatal(v, err)
	}
	_ = s.Close()
	again := openIn(t, memory.CrashClone(vfs.CrashCloneCfg{}))
	defer again.Close()
	if _, err := again.Read(t.Context(), store.Key{Type: "Basic", ID: "kept"}); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Read(t.Context(), store.Key{Type: "Basic", ID: "refused"}); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("the refused commit reads as %v", err)
	}
	isClean(t, again)
}
