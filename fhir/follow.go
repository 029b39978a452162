package fhir

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"kiln/store"
)

// Several processes may share a store. Which search parameters are in use is then told by a guard, which moves with
// every change of them: what is written relies on the value that its index values were made with, and is
// made anew when another process has changed the set since. Searches look at the guard too, where
// a definition is there or something is refused; and all look at it again and again, so that none stays behind.
const definitionsGuard = "search-parameters"

// followEvery is how often a process looks for what others have changed.
const followEvery = time.Second

// behind reports whether an error says that the search parameters in use are no longer those of the store.
func behind(err error) bool {
	var c *store.ConflictError
	return errors.As(err, &c) && c.Kind == store.KindGuard && c.Claim == definitionsGuard
}

// rely makes the transaction land only where the search parameters are those that it was made with. The
// caller holds the epoch.
func (a *attempt) rely() {
	guards := a.service.relied()
	if a.revision != nil {
		a.tx.Guards = append(a.tx.Guards, guards...)
		return
	}
	a.tx.Expects = append(a.tx.Expects, guards...)
}

// relied are the guards that whatever depends on the search parameters in use expects. The caller holds the
// epoch.
func (s *Service) relied() []store.Guard {
	if !s.store.Shared() {
		return nil
	}
	return []store.Guard{{Key: definitionsGuard, Seen: s.epoch.seen}}
}

// follow puts the search parameters in use that the store has now, and takes up the work on their indexes.
func (s *Service) follow(ctx context.Context) error {
	s.epoch.Lock()
	defer s.epoch.Unlock()
	snapshot, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = snapshot.Close() }()
	seen, err := snapshot.Guard(ctx, definitionsGuard)
	if err != nil || seen == s.epoch.seen {
		return err
	}
	if err := installDefinitions(ctx, snapshot, s.params, s.options.Logger); err != nil {
		return err
	}
	s.epoch.seen = seen
	return s.indexer.resume(ctx)
}

// stale reports whether the search parameters in use are no longer those of the store.
func (s *Service) stale(ctx context.Context) (bool, error) {
	if !s.store.Shared() {
		return false, nil
	}
	seen, err := s.store.Guard(ctx, definitionsGuard)
	if err != nil {
		return false, err
	}
	s.epoch.RLock()
	defer s.epoch.RUnlock()
	return seen != s.epoch.seen, nil
}

// following does something that depends on the search parameters in use, and does it again where these turn
// out to be no longer those of the store.
func following[T any](ctx context.Context, s *Service, try func() (T, error)) (T, error) {
	for n := 0; ; n++ {
		result, err := try()
		if err == nil && len(s.params.Customs()) == 0 || n == s.options.Limits.Retries {
			return result, err
		}
		stale, failed := s.stale(ctx)
		if failed != nil && err == nil {
			return result, refusal(failed, store.Key{})
		}
		if !stale {
			return result, err
		}
		if err := s.follow(ctx); err != nil {
			return result, refusal(err, store.Key{})
		}
	}
}

// follower looks for what other processes have changed, until it is closed.
type follower struct {
	stop context.CancelFunc
	done sync.WaitGroup
}

func (f *follower) start(s *Service) {
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	f.done.Go(func() {
		for pause(ctx, followEvery) == nil {
			if err := s.catchUp(ctx); err != nil && ctx.Err() == nil {
				s.options.Logger.Error("looking for what other processes have changed failed; it is tried again", slog.Any("error", err))
			}
		}
	})
}

// catchUp takes over what other processes have changed: definitions, and how far their indexes are.
func (s *Service) catchUp(ctx context.Context) error {
	if !s.store.Shared() {
		return nil
	}
	stale, err := s.stale(ctx)
	if err != nil {
		return err
	}
	if stale {
		return s.follow(ctx)
	}
	defer s.epoch.enter(false)()
	return s.indexer.resume(ctx)
}

func (f *follower) close() {
	if f.stop != nil {
		f.stop()
		f.done.Wait()
	}
}
