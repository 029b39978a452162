package pebble

import (
	"context"
	"fmt"
	"slices"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
	"kiln/store"
)

const (
	// reindexChunk is how many resources land at once: writers wait for no more.
	reindexChunk = 64
	// reindexBlock is how many of them one goroutine takes, and are taken again when one has changed.
	reindexBlock = 16
	// reindexAttempts is how often a block is made while writers go on, before they wait for it.
	reindexAttempts = 4
)

// Reindex implements store.Reindexer. Steps go one after the other. A step reads without holding up
// anybody, chunk by chunk; a chunk lands under the lock of the writers if the feed says that none
// of its resources has changed since, so that nothing else need be compared. Chunks are not waited for
// but lie in the log before whatever is written later; the step ends with one fsync for all.
func (s *Store) Reindex(ctx context.Context, step store.ReindexStep) (done store.Reindexed, err error) {
	if err := s.enter(ctx); err != nil {
		return done, err
	}
	defer s.leave()
	at, err := readMark(step.After, step.Type)
	if err != nil {
		return done, err
	}
	s.reindexing.Lock()
	defer s.reindexing.Unlock()
	if err := s.failure(); err != nil {
		return done, err
	}
	r := &reindex{store: s, ctx: ctx, step: step, typ: s.dictionary.typeCode(step.Type), done: &done}
	if err := r.run(at); err != nil {
		return store.Reindexed{}, err
	}
	return done, s.syncReindexed()
}

// syncReindexed waits until what was reindexed, also by a step that failed, is on disk.
func (s *Store) syncReindexed() error {
	if !s.reindexed {
		return nil
	}
	batch := s.db.NewBatch()
	defer batch.Close()
	if err := batch.LogData(nil, nil); err != nil {
		return err
	}
	if err := s.applyAs(batch, lsm.Sync); err != nil {
		return s.fail(err)
	}
	s.reindexed = false
	return nil
}

// applyAs makes a batch visible. Pebble panics where its log is broken.
func (s *Store) applyAs(batch *lsm.Batch, how *lsm.WriteOptions) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return s.db.Apply(batch, how)
}

// reindex is one step.
type reindex struct {
	store *Store
	ctx   context.Context
	step  store.ReindexStep
	typ   code
	done  *store.Reindexed
}

// run goes through the documents after a place.
func (r *reindex) run(at uint64) error {
	for left := max(r.step.Limit, 1); left > 0; {
		documents, more, err := r.documents(at, min(left, reindexChunk))
		if err != nil {
			return err
		}
		if len(documents) > 0 {
			if err := r.chunk(documents); err != nil {
				return err
			}
			at = documents[len(documents)-1]
		}
		if left -= len(documents); !more {
			r.done.Done = true
			break
		}
	}
	r.done.Next = appendMark(at, r.step.Type)
	return nil
}

// documents lists the next resources of the type, and tells whether there are more.
func (r *reindex) documents(at uint64, limit int) (list []uint64, more bool, err error) {
	if r.typ == 0 {
		return nil, false, nil // never was there one
	}
	prefix := append(indexPrefix(nil, r.typ, 0), indexAlive)
	it, err := r.store.db.NewIter(&lsm.IterOptions{LowerBound: appendNumber(slices.Clone(prefix), at+1), UpperBound: after(prefix)})
	if err != nil {
		return nil, false, err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if len(list) == limit {
			return list, true, nil
		}
		_, document := splitIndexKey(it.Key())
		list = append(list, document)
	}
	return list, false, it.Error()
}

