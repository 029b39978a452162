package mongodb

import (
	"context"
	"fmt"

	"kiln/store"
)

// Problem is one thing that disagrees in a store. It says what, and of which resource, but nothing that the
// resource holds.
type Problem struct {
	Part     string    // feed, history, resource, index, claim, database
	Key      store.Key // the resource it is about; zero where there is none
	Version  int64     // and its version; 0 for all or none
	Detail   string
	Repaired bool
}

// String is the problem as a line.
func (p Problem) String() string {
	text := p.Part
	if p.Key != (store.Key{}) {
		text += " of " + p.Key.String()
	}
	if p.Version != 0 {
		text += fmt.Sprintf(", version %d", p.Version)
	}
	text += ": " + p.Detail
	if p.Repaired {
		text += " (repaired)"
	}
	return text
}

// Check walks everything that the database holds, as of one state, and reports what disagrees: feed against versions and
// versions against feed, histories with holes, bodies against what they are said to be, index keys and values (with
// Options.Parameters) against those that the resources give now, claims, and the database's own indexes. Writers and readers go on
// meanwhile. A problem is not an error; errors are the end of the context, those of the database, and a closed store.
func (s *Store) Check(ctx context.Context, report func(Problem)) error {
	return s.check(ctx, report, false)
}

// Repair does what Check does, and puts right what follows from the resources alone: index keys and values, claims that nobody
// holds, claims that are held and not noted, and missing indexes of the database. What else is wrong is left as it is, and
// the error tells how much that is.
func (s *Store) Repair(ctx context.Context) error {
	left := 0
	err := s.check(ctx, func(p Problem) {
		if !p.Repaired {
			left++
		}
	}, true)
	if err == nil && left > 0 {
		err = fmt.Errorf("%d problems cannot be repaired from the resources", left)
	}
	return err
}

func (s *Store) check(ctx context.Context, report func(Problem), repair bool) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	ctx, end, err := s.causal(ctx, nil)
	if err != nil {
		return err
	}
	defer end()
	v, err := s.now(ctx)
	if err != nil {
		return err
	}
	a := &audit{view: v, report: report, repair: repair}
	for _, part := range [...]func(context.Context) error{a.indexes, a.feed, a.collections, a.claims} {
		if err := part(ctx); err != nil {
			return told(ctx, err)
		}
	}
	return nil
}

// audit is a walk over all.
type audit struct {
	*view
	report func(Problem)
	repair bool
	types  []string // that the feed tells of
}

// auditBatch is how many versions are looked at together.
const auditBatch = 500

func (a *audit) problem(part string, key store.Key, version int64, format string, args ...any) {
	a.report(Problem{Part: part, Key: key, Version: version, Detail: fmt.Sprintf(format, args...)})
}

// repaired reports a problem that was put right, or that is only told of where nothing is repaired.
func (a *audit) repaired(part string, key store.Key, version int64, format string, args ...any) {
	a.report(Problem{Part: part, Key: key, Version: version, Detail: fmt.Sprintf(format, args...), Repaired: a.repair})
}
