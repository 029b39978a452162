package mongodb

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"kiln/store"
)

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, tx store.Transaction) ([]store.Version, error) {
	made, err := s.commit(ctx, tx)
	return made.versions, err
}

// request is a transaction that waits to land.
type request struct {
	tx      store.Transaction
	claimed atomic.Bool // by the landing, or by an ended context
	done    chan struct{}
	made    outcome
	err     error
}

// landing is where the transactions of a process wait for the one before.
type landing struct {
	mu      sync.Mutex
	waiting []*request
	running bool
}

// How many transactions and changes land together at most, and how long a landing may take: as long as a
// transaction of the database does.
const (
	maxTogether        = 64
	maxChangesTogether = 1000
	maxLanding         = time.Minute
)

// commit waits until the transaction has landed, with others that wait.
func (s *Store) commit(ctx context.Context, tx store.Transaction) (outcome, error) {
	if err := s.enter(ctx); err != nil {
		return outcome{}, err
	}
	defer s.leave()
	r := &request{tx: tx, done: make(chan struct{})}
	s.landing.mu.Lock()
	s.landing.waiting = append(s.landing.waiting, r)
	if !s.landing.running {
		s.landing.running = true
		s.calls.Add(1)
		go s.landAll()
	}
	s.landing.mu.Unlock()
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.claimed.CompareAndSwap(false, true) {
			return outcome{}, ctx.Err()
		}
		<-r.done
	}
	return r.made, r.err
}

// landAll lands what waits until nothing does.
func (s *Store) landAll() {
	defer s.leave()
	for {
		group := s.landing.next()
		if group == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), maxLanding)
		s.landTogether(ctx, group)
		cancel()
	}
}

// next takes the transactions that land together, none when nothing waits: then the landing has ended.
func (l *landing) next() (group []*request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for changes := 0; len(l.waiting) > 0 && len(group) < maxTogether; {
		r := l.waiting[0]
		n := len(r.tx.Changes)
		if len(group) > 0 && changes+n > maxChangesTogether {
			break
		}
		l.waiting = l.waiting[1:]
		if r.claimed.CompareAndSwap(false, true) {
			group = append(group, r)
			changes += n
		}
	}
	l.running = len(group) > 0
	return group
}

// landTogether lands transactions and tells each what came of it. Those that are too large together land one by
// one.
func (s *Store) landTogether(ctx context.Context, group []*request) {
	err := s.land(ctx, group)
	if err != nil && len(group) > 1 {
		for i := range group {
			s.landTogether(ctx, group[i:i+1])
		}
		return
	}
	s.lookout.ring()
	for _, r := range group {
		if err != nil {
			r.made, r.err = outcome{}, err
		}
		close(r.done)
	}
}

// land lands transactions together, or none of them. The error is that of the database; those of the transactions are
// in them.
func (s *Store) land(ctx context.Context, group []*request) error {
	if !s.streams {
		return s.landOrdered(ctx, group)
	}
	for {
		h, err := s.readHead(ctx)
		if err != nil {
			return err
		}
		i, err := s.judgeGroup(ctx, h, group)
		if err != nil || i == nil {
			return err
		}
		if landed, err := s.landInTransaction(ctx, i); landed || err != nil {
			return err
		}
	}
}

// judgeGroup judges transactions one after the other on a state, and gives what their landing is to do, nil
// for nothing.
func (s *Store) judgeGroup(ctx context.Context, h head, group []*request) (*intent, error) {
	txs := make([]store.Transaction, len(group))
	for i, r := range group {
		txs[i] = r.tx
	}
	j, err := s.judgementOn(ctx, h, txs)
	if err != nil {
		return nil, err
	}
	for _, r := range group {
		r.made, r.err = j.judge(ctx, r.tx)
	}
	return j.intent(), nil
}

// judge judges a transaction on the newest state and gives what it would do.
func (s *Store) judge(ctx context.Context, tx store.Transaction) (*view, error) {
	for {
		h, err := s.readHead(ctx)
		if err != nil {
			return nil, err
		}
		j, err := s.judgementOn(ctx, h, []store.Transaction{tx})
		if err != nil {
			return nil, err
		}
		after, err := s.readHead(ctx)
		if err != nil {
			return nil, err
		}
		if after.Turn != h.Turn {
			continue // what it was judged by is not of one state
		}
		_, err = j.judge(ctx, tx)
		return j.preview(), err
	}
}