// chunk makes the values of some documents anew, until those of all are of their current versions.
func (r *reindex) chunk(documents []uint64) error {
	for attempt := 1; len(documents) > 0; attempt++ {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		var err error
		if attempt < reindexAttempts {
			documents, err = r.attempt(documents)
		} else {
			documents, err = r.exclusive(documents)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// attempt makes a chunk while writers go on, and gives the documents that have to be made again.
func (r *reindex) attempt(documents []uint64) (again []uint64, err error) {
	m, err := r.make(documents)
	if err != nil {
		return nil, err
	}
	defer m.close()
	r.store.landing.Lock()
	defer r.store.landing.Unlock()
	return r.land(m)
}

// exclusive makes a chunk while writers wait: for resources that change all the time.
func (r *reindex) exclusive(documents []uint64) (again []uint64, err error) {
	r.store.landing.Lock()
	defer r.store.landing.Unlock()
	m, err := r.make(documents)
	if err != nil {
		return nil, err
	}
	defer m.close()
	return r.land(m)
}

// land writes the blocks none of whose documents has changed since they were read. The caller holds the lock
// of the writers.
func (r *reindex) land(m *remaking) (again []uint64, err error) {
	s := r.store
	if err := s.failure(); err != nil {
		return nil, err
	}
	changed, err := s.changedSince(m.position)
	if err != nil {
		return nil, err
	}
	batch := s.db.NewBatch()
	defer batch.Close()
	var examined, altered int64
	for i := range m.blocks {
		b := &m.blocks[i]
		if slices.ContainsFunc(b.documents, func(d uint64) bool { return changed[d] }) {
			again = append(again, b.documents...)
			continue
		}
		examined, altered = examined+b.examined, altered+b.altered
		if !b.batch.Empty() {
			if err := batch.Apply(b.batch, nil); err != nil {
				return nil, err
			}
		}
	}
	if !batch.Empty() {
		if s.options.Trace != nil {
			s.options.Trace(batch.Repr())
		}
		s.reindexed = true
		if err := s.applyAs(batch, lsm.NoSync); err != nil {
			return nil, s.fail(err)
		}
	}
	r.done.Examined += examined
	r.done.Changed += altered
	return again, nil
}

// changedSince are the documents that have got a version after a position.
func (s *Store) changedSince(position uint64) (map[uint64]bool, error) {
	if s.counters.position <= position {
		return nil, nil
	}
	it, err := s.db.NewIter(&lsm.IterOptions{LowerBound: feedKey(nil, position+1), UpperBound: []byte{keyFeed + 1}})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	changed := map[uint64]bool{}
	for ok := it.First(); ok; ok = it.Next() {
		p, err := readPlace(it.Value())
		if err != nil {
			return nil, err
		}
		changed[p.document] = true
	}
	return changed, it.Error()
}

// replaces reports whether the step makes the values of a parameter. Parameters are the same here when
// they are stored under one name, whatever their definitions were.
func (r *reindex) replaces(p *search.Parameter) bool {
	return r.step.Params == nil || slices.ContainsFunc(r.step.Params, func(of *search.Parameter) bool {
		return of == p || of.Code == p.Code && of.Base == p.Base && of.Type == p.Type
	})
}

// stays tells the codes of parameters whose values the step leaves alone. It is to be asked for after
// the lists were opened in which the codes stand, and of those alone.
func (r *reindex) stays() func(code) bool {
	if r.step.Params == nil {
		return func(code) bool { return false }
	}
	var replaced []code
	for _, p := range r.step.Params {
		if c := r.store.dictionary.parameterCode(p); c != 0 {
			replaced = append(replaced, c)
		}
	}
	return func(c code) bool { return !slices.Contains(replaced, c) }
}

// A mark is the last document done and the type.
const markKind = 'r'

func appendMark(document uint64, typ string) store.Mark {
	return append(appendNumber([]byte{markKind}, document), typ...)
}

// readMark gives the last document done, 0 for none.
func readMark(m store.Mark, typ string) (uint64, error) {
	if m == nil {
		return 0, nil
	}
	if len(m) < 9 || m[0] != markKind || string(m[9:]) != typ {
		return 0, store.ErrCursor
	}
	_, document := splitIndexKey(m[:9])
	return document, nil
}
