package fhir

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"kiln/search"
	"kiln/store"
	"kiln/store/lease"
)

// resume takes up the jobs that the records tell of, which an earlier process left or another has begun,
// and those of definitions that have none. The caller holds the epoch.
func (x *indexer) resume(ctx context.Context) error {
	recorded, err := readJobs(ctx, x.bucket)
	if err != nil {
		return err
	}
	fresh, gone := x.adopt(recorded)
	expects := x.service.relied()
	for _, j := range fresh {
		if err := j.save(ctx, x.service.store, expects...); err != nil {
			return err
		}
	}
	for _, key := range gone {
		c := store.RecordChange{Bucket: indexBucket, Key: key, Revision: store.AnyRevision}
		if _, err := x.service.store.Commit(ctx, store.Transaction{Records: []store.RecordChange{c}, Expects: expects}); err != nil {
			return err
		}
	}
	x.kick()
	return nil
}

// adopt puts the recorded jobs in the place of those there are. Fresh ones have no record yet; gone are the
// records of definitions that are no more.
func (x *indexer) adopt(recorded map[string]*job) (fresh []*job, gone []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := resumption{indexer: x, had: x.known(), indexes: map[*search.Custom]*job{}}
	for _, c := range x.service.params.Customs() {
		r.index(c, recorded[indexKey(c)])
		delete(recorded, indexKey(c))
	}
	for _, key := range sortedKeys(recorded) {
		r.other(recorded[key])
	}
	for _, left := range r.had {
		left.cancelled.Store(true)
	}
	x.jobs, x.ended, x.indexes = r.jobs, r.ended, r.indexes
	x.service.params.Complete(r.whole...)
	x.service.params.Incomplete(r.anew...)
	return r.fresh, r.gone
}

// known are all jobs there are, by key.
func (x *indexer) known() map[string]*job {
	known := map[string]*job{}
	for _, j := range slices.Concat(x.jobs, x.ended) {
		known[j.key] = j
	}
	for _, j := range x.indexes {
		known[j.key] = j
	}
	return known
}

// resumption is a walk over the recorded jobs.
type resumption struct {
	*indexer
	had map[string]*job // by key; those not taken over yet

	jobs, ended, fresh []*job
	indexes            map[*search.Custom]*job
	gone               []string
	whole, anew        []*search.Custom
}

// keep takes a recorded job over: as the one there is, if that does the same, since it may be at work.
func (r *resumption) keep(recorded *job) *job {
	old := r.had[recorded.key]
	if old == nil || old.Digest != recorded.Digest || !old.Started.Equal(recorded.Started) || old.cancelled.Load() {
		return recorded
	}
	delete(r.had, recorded.key)
	if !r.holding && !old.Complete {
		old.progress(recorded)
	}
	return old
}

// index takes up the index of a definition.
func (r *resumption) index(c *search.Custom, recorded *job) {
	var j *job
	switch {
	case recorded != nil && recorded.Digest == c.Digest():
		j = r.keep(recorded)
	default:
		if recorded != nil {
			r.add(r.service.newDropJob(recorded))
		}
		j = r.service.newIndexJob(c)
		r.fresh = append(r.fresh, j)
	}
	j.custom = c
	c.SetProgress(j.Done, j.Total)
	r.indexes[c] = j
	switch known := c.Progress().Complete; {
	case !j.Complete:
		r.jobs = append(r.jobs, j)
		if known { // it was retired and came back meanwhile
			r.anew = append(r.anew, c)
		}
	case !known:
		r.whole = append(r.whole, c)
	}
}

func (r *resumption) add(j *job) {
	r.jobs, r.fresh = append(r.jobs, j), append(r.fresh, j)
}

// other takes up a job that is not the index of a definition in use.
func (r *resumption) other(recorded *job) {
	switch j := recorded; {
	case j.Kind == indexNew: // of a definition that is gone
		r.add(r.service.newDropJob(j))
		r.gone = append(r.gone, j.key)
	case j.Complete:
		r.ended = append(r.ended, r.keep(j))
	default:
		r.jobs = append(r.jobs, r.keep(j))
	}
}

// share works where other processes have the store open too: one of them at a time. The others wait, for it may
// end at any moment.
func (x *indexer) share(ctx context.Context) {
	held, err := x.await(ctx)
	if held != nil {
		err = x.work(ctx, held)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrClosed) {
		x.logger.Error("sharing the work on indexes failed; it is tried again", slog.Any("error", err))
		_ = pause(ctx, followEvery)
	}
}

// await waits for the lease; nil when there is nothing left to do.
func (x *indexer) await(ctx context.Context) (*lease.Lease, error) {
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	x.done.Go(func() {
		defer stop()
		for x.busy() && pause(waiting, followEvery) == nil {
			continue
		}
	})
	held, err := lease.Acquire(waiting, x.service.store, "indexer", lease.Options{})
	if waiting.Err() != nil && held == nil {
		return nil, nil
	}
	return held, err
}

func (x *indexer) busy() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.left()
}

// work goes on from where whoever held the lease before has come.
func (x *indexer) work(ctx context.Context, held *lease.Lease) error {
	fence := held.Fence()
	err := x.begin(ctx)
	if err == nil {
		x.run(ctx, &fence)
	}
	x.mu.Lock()
	x.holding = false
	x.mu.Unlock()
	return errors.Join(err, held.Release(context.WithoutCancel(ctx)))
}

func (x *indexer) begin(ctx context.Context) error {
	defer x.service.epoch.enter(false)()
	if err := x.resume(ctx); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.holding = true
	return nil
}

// fencedOff reports whether an error says that somebody else has the lease.
func fencedOff(err error, fence store.Guard) bool {
	var c *store.ConflictError
	return errors.As(err, &c) && c.Kind == store.KindGuard && c.Claim == fence.Key
}
