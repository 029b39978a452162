package pebble

import (
	"context"
	"encoding/binary"
	"io"
	"sync"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// Changes implements store.Store. The feed gives what is on disk and nothing else.
func (s *Store) Changes(ctx context.Context, after store.Position) (store.Feed, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	return &feed{store: s, last: uint64(after), closed: make(chan struct{})}, nil
}

// feedBatch is how many changes are read at once.
const feedBatch = 32

type feed struct {
	store  *Store
	last   uint64 // position of the last change given or in pending
	events []store.Event
	once   sync.Once
	closed chan struct{}
}

// Next implements store.Feed.
func (f *feed) Next(ctx context.Context) (store.Event, error) {
	for {
		if f.ended() {
			return store.Event{}, io.EOF
		}
		if err := ctx.Err(); err != nil {
			return store.Event{}, err
		}
		if len(f.events) > 0 {
			event := f.events[0]
			f.events = f.events[1:]
			return event, nil
		}
		more := f.store.durable.watch()
		if err := f.fill(ctx); err != nil {
			return store.Event{}, err
		}
		if len(f.events) > 0 {
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
		case <-f.store.done:
		case <-f.closed:
		}
	}
}

func (f *feed) ended() bool {
	select {
	case <-f.store.done:
		return true
	case <-f.closed:
		return true
	default:
		return false
	}
}

// fill reads the next changes that are on disk.
func (f *feed) fill(ctx context.Context) error {
	s := f.store
	if err := s.enter(ctx); err != nil {
		if f.ended() {
			return nil
		}
		return err
	}
	defer s.leave()
	end := s.durable.position.Load()
	if f.last >= end {
		return nil
	}
	it, err := s.db.NewIter(&lsm.IterOptions{LowerBound: feedKey(nil, f.last+1), UpperBound: feedKey(nil, end+1)})
	if err != nil {
		return err
	}
	defer it.Close()
	events := make([]store.Event, 0, feedBatch)
	last := f.last
	for ok := it.First(); ok && len(events) < feedBatch; ok = it.Next() {
		p, err := readPlace(it.Value())
		if err != nil {
			return err
		}
		version, err := s.getVersion(s.db, p.document, p.version)
		if err != nil {
			return err
		}
		last = binary.BigEndian.Uint64(it.Key()[1:])
		events = append(events, store.Event{Position: store.Position(last), Version: version})
	}
	if err := it.Error(); err != nil {
		return err
	}
	f.events, f.last = events, last
	return nil
}

// Close implements store.Feed.
func (f *feed) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}
