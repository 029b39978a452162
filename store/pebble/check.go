package pebble

import (
	"context"

	lsm "github.com/cockroachdb/pebble/v2"
)

// Check walks everything that the store holds, as of one state, and reports what disagrees: checksums,
// versions with holes, places in feed and history, the index against the resources (with
// Options.Parameters, against values taken from them anew), claims, counters, the dictionary,
// records. Writers and readers go on meanwhile. A problem is not an error; errors are the end of the
// context, a closed store, and a failure to read at all.
func (s *Store) Check(ctx context.Context, report func(Problem)) error {
	v, err := s.reader.open(ctx)
	if err != nil {
		return err
	}
	defer v.leave()
	a := s.newAudit(ctx, v, report)
	return a.run()
}

// Repair puts right what Check finds, from the versions of the resources alone: places, index,
// claims and counters are written again where they disagree, and what belongs to no version is
// removed. A store of the format before is one of this format afterwards. Versions and records that do not read cannot be repaired; they are left as they are, and
// the error tells how many problems there are left. Readers go on meanwhile, writers wait. It may
// be interrupted at any moment and run again.
func (s *Store) Repair(ctx context.Context) error {
	return s.repair(ctx, func(Problem) {})
}

func (s *Store) repair(ctx context.Context, report func(Problem)) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if err := s.failure(); err != nil {
		return err
	}
	s.reindexing.Lock()
	defer s.reindexing.Unlock()
	s.landing.Lock()
	defer s.landing.Unlock()
	left := 0
	a := s.newAudit(ctx, s.db, func(p Problem) {
		if !p.Repaired {
			left++
		}
		report(p)
	})
	a.fix = s.db.NewBatch()
	err := a.run()
	_ = a.fix.Close()
	if err == nil {
		err = s.db.Set(metaFormat, []byte(formatVersion), lsm.Sync) // after all that it tells of
	}
	if err != nil {
		return err
	}
	if s.counters, err = readCounters(s.db, s.dictionary); err != nil {
		return err
	}
	if left > 0 {
		return unrepaired(left)
	}
	return nil
}
