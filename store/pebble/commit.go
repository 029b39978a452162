package pebble

import (
	"context"
	"fmt"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// maxBatch is how many bytes one commit may write.
const maxBatch = 2 << 30

// Commit implements store.Store. Transactions are judged and applied one at a time; their fsyncs are
// shared by all that wait.
func (s *Store) Commit(ctx context.Context, tx store.Transaction) ([]store.Version, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := s.failure(); err != nil {
		return nil, err
	}
	changes, err := s.prepare(ctx, tx)
	if err != nil {
		return nil, err
	}
	defer release(changes)
	var l *landing
	err = s.write(ctx, func() (*landing, error) {
		l = s.newLanding(s.db.NewBatch())
		return l, l.apply(tx, changes)
	})
	if err != nil {
		return nil, err
	}
	return l.versions, nil
}

// failure is why nothing can be written any more.
func (s *Store) failure() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *Store) fail(err error) error {
	err = fmt.Errorf("the storage engine failed; restart the server: %w", err)
	if s.failed.CompareAndSwap(nil, &err) {
		s.options.Logger.Error("the storage engine cannot write any more", "error", err)
		s.durable.wake()
	}
	return *s.failed.Load()
}

// write lands a batch: judge builds it while nothing else is judged. It returns when the batch is on
// disk, or was refused by what is on disk.
func (s *Store) write(ctx context.Context, judge func() (*landing, error)) error {
	l, err := s.applyNext(ctx, judge)
	if err != nil {
		if l != nil {
			_ = l.batch.Close()
		}
		if failed := s.failure(); failed != nil {
			return failed
		}
		if settled := s.settle(ctx); settled != nil {
			return settled
		}
		return err
	}
	if l.ticket == 0 {
		_ = l.batch.Close() // there was nothing to write
		return s.settle(ctx)
	}
	l.writeBodies() // while the disk is at work
	if err := l.batch.SyncWait(); err != nil {
		return s.fail(err)
	}
	s.durable.advance(l.ticket, l.position)
	_ = l.batch.Close()
	return nil
}

// applyNext judges and applies one batch under the lock.
func (s *Store) applyNext(ctx context.Context, judge func() (*landing, error)) (l *landing, err error) {
	s.landing.Lock()
	defer s.landing.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.failure(); err != nil {
		return nil, err
	}
	l, err = judge()
	if err != nil || l.batch.Empty() {
		return l, err
	}
	if l.batch.Len() > maxBatch {
		return l, &store.LimitError{Bytes: int64(l.batch.Len()), Most: maxBatch}
	}
	if s.options.Trace != nil {
		s.options.Trace(l.batch.Repr())
	}
	l.ticket = s.durable.applied.Load() + 1
	s.durable.applied.Store(l.ticket)
	if err := s.applyBatch(l.batch); err != nil {
		return nil, s.fail(err)
	}
	s.counters = l.counters
	for typ, more := range l.more {
		s.counters.live[typ] += more
	}
	return l, nil
}

// applyBatch makes a batch visible and asks for its fsync. Pebble panics where its log is broken.
func (s *Store) applyBatch(batch *lsm.Batch) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return s.db.ApplyNoSyncWait(batch, lsm.Sync)
}

// Preview implements store.Store.
func (s *Store) Preview(ctx context.Context, tx store.Transaction) (store.Snapshot, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := s.failure(); err != nil {
		return nil, err
	}
	changes, err := s.prepare(ctx, tx)
	if err != nil {
		return nil, err
	}
	f, err := s.previewed(ctx, tx, changes)
	release(changes)
	if settled := s.settle(ctx); settled != nil && err == nil {
		f.release()
		return nil, settled
	}
	if err != nil {
		return nil, err
	}
	return s.keep(f), nil
}

func (s *Store) previewed(ctx context.Context, tx store.Transaction, changes []prepared) (*frozen, error) {
	s.landing.Lock()
	defer s.landing.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l := s.newLanding(s.db.NewIndexedBatch())
	if err := l.apply(tx, changes); err != nil {
		_ = l.batch.Close()
		return nil, err
	}
	return s.overlay(l.batch)
}
