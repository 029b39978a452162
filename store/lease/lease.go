// Package lease gives work that one process at a time must do to one of several that share a store: making
// an index anew, delivering, ordering messages.
//
//	l, err := lease.Acquire(ctx, s, "indexer", lease.Options{})
//	defer l.Release(ctx)
//	s.Commit(ctx, store.Transaction{Records: progress, Expects: []store.Guard{l.Fence()}})
//
// The holder of a lease writes its record again and again. Who waits watches the revision of the record, and takes
// the lease when it has not moved for a whole term by the waiter's own clock: clocks of different processes
// are never compared. A holder that was thought dead and is not (it slept, or its network did) is kept out by
// the fence: a guard that moves with each taking, so that whatever it still commits is refused. Leases with
// fencing tokens are described by Martin Kleppmann, "How to do distributed locking" (2016).
package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"kiln/store"
)

const bucket = "leases"

// Options are the settings of a lease. All that wait for one should have the same.
type Options struct {
	// Holder tells who holds it, for people; random if empty.
	Holder string
	// Term is how long a holder may be silent before another takes over; 15 s if 0.
	Term time.Duration
}

// EnsureDefaults fills in what was left out.
func (o *Options) EnsureDefaults() {
	if o.Holder == "" {
		o.Holder = rand.Text()
	}
	if o.Term <= 0 {
		o.Term = 15 * time.Second
	}
}

// beats is how often a holder shows that it lives, in a term; and looks is how often who waits looks.
const beats, looks = 4, 8

// Lease is held until it is released or lost.
type Lease struct {
	store   store.Store
	name    string
	options Options
	fence   store.Guard
	stop    context.CancelFunc
	ended   sync.WaitGroup
	lost    chan struct{}
	losing  sync.Once

	mu       sync.Mutex
	revision uint64 // of the record
}

func guardOf(name string) string { return "lease/" + name }

// Acquire waits until the lease is held. The error is that of the context, or of the store.
func Acquire(ctx context.Context, s store.Store, name string, options Options) (*Lease, error) {
	options.EnsureDefaults()
	seen, since := uint64(0), time.Now()
	for first := true; ; first = false {
		record, err := s.Records(bucket).Get(ctx, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if first || record.Revision != seen {
			seen, since = record.Revision, time.Now()
		}
		if record.Revision == 0 || time.Since(since) >= options.Term {
			l, err := take(ctx, s, name, record.Revision, options)
			if l != nil || err != nil {
				return l, err
			}
			continue
		}
		if err := pause(ctx, options.Term/looks); err != nil {
			return nil, err
		}
	}
}

// take takes a lease whose record still has the revision; nil when somebody else was first.
func take(ctx context.Context, s store.Store, name string, revision uint64, options Options) (*Lease, error) {
	seen, err := s.Guard(ctx, guardOf(name))
	if err != nil {
		return nil, err
	}
	taken := time.Now()
	_, err = s.Commit(ctx, store.Transaction{
		Guards:  []store.Guard{{Key: guardOf(name), Seen: seen}},
		Records: []store.RecordChange{{Bucket: bucket, Key: name, Value: []byte(options.Holder), Revision: revision}},
	})
	if conflict := new(store.ConflictError); errors.As(err, &conflict) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := &Lease{
		store: s, name: name, options: options, fence: store.Guard{Key: guardOf(name), Seen: seen + 1}, lost: make(chan struct{}),
	}
	record, err := s.Records(bucket).Get(ctx, name)
	if err != nil || string(record.Value) != options.Holder {
		return nil, err
	}
	l.revision = record.Revision
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	l.stop = stop
	l.ended.Go(func() { l.hold(beating, taken) })
	return l, nil
}

// hold shows that the holder lives, until it is stopped or the lease is lost. It is lost before somebody else may think
// so, also while the store does not answer.
func (l *Lease) hold(ctx context.Context, last time.Time) {
	const part = beats - 1 // of the term
	end := time.AfterFunc(time.Until(last.Add(l.options.Term*part/beats)), l.lose)
	defer end.Stop()
	for pause(ctx, l.options.Term/beats) == nil {
		now := time.Now()
		err := l.beat(ctx)
		if conflict := new(store.ConflictError); errors.As(err, &conflict) || errors.Is(err, store.ErrClosed) {
			l.lose()
		}
		if err == nil && end.Stop() {
			end.Reset(time.Until(now.Add(l.options.Term * part / beats)))
		}
		select {
		case <-l.lost:
			return
		default:
		}
	}
}

func (l *Lease) lose() { l.losing.Do(func() { close(l.lost) }) }

func (l *Lease) beat(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, l.options.Term/beats)
	defer cancel()
	record, err := l.store.Records(bucket).Put(ctx, l.name, []byte(l.options.Holder), time.Time{}, l.revision)
	if err == nil {
		l.revision = record.Revision
	}
	return err
}

// Fence is the guard that the holder's transactions must expect.
func (l *Lease) Fence() store.Guard { return l.fence }

// Lost is closed when the lease is no longer held, other than by Release.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Release gives the lease up, so that another can have it at once. It is not an error that it was lost
// before.
func (l *Lease) Release(ctx context.Context) error {
	l.stop()
	l.ended.Wait()
	err := l.store.Records(bucket).Delete(ctx, l.name, l.revision)
	if conflict := new(store.ConflictError); errors.As(err, &conflict) {
		return nil
	}
	return err
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
