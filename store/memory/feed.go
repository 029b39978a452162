package memory

import (
	"context"

	"github.com/RaduBerinde/btreemap"

	"kiln/store"
)

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, after store.Position) (store.Feed, error) {
	if _, err := s.reader.open(ctx); err != nil {
		return nil, err
	}
	fill := func(context.Context) (events []store.Event, _ error) {
		for position, v := range s.newest.Load().feed.Ascend(btreemap.GT(after), btreemap.Max[store.Position]()) {
			if len(events) == feedBatch {
				break
			}
			events, after = append(events, store.Event{Position: position, Version: v.Version}), position
		}
		return events, nil
	}
	return store.NewTail(fill, func() <-chan struct{} { return s.newest.Load().superseded }, s.closed), nil
}

// feedBatch is how many changes are taken at once.
const feedBatch = 32
