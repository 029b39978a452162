package mongodb

import (
	"context"
	"fmt"
	"time"
)

// headName is the document in the collection kiln that tells what is committed.
const headName = "head"

func (s *Store) readHead(ctx context.Context) (h head, err error) {
	if err := s.db.Collection(kilnCollection).FindOne(ctx, byID(headName)).Decode(&h); err != nil {
		return h, fmt.Errorf("reading how far the store is: %w", told(ctx, err))
	}
	return h, nil
}

// now is the view of the newest committed state. After a failover the former primary may answer for a
// moment; what it says is older than what this process has seen, and is not taken.
func (s *Store) now(ctx context.Context) (*view, error) {
	for {
		seen := s.newestTurn.Load()
		h, err := s.readHead(ctx)
		if err != nil {
			return nil, err
		}
		if h.Turn >= seen {
			s.saw(h.Turn)
			return &view{store: s, at: h.Position, turn: h.Turn, shown: shownAt(ctx)}, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// saw keeps the newest turn.
func (s *Store) saw(turn int64) {
	for {
		seen := s.newestTurn.Load()
		if turn <= seen || s.newestTurn.CompareAndSwap(seen, turn) {
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
