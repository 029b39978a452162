package pebble

import (
	"context"
	"sync"
	"sync/atomic"

	"kiln/store"
)

// durable tells how far the log is on disk. A commit is applied, and so visible to the engine,
// before its fsync ends; a reader who has seen it waits here until it can no longer vanish, so that
// nothing is ever read, fed or refused by that a crash could take back. Commits are numbered by
// tickets in the order in which they are applied; that is the order of the log.
type durable struct {
	applied  atomic.Uint64 // ticket of the last commit applied, or about to be
	ticket   atomic.Uint64 // of the last commit on disk
	position atomic.Uint64 // of the last version on disk

	mu      sync.Mutex
	changed chan struct{} // closed when more is on disk
}

func (d *durable) start(position uint64) {
	d.position.Store(position)
	d.changed = make(chan struct{})
}

// advance notes that a commit, and with it all before it, is on disk.
func (d *durable) advance(ticket, position uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ticket <= d.ticket.Load() {
		return
	}
	d.position.Store(position)
	d.ticket.Store(ticket)
	close(d.changed)
	d.changed = make(chan struct{})
}

// wake lets those who wait look again.
func (d *durable) wake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.changed)
	d.changed = make(chan struct{})
}

// watch is closed when more is on disk than at the time of the call.
func (d *durable) watch() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// settle waits until all that is visible at the time of the call is on disk.
func (s *Store) settle(ctx context.Context) error {
	return s.await(ctx, &s.durable.ticket, s.durable.applied.Load())
}

// await waits until a mark of the log has reached a value.
func (s *Store) await(ctx context.Context, mark *atomic.Uint64, value uint64) error {
	for mark.Load() < value {
		changed := s.durable.watch()
		if mark.Load() >= value {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return store.ErrClosed
		}
		if err := s.failure(); err != nil {
			return err
		}
	}
	return nil
}
