// Package memory is the reference engine, behind `--store memory:`. It is made to be obviously
// right rather than quick: tests compare the other engines with it, and people try Kiln with it.
// Nothing of it outlives the process.
//
// All there is hangs on one immutable [state], which a commit replaces by its successor. The trees
// in it are copied on write, so a state costs what differs from the one before, a snapshot costs
// nothing, and readers never wait. No version is ever dropped: the state as of any earlier position
// of the feed is a [view] of the newest one, and that is how later pages of a search show what the
// first one saw. A search looks at every resource of its types with search.Match.
//
//	s := memory.New(memory.Options{Parameters: parameters})
//	versions, err := s.Commit(ctx, store.Transaction{Changes: changes})
package memory

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"kiln/search"
	"kiln/store"
)

// Options are the settings of the engine.
type Options struct {
	Now        func() time.Time   // time.Now if nil
	Parameters *search.Parameters // those that entries and queries are made with; without them no resource can be committed
	Shared     bool               // what Store.Shared says: for tests of what several processes do with one store
}

// EnsureDefaults fills in what was left out.
func (o *Options) EnsureDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Store is the engine. It implements store.Store.
type Store struct {
	reader
	options   Options
	writing   sync.Mutex // held by whoever derives a state from the newest
	newest    atomic.Pointer[state]
	closed    chan struct{}
	previewed atomic.Uint64 // number of previews made
}

var _ store.Store = (*Store)(nil)

// New makes an empty store.
func New(options Options) *Store {
	options.EnsureDefaults()
	s := &Store{options: options, closed: make(chan struct{})}
	s.newest.Store(newState())
	s.reader = reader{view: s.open, parameters: options.Parameters}
	return s
}

// open gives the newest state.
func (s *Store) open() (view, error) {
	if s.isClosed() {
		return view{}, store.ErrClosed
	}
	newest := s.newest.Load()
	return view{state: newest, at: newest.position}, nil
}

func (s *Store) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// Close implements store.Store. What was stored is gone.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if !s.isClosed() {
		close(s.closed)
		s.newest.Store(newState())
	}
	return nil
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, tx store.Transaction) ([]store.Version, error) {
	var versions []store.Version
	err := s.replace(ctx, func(next *state) (err error) {
		versions, err = next.apply(tx, s.options)
		return err
	})
	if err != nil {
		return nil, err
	}
	return versions, nil
}

// replace publishes the newest state as changed by a function, unless that fails.
func (s *Store) replace(ctx context.Context, change func(*state) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	newest, next, err := s.derive(ctx)
	if err != nil {
		return err
	}
	if err := change(next); err != nil {
		return err
	}
	s.newest.Store(next)
	close(newest.superseded)
	return nil
}

// derive gives the newest state and a copy to change. The caller holds the lock.
func (s *Store) derive(ctx context.Context) (newest, next *state, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if s.isClosed() {
		return nil, nil, store.ErrClosed
	}
	newest = s.newest.Load()
	return newest, newest.clone(), nil
}

// Preview implements store.Store.
func (s *Store) Preview(ctx context.Context, tx store.Transaction) (store.Snapshot, error) {
	s.writing.Lock()
	_, next, err := s.derive(ctx)
	s.writing.Unlock()
	if err != nil {
		return nil, err
	}
	if _, err := next.apply(tx, s.options); err != nil {
		return nil, err
	}
	return s.snapshot(view{state: next, at: next.position, preview: s.previewed.Add(1)}), nil
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context) (store.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, err := s.open()
	if err != nil {
		return nil, err
	}
	return s.snapshot(v), nil
}

// snapshot is a reader of one view.
type snapshot struct {
	reader
	closed atomic.Bool
}

func (s *Store) snapshot(v view) *snapshot {
	snap := &snapshot{}
	snap.reader.parameters = s.options.Parameters
	snap.reader.view = func() (view, error) {
		if snap.closed.Load() || s.isClosed() {
			return view{}, store.ErrClosed
		}
		return v, nil
	}
	return snap
}

// Close implements store.Snapshot.
func (s *snapshot) Close() error {
	s.closed.Store(true)
	return nil
}
