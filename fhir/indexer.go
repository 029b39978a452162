package fhir

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// How the indexer shares the machine: a step is as long as fits into its time, and while requests come,
// and for busyFor after the last, it rests after each for a multiple of what the step took.
const (
	stepIdle, stepBusy = 50 * time.Millisecond, 4 * time.Millisecond
	firstStep          = 32
	leastStep          = 4
	mostStep           = 2_000
	restBusy           = 3 // times the step
	busyFor            = 100 * time.Millisecond
	saveEvery          = 100 * time.Millisecond
	retryFirst         = time.Second
	retryMost          = time.Minute
)

// indexer works on indexes in the background, one step at a time.
type indexer struct {
	service *Service
	bucket  store.Records
	passive bool
	logger  *slog.Logger

	mu      sync.Mutex
	jobs    []*job // to be done, in the order in which they came
	ended   []*job // refreshes that are done
	indexes map[*search.Custom]*job
	running bool
	holding bool // the lease, where the store is shared
	closed  bool
	stop    context.CancelFunc
	done    sync.WaitGroup

	requests, active atomic.Int64
	limit            int       // resources of a step
	seen             int64     // of requests, at the last step
	asked            time.Time // when there was one that had not been seen
}

func sortedKeys(jobs map[string]*job) []string {
	keys := make([]string, 0, len(jobs))
	for key := range jobs {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// records are those that land together with the definitions of a revision.
func (x *indexer) records(r *search.Revision) ([]store.RecordChange, error) {
	var changes []store.RecordChange
	add := func(j *job) error {
		change, err := j.change()
		changes = append(changes, change)
		return err
	}
	for _, c := range r.Removed {
		changes = append(changes, store.RecordChange{Bucket: indexBucket, Key: indexKey(c), Revision: store.AnyRevision})
		if err := add(x.service.newDropJob(x.service.newIndexJob(c))); err != nil {
			return nil, err
		}
	}
	for _, c := range r.Added {
		changes = slices.DeleteFunc(changes, func(change store.RecordChange) bool { return change.Key == indexKey(c) })
		if err := add(x.service.newIndexJob(c)); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// follow takes up the work that a revision makes, which is in use now.
func (x *indexer) follow(r *search.Revision) {
	x.mu.Lock()
	for _, c := range r.Removed {
		if j := x.indexes[c]; j != nil {
			j.cancelled.Store(true)
		}
		delete(x.indexes, c)
		x.jobs = append(x.jobs, x.service.newDropJob(x.service.newIndexJob(c)))
	}
	for _, c := range r.Added {
		x.take(x.service.newIndexJob(c))
	}
	x.mu.Unlock()
	x.kick()
}

// take takes up the index of a definition, if it is not whole.
func (x *indexer) take(j *job) {
	if x.indexes == nil {
		x.indexes = map[*search.Custom]*job{}
	}
	if x.indexes[j.custom] = j; !j.Complete {
		x.jobs = append(x.jobs, j)
	}
}

// kick starts the work if there is some and nobody does it.
func (x *indexer) kick() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.running || x.closed || x.passive || len(x.jobs) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	x.running, x.stop = true, cancel
	x.done.Go(func() {
		defer cancel()
		for done := false; !done; done = x.finished(ctx) {
			if x.service.store.Shared() {
				x.share(ctx)
			} else {
				x.run(ctx, nil)
			}
		}
	})
}

// close ends the work; what was done is kept.
func (x *indexer) close() {
	x.mu.Lock()
	x.closed = true
	if x.stop != nil {
		x.stop()
	}
	x.mu.Unlock()
	x.done.Wait()
}

// run works until nothing is left, or the fence of a lease that was lost, if there is one, keeps it out. What
// fails is tried again, later each time, and after all that does not.
func (x *indexer) run(ctx context.Context, fence *store.Guard) {
	wait := retryFirst
	for {
		group := x.next()
		if group == nil {
			return
		}
		err := x.step(ctx, group, fence)
		switch {
		case fence != nil && fencedOff(err, *fence):
			return
		case behind(err):
			err = x.service.follow(ctx)
		}
		switch {
		case ctx.Err() != nil, errors.Is(err, store.ErrClosed):
			return
		case err == nil:
			wait = retryFirst
		default:
			x.logger.Error("making an index anew failed; it is tried again", slog.String("parameter", group[0].Code), slog.Any("error", err))
			x.postpone(group)
			if pause(ctx, wait) != nil {
				return
			}
			wait = min(2*wait, retryMost)
		}
	}
}

// postpone lets all other jobs go first.
func (x *indexer) postpone(group []*job) {
	x.mu.Lock()
	defer x.mu.Unlock()
	others := slices.DeleteFunc(slices.Clone(x.jobs), func(j *job) bool { return slices.Contains(group, j) })
	x.jobs = append(others, slices.DeleteFunc(slices.Clone(group), func(j *job) bool { return !slices.Contains(x.jobs, j) })...)
}

// finished ends the work where nothing is left, or it must stop.
func (x *indexer) finished(ctx context.Context) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if ctx.Err() == nil && x.left() {
		return false
	}
	x.running = false
	return true
}

// left reports whether something is to be done. The caller holds the lock.
func (x *indexer) left() bool {
	return slices.ContainsFunc(x.jobs, func(j *job) bool { return !j.ended() })
}

// next are the jobs of the next step: the first there is, and all that are at the same place of the same
// walk, so that many definitions that came together need one. Nil: there is no work.
func (x *indexer) next() []*job {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.jobs = slices.DeleteFunc(x.jobs, func(j *job) bool {
		if j.ended() && j.Kind == indexRefresh {
			x.ended = append(x.ended, j)
		}
		return j.ended()
	})
	if len(x.jobs) == 0 {
		return nil
	}
	first := x.jobs[0]
	if i := slices.IndexFunc(x.jobs, func(j *job) bool { return j.Kind != indexRefresh }); i >= 0 {
		first = x.jobs[i] // what searches wait for goes before what $reindex asked for
	}
	group := []*job{first}
	for _, j := range x.jobs {
		if j != first && first.Kind == indexNew && j.Kind == indexNew && first.At < len(first.Types) && j.At < len(j.Types) &&
			j.typ() == first.typ() && bytes.Equal(j.Mark, first.Mark) {
			group = append(group, j)
		}
	}
	return group
}

// step does a step of the jobs, which are at one place.
func (x *indexer) step(ctx context.Context, group []*job, fence *store.Guard) error {
	first := group[0]
	for _, j := range group {
		if err := x.count(ctx, j); err != nil {
			return err
		}
	}
	if first.At >= len(first.Types) {
		return x.note(ctx, group, store.Reindexed{Done: true}, fence)
	}
	params, every := x.params(group)
	if len(params) == 0 && !every {
		return x.note(ctx, group, store.Reindexed{Done: true}, fence)
	}
	start := time.Now()
	done, err := x.service.store.Reindex(ctx, store.ReindexStep{
		Type: first.typ(), After: first.Mark, Limit: x.size(), Params: params, Extract: x.extract(group, params),
	})
	if err != nil {
		return err
	}
	if err := x.note(ctx, group, done, fence); err != nil {
		return err
	}
	return x.rest(ctx, time.Since(start))
}

// params are the parameters whose values a step of the jobs makes anew; every: those of all there are.
func (x *indexer) params(group []*job) (params []*search.Parameter, every bool) {
	x.mu.Lock() // a job may be given to another compilation of its definition meanwhile
	defer x.mu.Unlock()
	for _, j := range group {
		some, all := j.params(x.service.params)
		if all {
			return nil, true
		}
		params = append(params, some...)
	}
	return params, false
}

// count finds how many resources a job goes through, once.
func (x *indexer) count(ctx context.Context, j *job) error {
	if j.Counted {
		return nil
	}
	total := int64(0)
	for _, typ := range j.Types {
		n, err := x.service.store.Count(ctx, &search.Query{Count: 1, CountOnly: true, Branches: []search.Branch{{Type: typ}}})
		if err != nil {
			return err
		}
		total += n
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	j.Total, j.Counted = total, true
	if j.custom != nil {
		j.custom.SetProgress(j.Done, j.Total)
	}
	return nil
}

// extract makes the values of a version. What has none because it cannot be read does not stop the work:
// it is counted.
func (x *indexer) extract(group []*job, params []*search.Parameter) func(ctx context.Context, v store.Version) ([]search.Entry, error) {
	return func(ctx context.Context, v store.Version) ([]search.Entry, error) {
		if group[0].Kind == indexDrop {
			return nil, nil
		}
		entries, err := x.service.extract(ctx, v, params)
		if err == nil {
			return entries, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, j := range group {
			j.Failed++
		}
		return nil, nil
	}
}

// extract gives the values of some parameters of a stored version; nil is all.
func (s *Service) extract(ctx context.Context, v store.Version, params []*search.Parameter) ([]search.Entry, error) {
	doc, err := resources.Parse(v.Body)
	if err != nil {
		return nil, err
	}
	element, err := doc.Resource()
	if err != nil {
		return nil, err
	}
	if params == nil {
		return s.params.Extract(ctx, element)
	}
	return s.params.ExtractOnly(ctx, element, params)
}

// note keeps how far the jobs are, and completes those that are through. It holds the epoch, so that
// no definition changes between the look at it and the record.
func (x *indexer) note(ctx context.Context, group []*job, done store.Reindexed, fence *store.Guard) error {
	defer x.service.epoch.enter(false)()
	expects := x.service.relied()
	if fence != nil {
		expects = append(expects, *fence)
	}
	var whole []*search.Custom
	defer func() { x.service.params.Complete(whole...) }()
	for _, j := range group {
		if j.cancelled.Load() {
			continue
		}
		custom := x.advance(j, done)
		if !j.Complete && time.Since(j.saved) < saveEvery {
			continue
		}
		if err := j.save(ctx, x.service.store, expects...); err != nil {
			x.mu.Lock()
			j.Complete = false
			x.mu.Unlock()
			return err
		}
		j.saved = time.Now()
		if j.Complete && j.Kind == indexNew {
			whole = append(whole, custom)
		}
	}
	return nil
}

// advance takes a job on, and gives the definition that it is the index of.
func (x *indexer) advance(j *job, done store.Reindexed) *search.Custom {
	x.mu.Lock()
	defer x.mu.Unlock()
	j.Done += done.Examined
	j.Mark = done.Next
	if done.Done {
		j.At, j.Mark = min(j.At+1, len(j.Types)), nil
	}
	if j.At == len(j.Types) && !j.Complete {
		j.Complete, j.Ended = true, x.service.now()
	}
	if j.custom != nil {
		j.custom.SetProgress(j.Done, j.Total)
		j.Failed = j.custom.Progress().Failed
	}
	return j.custom
}

// size is how many resources the next step goes through.
func (x *indexer) size() int {
	if x.limit == 0 {
		x.limit = firstStep
	}
	return x.limit
}

// rest fits the size of the steps to their time, and leaves the machine to others while there are some.
func (x *indexer) rest(ctx context.Context, took time.Duration) error {
	if n := x.requests.Load(); n != x.seen || x.active.Load() > 0 {
		x.seen, x.asked = n, time.Now()
	}
	busy := time.Since(x.asked) < busyFor
	target := stepIdle
	if busy {
		target = stepBusy
	}
	fit := int(int64(x.limit) * int64(target) / max(int64(took), 1))
	x.limit = min(max(min(fit, 2*x.limit), leastStep), mostStep)
	if !busy {
		return nil
	}
	return pause(ctx, restBusy*took)
}

// Settled waits until nothing is left to do in the background, such as indexing for a new search
// parameter. The error is the end of the context.
func (s *Service) Settled(ctx context.Context) error {
	for !s.indexer.idle() {
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (x *indexer) idle() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.running && (len(x.jobs) == 0 || x.passive || x.closed)
}

// Enter tells that a request is being answered, so that work in the background gives way to it; call
// what it returns when it is.
func (s *Service) Enter() (leave func()) {
	s.indexer.requests.Add(1)
	s.indexer.active.Add(1)
	return func() { s.indexer.active.Add(-1) }
}

// Requests is how many there have been: see Enter.
func (s *Service) Requests() int64 { return s.indexer.requests.Load() }

// Close ends what the service does in the background; call it before the store is closed.
func (s *Service) Close() {
	s.follower.close()
	s.indexer.close()
}
