package memory

import (
	"cmp"
	"context"
	"encoding/binary"
	"reflect"
	"slices"
	"strings"

	"kiln/search"
	"kiln/store"
)

// Reindex implements store.Reindexer: one resource after the other, each published as a state of its own.
func (s *Store) Reindex(ctx context.Context, step store.ReindexStep) (done store.Reindexed, err error) {
	at, err := readMark(step.After, step.Type)
	if err != nil {
		return done, err
	}
	v, err := s.reader.open(ctx)
	if err != nil {
		return done, err
	}
	var list []*version
	for found := range v.resources(step.Type) {
		if found.number > at {
			list = append(list, found)
		}
	}
	slices.SortFunc(list, func(a, b *version) int { return cmp.Compare(a.number, b.number) })
	limit := max(step.Limit, 1)
	done.Done = len(list) <= limit
	for _, old := range list[:min(limit, len(list))] {
		if err := s.remake(ctx, step, old.Key, &done); err != nil {
			return store.Reindexed{}, err
		}
		at = old.number
	}
	done.Next = appendMark(at, step.Type)
	return done, nil
}

// remake makes the values of a resource anew, again for as long as it changes meanwhile.
func (s *Store) remake(ctx context.Context, step store.ReindexStep, key store.Key, done *store.Reindexed) error {
	for {
		v, err := s.reader.open(ctx)
		if err != nil {
			return err
		}
		old := v.document(key).last()
		if old.Deleted() {
			return nil
		}
		made, err := remade(ctx, step, old)
		if err != nil {
			return err
		}
		was, kept := parted(step, old.entries)
		ok, err := s.renew(ctx, old, slices.Concat(made, kept))
		if err != nil {
			return err
		}
		if ok {
			done.Examined++
			if !reflect.DeepEqual(byParameter(made), byParameter(was)) {
				done.Changed++
			}
			return nil
		}
	}
}

// remade are the entries that the step gives a version.
func remade(ctx context.Context, step store.ReindexStep, old *version) ([]search.Entry, error) {
	if step.Extract == nil {
		return nil, nil
	}
	entries, err := step.Extract(ctx, old.Version)
	made, _ := parted(step, entries)
	return made, err
}

// parted parts the entries that the step replaces from those that stay.
func parted(step store.ReindexStep, entries []search.Entry) (replaced, kept []search.Entry) {
	for _, e := range entries {
		if replaces(step, e.Param) {
			replaced = append(replaced, e)
		} else {
			kept = append(kept, e)
		}
	}
	return replaced, kept
}

// byParameter puts the values of each parameter together, in which order they come.
func byParameter(entries []search.Entry) []search.Entry {
	entries = append([]search.Entry{}, entries...)
	slices.SortStableFunc(entries, func(a, b search.Entry) int {
		return cmp.Or(strings.Compare(a.Param.Base, b.Param.Base), strings.Compare(a.Param.Code, b.Param.Code), cmp.Compare(a.Param.Type, b.Param.Type))
	})
	return entries
}

// replaces reports whether the step makes the values of a parameter. Parameters are the same here when
// base, code and type are: a definition that has changed comes as another pointer.
func replaces(step store.ReindexStep, p *search.Parameter) bool {
	if p == nil || p.Base == "Resource" && (p.Code == "_id" || p.Code == "_lastUpdated") {
		return false
	}
	return step.Params == nil || slices.ContainsFunc(step.Params, func(of *search.Parameter) bool {
		return of.Code == p.Code && of.Base == p.Base && of.Type == p.Type
	})
}

// renew puts the entries into the place of those of a version; false when it is not the current one
// any more.
func (s *Store) renew(ctx context.Context, old *version, entries []search.Entry) (ok bool, err error) {
	err = s.replace(ctx, func(next *state) error {
		d := next.document(old.Key)
		if ok = d.last() == old; !ok {
			return nil
		}
		v := *old
		v.entries = entries
		renewed := *d
		renewed.versions = slices.Clone(d.versions)
		renewed.versions[len(renewed.versions)-1] = &v
		next.documents.ReplaceOrInsert(d.key, &renewed)
		next.feed.ReplaceOrInsert(v.position, &v)
		return nil
	})
	return ok, err
}

func appendMark(number uint64, typ string) store.Mark {
	return append(binary.BigEndian.AppendUint64(nil, number), typ...)
}

// readMark gives the number of the last document done, 0 for none.
func readMark(m store.Mark, typ string) (uint64, error) {
	if m == nil {
		return 0, nil
	}
	if len(m) < 8 || string(m[8:]) != typ {
		return 0, store.ErrCursor
	}
	return binary.BigEndian.Uint64(m), nil
}
