package pebble

import (
	"context"
	"io"
	"sync"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// source is where keys are read from: the database, a snapshot of it, or a preview.
type source interface {
	Get(key []byte) ([]byte, io.Closer, error)
	NewIter(o *lsm.IterOptions) (*lsm.Iterator, error)
}

// reader implements store.Reader, over the newest state or a frozen one.
type reader struct {
	store *Store
	at    *frozen // nil for the newest state
}

// frozen is one committed state, or what a transaction would make of it.
type frozen struct {
	source
	preview uint64 // number of the preview; 0 for a committed state

	mu     sync.RWMutex // held for reading while in use
	closed bool
	end    []io.Closer
}

// release ends the state; the caller holds no lock.
func (f *frozen) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	for _, c := range f.end {
		_ = c.Close()
	}
}

// view is the state that one call reads.
type view struct {
	source  // nil where an execution holds the state
	store   *Store
	preview uint64
	leave   func()
	fresh   bool // the newest state, so that some of it may not be on disk yet
}

// enter begins a call. What it returns without error must be left.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.gate.RLock()
	if s.closed {
		s.gate.RUnlock()
		return store.ErrClosed
	}
	return nil
}

func (s *Store) leave() { s.gate.RUnlock() }

// open begins a call that reads one state with several keys.
func (r reader) open(ctx context.Context) (*view, error) {
	s := r.store
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	if r.at == nil {
		snapshot := s.db.NewSnapshot()
		return &view{source: snapshot, store: s, fresh: true, leave: func() {
			_ = snapshot.Close()
			s.leave()
		}}, nil
	}
	r.at.mu.RLock()
	if r.at.closed {
		r.at.mu.RUnlock()
		s.leave()
		return nil, store.ErrClosed
	}
	return &view{source: r.at.source, store: s, preview: r.at.preview, leave: func() {
		r.at.mu.RUnlock()
		s.leave()
	}}, nil
}

// glance begins a call that reads one state through the iterators of one execution, which then hold
// the state themselves: a snapshot would cost a look at what to compact when it is closed.
func (r reader) glance(ctx context.Context) (*view, error) {
	if r.at != nil {
		return r.open(ctx)
	}
	if err := r.store.enter(ctx); err != nil {
		return nil, err
	}
	return &view{store: r.store, fresh: true, leave: r.store.leave}, nil
}

// settle waits until what the view shows is on disk.
func (v *view) settle(ctx context.Context) error {
	if !v.fresh {
		return nil
	}
	return v.store.settle(ctx)
}

// snapshot is a reader of a frozen state.
type snapshot struct{ reader }

// Close implements store.Snapshot.
func (s *snapshot) Close() error {
	s.at.release()
	s.store.views.Lock()
	delete(s.store.frozen, s.at)
	s.store.views.Unlock()
	return nil
}

// keep makes a reader of a frozen state, which ends with the store at the latest.
func (s *Store) keep(f *frozen) *snapshot {
	s.views.Lock()
	s.frozen[f] = struct{}{}
	s.views.Unlock()
	return &snapshot{reader{s, f}}
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context) (store.Snapshot, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	taken := s.db.NewSnapshot()
	if err := s.settle(ctx); err != nil {
		_ = taken.Close()
		return nil, err
	}
	return s.keep(&frozen{source: taken, end: []io.Closer{taken}}), nil
}
