package memory

import (
	"context"
	"io"
	"sync"

	"github.com/RaduBerinde/btreemap"

	"kiln/store"
)

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, after store.Position) (store.Feed, error) {
	if _, err := s.reader.open(ctx); err != nil {
		return nil, err
	}
	return &feed{store: s, after: after, closed: make(chan struct{})}, nil
}

type feed struct {
	store  *Store
	after  store.Position
	once   sync.Once
	closed chan struct{}
}

// Next implements store.Feed.
func (f *feed) Next(ctx context.Context) (store.Event, error) {
	for {
		select {
		case <-f.store.closed:
			return store.Event{}, io.EOF
		case <-f.closed:
			return store.Event{}, io.EOF
		default:
		}
		if err := ctx.Err(); err != nil {
			return store.Event{}, err
		}
		newest := f.store.newest.Load()
		for position, v := range newest.feed.Ascend(btreemap.GT(f.after), btreemap.Max[store.Position]()) {
			f.after = position
			return store.Event{Position: position, Version: v.Version}, nil
		}
		select {
		case <-newest.superseded:
		case <-ctx.Done():
		case <-f.store.closed:
		case <-f.closed:
		}
	}
}

// Close implements store.Feed.
func (f *feed) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}
