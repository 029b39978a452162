package mongodb

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/search"
	"kiln/store"
)

// Reindex implements store.Reindexer. Each resource is written by itself, on the condition that it is still
// as it was read.
func (s *Store) Reindex(ctx context.Context, step store.ReindexStep) (done store.Reindexed, err error) {
	if err := s.enter(ctx); err != nil {
		return done, err
	}
	defer s.leave()
	after, err := readMark(step.After, step.Type)
	if err != nil {
		return done, err
	}
	limit := max(step.Limit, 1)
	list, err := s.currentAfter(ctx, step.Type, after, limit+1)
	if err != nil {
		return done, err
	}
	done.Done = len(list) <= limit
	for _, d := range list[:min(limit, len(list))] {
		if err := s.remake(ctx, step, d, &done); err != nil {
			return store.Reindexed{}, told(ctx, err)
		}
		after = d.Number
	}
	done.Next = appendMark(after, step.Type)
	return done, nil
}

// currentAfter are the next resources of a type by their numbers, without those deleted.
func (s *Store) currentAfter(ctx context.Context, typ string, number int64, count int) (list []*document, err error) {
	if !isType(typ) {
		return nil, nil
	}
	for {
		batch := min(count-len(list), fullBatch)
		read := 0
		filter := bson.D{{Key: "num", Value: bson.D{{Key: "$gt", Value: number}}}}
		o := options.Find().SetSort(bson.D{{Key: "num", Value: 1}}).SetLimit(int64(batch))
		for d, err := range rows[document](ctx, s.db.Collection(currentCollection(typ)), filter, o) {
			if err != nil {
				return nil, err
			}
			read, number, d.typ = read+1, d.Number, typ
			if !d.Deleted {
				list = append(list, d)
			}
		}
		if read < batch || len(list) == count {
			return list, nil
		}
	}
}

// remake makes the values of a resource anew, again for as long as it changes meanwhile.
func (s *Store) remake(ctx context.Context, step store.ReindexStep, d *document, done *store.Reindexed) error {
	for {
		made, err := s.remade(ctx, step, d)
		if err != nil {
			return err
		}
		ok, err := s.putIndex(ctx, d, made.index)
		if err != nil {
			return err
		}
		if ok {
			done.Examined++
			if made.changed {
				done.Changed++
			}
			return nil
		}
		if d, err = s.stored(ctx, d.key()); d == nil || d.Deleted || err != nil {
			return err
		}
	}
}

// stored is the newest version of a resource, whole; nil without one.
func (s *Store) stored(ctx context.Context, key store.Key) (*document, error) {
	filter := bson.D{{Key: "_id", Value: key.ID}}
	for d, err := range rows[document](ctx, s.db.Collection(currentCollection(key.Type)), filter) {
		if err != nil {
			return nil, err
		}
		d.typ = key.Type
		return d, nil
	}
	return nil, nil
}

// remadeIndex is what a resource is to be found by, and whether that is other than before.
type remadeIndex struct {
	index
	changed bool
}

func (s *Store) remade(ctx context.Context, step store.ReindexStep, d *document) (remadeIndex, error) {
	old, err := readAllValues(d.Index.Values, s.options.Parameters)
	if err != nil {
		return remadeIndex{}, err
	}
	was, kept := parted(step, old)
	var made []search.Entry
	if step.Extract != nil {
		version, err := (&view{store: s}).whole(ctx, d)
		if err != nil {
			return remadeIndex{}, err
		}
		extracted, err := step.Extract(ctx, version)
		if err != nil {
			return remadeIndex{}, err
		}
		made, _ = parted(step, extracted)
	}
	entries := slices.Concat(made, kept)
	keys := slices.Concat(indexKeys(d.typ, wordless(entries)), wordKeysOf(d.Index.Keys))
	slices.Sort(keys)
	return remadeIndex{
		index:   index{Keys: slices.Compact(keys), Values: appendValues(nil, entries)},
		changed: !bytes.Equal(appendValues(nil, byParameter(made)), appendValues(nil, byParameter(was))),
	}, nil
}

// putIndex puts an index in the place of that of d, unless there is another version or index by now.
func (s *Store) putIndex(ctx context.Context, d *document, made index) (ok bool, err error) {
	if bytes.Equal(made.Values, d.Index.Values) && slices.Equal(made.Keys, d.Index.Keys) {
		return true, nil
	}
	s.snapshots.keep(d)
	same := bson.D{{Key: "_id", Value: d.ID}, {Key: "pos", Value: d.Position}, {Key: "ix.v", Value: d.Index.Values}}
	put := bson.D{{Key: "$set", Value: bson.D{{Key: "ix", Value: made}}}}
	result, err := s.db.Collection(currentCollection(d.typ)).UpdateOne(ctx, same, put)
	if err != nil {
		return false, err
	}
	return result.MatchedCount > 0, nil
}

// wordless leaves out the words, which no step makes: their keys stay.
func wordless(entries []search.Entry) []search.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e search.Entry) bool { return isWords(e.Value) })
}

// wordKeysOf are the keys of _text and _content.
func wordKeysOf(keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		name, _, _ := strings.Cut(key, "=")
		return name != "_text" && name != "_content"
	})
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

// replaces reports whether the step makes the values of a parameter. One whose definition has changed comes as
// another.
func replaces(step store.ReindexStep, p *search.Parameter) bool {
	if p == nil || ownParameter(p) {
		return false
	}
	return step.Params == nil || slices.ContainsFunc(step.Params, func(of *search.Parameter) bool {
		return of.Code == p.Code && of.Base == p.Base && of.Type == p.Type
	})
}

// byParameter puts the values of each parameter together, in which order they come.
func byParameter(entries []search.Entry) []search.Entry {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b search.Entry) int {
		return cmp.Or(strings.Compare(a.Param.Base, b.Param.Base), strings.Compare(a.Param.Code, b.Param.Code), cmp.Compare(a.Param.Type, b.Param.Type))
	})
	return entries
}

// appendMark writes the number of the last resource done.
func appendMark(number int64, typ string) store.Mark {
	return append(binary.BigEndian.AppendUint64(nil, uint64(number)), typ...)
}

// readMark gives it, 0 for none.
func readMark(m store.Mark, typ string) (int64, error) {
	if m == nil {
		return 0, nil
	}
	if len(m) < 8 || string(m[8:]) != typ {
		return 0, store.ErrCursor
	}
	return int64(binary.BigEndian.Uint64(m)), nil
}
