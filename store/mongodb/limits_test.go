package mongodb

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"kiln/store"
	"kiln/store/storetest"
)

func TestLimits(t *testing.T) {
	for _, test := range []struct {
		options Options
		want    store.Limits
	}{
		{Options{}, store.Limits{TransactionBytes: 64 << 20, TransactionTime: 50 * time.Second}},
		{Options{WithoutTransactions: true}, store.Limits{TransactionBytes: 15 << 20}},
		{Options{TransactionBytes: 1000}, store.Limits{TransactionBytes: 1000, TransactionTime: 50 * time.Second}},
		{Options{TransactionBytes: 1 << 40, WithoutTransactions: true}, store.Limits{TransactionBytes: 15 << 20}},
	} {
		test.options.EnsureDefaults()
		if got := (&Store{options: test.options}).Limits(); got != test.want {
			t.Errorf("%+v: %+v", test.want, got)
		}
	}
}

// nothingOf checks that guarded has not landed, and leaves nothing open.
func nothingOf(t *testing.T, r *replicaSet, s *Store) {
	t.Helper()
	r.failing(nil)
	value, err := s.Guard(t.Context(), "g")
	page, e := s.History(t.Context(), store.HistoryQuery{Count: 10})
	if value != 0 || err != nil || len(page.Versions) != 0 || e != nil {
		t.Errorf("the guard is %d, and there are %d versions, %v %v", value, len(page.Versions), err, e)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.transactions) != 0 {
		t.Errorf("%d transactions are left open", len(r.transactions))
	}
}

// TestServerEndsATransaction: the server's time for a transaction ends at each of its commands.
func TestServerEndsATransaction(t *testing.T) {
	for _, at := range []string{"find", "insert", "update", "commitTransaction"} {
		r := startReplicaSet(t)
		s := r.open(t)
		r.failing(func(c said) *failure {
			if _, err := c.body.LookupErr("autocommit"); err == nil && c.name == at {
				return &failure{code: lifetimeExceeded}
			}
			return nil
		})
		_, err := s.Commit(t.Context(), guarded())
		var limit *store.LimitError
		if !errors.As(err, &limit) || limit.Time != transactionTime || !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("ended at %s: %v", at, err)
		}
		if at == "commitTransaction" { // which the server has ended itself
			r.mu.Lock()
			clear(r.transactions)
			r.mu.Unlock()
		}
		nothingOf(t, r, s)
	}
}

// TestTransactionThatTakesLong: the engine's own time ends while the server has not answered.
func TestTransactionThatTakesLong(t *testing.T) {
	r := startReplicaSet(t)
	arrived := false
	s, err := Open(t.Context(), r.url(), Options{
		Now: storetest.NewClock().Now, Parameters: storetest.Parameters(), time: 50 * time.Millisecond,
		step: func(name string) error {
			if name == "write claims" && !arrived {
				arrived = true
				time.Sleep(60 * time.Millisecond) // not a measure: whatever comes next is too late
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	_, err = s.Commit(t.Context(), guarded())
	var limit *store.LimitError
	if !errors.As(err, &limit) || limit.Time != 50*time.Millisecond || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended with %v", err)
	}
	nothingOf(t, r, s)
}

// TestDocumentsOfServers: one document beyond what a server takes is refused before anything is written, though all
// together are within the bound.
func TestDocumentsOfServers(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	r.take()
	_, err := s.Commit(t.Context(), store.Transaction{Records: []store.RecordChange{{Bucket: "b", Key: "k", Value: make([]byte, maxWritten)}}})
	var limit *store.LimitError
	if !errors.As(err, &limit) || limit.Most != maxWritten || limit.Bytes <= maxWritten {
		t.Errorf("it ended with %v", err)
	}
	for _, c := range r.take() {
		if c.name == "insert" || c.name == "update" || c.name == "commitTransaction" {
			t.Errorf("it said %s", c.name)
		}
	}
}

// TestOutcomeThatStaysUnknown: the commit is not answered until the time of the landing ends.
func TestOutcomeThatStaysUnknown(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	times := 0
	r.failing(func(c said) *failure {
		if c.name != "commitTransaction" {
			return nil
		}
		if times++; times == 3 {
			cancel()
		}
		return &failure{code: steppedDown, labels: []string{"UnknownTransactionCommitResult"}}
	})
	c := &commit{ctx: t.Context(), done: make(chan struct{})}
	tx := guarded()
	c.tx = &tx
	s.land(ctx, []*commit{c})
	<-c.done
	if !errors.Is(c.err, store.ErrUnknown) {
		t.Errorf("it ended with %v", c.err)
	}
}

// TestServerThatForgetsEachTransaction: it is tried again for as long as a landing may take, and told as the end of that time.
func TestServerThatForgetsEachTransaction(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	times := 0
	r.failing(func(c said) *failure {
		if c.name != "insert" {
			return nil
		}
		if times++; times == 3 {
			cancel()
		}
		return &failure{code: noSuchTransaction, labels: []string{transientLabel}}
	})
	tx := guarded()
	c := &commit{ctx: t.Context(), tx: &tx, done: make(chan struct{})}
	s.land(ctx, []*commit{c})
	<-c.done
	if !errors.Is(c.err, context.DeadlineExceeded) && !errors.Is(c.err, context.Canceled) || times != 3 {
		t.Errorf("tried %d times, it ended with %v", times, c.err)
	}
	nothingOf(t, r, s)
	if err := failed(t.Context(), errMoved); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("what would be tried again is told as %v", err)
	}
}

// TestLimitsOfOneAmongMany: who lands together with one that is too large, lands.
func TestLimitsOfOneAmongMany(t *testing.T) {
	r := startReplicaSet(t)
	s, err := Open(t.Context(), r.url(), Options{Now: storetest.NewClock().Now, Parameters: storetest.Parameters(), TransactionBytes: 4000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var batch []*commit
	for i, size := range []int{1, 5000, 1} {
		batch = append(batch, &commit{ctx: t.Context(), done: make(chan struct{}), tx: &store.Transaction{
			Records: []store.RecordChange{{Bucket: "b", Key: fmt.Sprint(i), Value: make([]byte, size)}},
		}})
	}
	s.land(t.Context(), batch)
	if batch[0].err != nil || batch[2].err != nil || !errors.Is(batch[1].err, store.ErrTooLarge) {
		t.Errorf("they ended with %v, %v and %v", batch[0].err, batch[1].err, batch[2].err)
	}
}
