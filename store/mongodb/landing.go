package mongodb

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"kiln/store"
)

// landings are the commits of a process. One lands at a time; those that come meanwhile wait and land together.
type landings struct {
	mu      sync.Mutex
	waiting []*commit
	turn    chan struct{} // holds one, while something lands
}

// commit is a transaction on its way.
type commit struct {
	ctx  context.Context
	tx   *store.Transaction
	done chan struct{} // closed when it is decided
	made outcome
	err  error
}

func (c *commit) decided() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *commit) end(made outcome, err error) {
	c.made, c.err = made, err
	close(c.done)
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, tx store.Transaction) ([]store.Version, error) {
	made, err := s.commit(ctx, tx)
	if err != nil {
		return nil, err
	}
	return made.versions, nil
}

// landingTime is how long one landing may take. It is not that of a request: what others wait for must not end
// with the one that happens to do it.
const landingTime = 2 * time.Minute

func (s *Store) commit(ctx context.Context, tx store.Transaction) (outcome, error) {
	if err := s.enter(ctx); err != nil {
		return outcome{}, err
	}
	defer s.leave()
	c := &commit{ctx: ctx, tx: &tx, done: make(chan struct{})}
	s.landings.add(c)
	s.await(ctx, c)
	return c.made, c.err
}

// await waits until a commit is decided, or the context ends before it lands. Whoever gets the turn lands what waits.
func (s *Store) await(ctx context.Context, c *commit) {
	select {
	case s.landings.turn <- struct{}{}:
		s.landUntil(ctx, c)
		<-s.landings.turn
	case <-c.done:
	case <-ctx.Done():
		if s.landings.remove(c) {
			c.end(outcome{}, ctx.Err())
		}
		<-c.done // it is landing, and will be decided
	}
}

func (l *landings) add(c *commit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, c)
}

// remove takes back a commit that waits; false if it does not wait any more.
func (l *landings) remove(c *commit) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, other := range l.waiting {
		if other == c {
			l.waiting = append(l.waiting[:i:i], l.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// maxTogether bounds how many transactions land together.
const maxTogether = 200

func (l *landings) take() []*commit {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), maxTogether)
	batch := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	return batch
}

// landUntil lands what waits, in the order in which it came, until a commit is decided; the caller has the turn. What has come
// after it is for those who wait for that.
func (s *Store) landUntil(ctx context.Context, c *commit) {
	for !c.decided() {
		s.landNext(ctx)
	}
}

func (s *Store) landNext(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), landingTime)
	defer cancel()
	s.land(ctx, s.landings.take())
}

// ofOne reports whether an error may come of one transaction alone: it is too large, or the database refuses something of it.
// Nothing has landed.
func ofOne(err error) bool {
	if errors.Is(err, store.ErrTooLarge) {
		return true
	}
	return !errors.Is(err, store.ErrUnknown) && !transient(err) && !mongo.IsNetworkError(err) && !mongo.IsTimeout(err) && !unreachable(err)
}

// land decides a batch. Where together they do not land for what may be the fault of one, they land one by one.
func (s *Store) land(ctx context.Context, batch []*commit) {
	live := batch[:0:0]
	for _, c := range batch {
		if err := c.ctx.Err(); err != nil {
			c.end(outcome{}, err)
		} else {
			live = append(live, c)
		}
	}
	err := s.prepareTypes(ctx, live)
	if err == nil && len(live) > 0 {
		err = s.landTogether(ctx, live)
	}
	switch {
	case err == nil:
	case len(live) > 1 && ctx.Err() == nil && ofOne(err):
		for _, c := range live {
			s.land(ctx, []*commit{c})
		}
	default:
		for _, c := range live {
			c.end(outcome{}, failed(c.ctx, err))
		}
	}
}

// failed is the error of a commit. That of its context tells that nothing was applied.
func failed(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, store.ErrUnknown):
		return err
	case transient(err): // it would be tried again, had it not been for too long
		return errors.Join(context.DeadlineExceeded, err)
	}
	return told(ctx, err)
}

// landTogether lands a batch, again and again while others are in the way. With an error nothing of it has
// landed and no commit is decided.
func (s *Store) landTogether(ctx context.Context, batch []*commit) error {
	way := s.landOrdered
	if !s.options.WithoutTransactions {
		way = s.landTransaction
	}
	verdicts := make([]verdict, len(batch))
	err := again(ctx, func(ctx context.Context) error {
		if err := allEnded(batch); err != nil {
			return err
		}
		return way(ctx, batch, verdicts)
	})
	if err != nil {
		return err
	}
	s.lookout.ring()
	for i, c := range batch {
		c.end(verdicts[i].made, verdicts[i].err)
	}
	return nil
}

// allEnded is the error of a context when nobody waits for the batch any more.
func allEnded(batch []*commit) (err error) {
	for _, c := range batch {
		if err = c.ctx.Err(); err == nil {
			return nil
		}
	}
	return err
}

// verdict is what becomes of a commit.
type verdict struct {
	made outcome
	err  error
}

// decide judges a batch over the stock, each over what those before it do, and applies those with nothing in
// the way.
func (k *stock) decide(ctx context.Context, batch []*commit, verdicts []verdict) error {
	for i, c := range batch {
		verdicts[i] = verdict{err: c.ctx.Err()} // it may have ended while others were in the way
		if verdicts[i].err != nil {
			continue
		}
		if err := k.judge(c.tx); err != nil {
			verdicts[i].err = err
			continue
		}
		made, err := k.apply(ctx, c.tx)
		switch {
		case errors.Is(err, store.ErrTooLarge):
			verdicts[i].err = err
		case err != nil:
			return err
		default:
			verdicts[i].made = made
		}
	}
	return nil
}

func transactionsOf(batch []*commit) []*store.Transaction {
	list := make([]*store.Transaction, len(batch))
	for i, c := range batch {
		list[i] = c.tx
	}
	return list
}
