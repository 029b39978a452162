package lease

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiln/store"
	"kiln/store/memory"
)

const term = 80 * time.Millisecond

func acquire(t *testing.T, s store.Store) *Lease {
	t.Helper()
	l, err := Acquire(t.Context(), s, "work", Options{Term: term})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestOneHolderAtATime lets several work under one lease, a step at a time; each step is fenced.
func TestOneHolderAtATime(t *testing.T) {
	s := memory.New(memory.Options{Shared: true})
	defer s.Close()
	var holding, most, steps atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 3 {
				l, err := Acquire(t.Context(), s, "work", Options{Term: term})
				if err != nil {
					t.Error(err)
					return
				}
				n := holding.Add(1)
				most.Store(max(most.Load(), n))
				if _, err := s.Commit(t.Context(), store.Transaction{Expects: []store.Guard{l.Fence()}}); err != nil {
					t.Error(err)
				}
				steps.Add(1)
				holding.Add(-1)
				if err := l.Release(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if most.Load() != 1 || steps.Load() != 24 {
		t.Errorf("%d held it at once and did %d steps; expected 1 and 24", most.Load(), steps.Load())
	}
}

// stuck is a store that answers to no write of a record while it is stuck, whatever becomes of the context.
type stuck struct {
	store.Store
	free chan struct{} // closed when it is not any more
	now  atomic.Bool
}

func (s *stuck) Records(bucket string) store.Records { return stuckRecords{s.Store.Records(bucket), s} }

type stuckRecords struct {
	store.Records
	store *stuck
}

func (r stuckRecords) Put(ctx context.Context, key string, value []byte, expires time.Time, revision uint64) (store.Record, error) {
	if r.store.now.Load() {
		<-r.store.free
	}
	return r.Records.Put(ctx, key, value, expires, revision)
}

// TestLostWhileTheStoreSaysNothing: a commit that is landing does not look at its context, and the holder must know all the
// same before another takes over.
func TestLostWhileTheStoreSaysNothing(t *testing.T) {
	s := &stuck{Store: memory.New(memory.Options{Shared: true}), free: make(chan struct{})}
	defer s.Close()
	l := acquire(t, s)
	s.now.Store(true)
	select {
	case <-l.Lost():
	case <-time.After(time.Minute):
		t.Error("a holder that shows nothing for long does not know that it has lost the lease")
	}
	close(s.free)
	if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLeaseMovesWhenItsHolderIsSilent: a holder whose process died says nothing any more, and what it says
// later is refused.
func TestLeaseMovesWhenItsHolderIsSilent(t *testing.T) {
	s := memory.New(memory.Options{Shared: true})
	defer s.Close()
	dead := acquire(t, s)
	dead.stop()
	dead.ended.Wait()
	started := time.Now()
	l := acquire(t, s)
	if waited := time.Since(started); waited < term {
		t.Errorf("the lease moved after %s, before its term of %s was over", waited, term)
	}
	_, err := s.Commit(t.Context(), store.Transaction{Expects: []store.Guard{dead.Fence()}})
	conflict := &store.ConflictError{}
	if !errors.As(err, &conflict) || conflict.Kind != store.KindGuard {
		t.Errorf("a commit of the former holder: %v; expected a conflict of the guard", err)
	}
	if _, err := s.Commit(t.Context(), store.Transaction{Expects: []store.Guard{l.Fence()}}); err != nil {
		t.Error(err)
	}
	if err := dead.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Records(bucket).Get(t.Context(), "work"); err != nil {
		t.Errorf("the former holder gave up what it did not hold: %v", err)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLeaseStaysWithAHolderThatLives(t *testing.T) {
	s := memory.New(memory.Options{Shared: true})
	defer s.Close()
	l := acquire(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 4*term)
	defer cancel()
	if _, err := Acquire(ctx, s, "work", Options{Term: term}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a lease that is held: %v; expected to wait until the end", err)
	}
	select {
	case <-l.Lost():
		t.Error("a holder that lives lost its lease")
	default:
	}
	if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
	again := acquire(t, s)
	if again.Fence().Seen != l.Fence().Seen+1 {
		t.Errorf("the fence is %d after %d", again.Fence().Seen, l.Fence().Seen)
	}
	if err := again.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestALostLeaseIsTold(t *testing.T) {
	s := memory.New(memory.Options{Shared: true})
	defer s.Close()
	l := acquire(t, s)
	if err := s.Records(bucket).Delete(t.Context(), "work", store.AnyRevision); err != nil {
		t.Fatal(err)
	}
	<-l.Lost()
	if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
}
