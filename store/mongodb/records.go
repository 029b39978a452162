package mongodb

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store"
)

// revision is that of a record, 0 where there is none or it has expired.
func (s state) revision(now time.Time) uint64 {
	if s.Ends && !now.Before(s.Expires.Time()) {
		return 0
	}
	return s.Number
}

func (s state) record(key string) store.Record {
	r := store.Record{Key: key, Value: s.Value, Revision: s.Number}
	if r.Value == nil {
		r.Value = []byte{}
	}
	if s.Ends {
		r.Expires = s.Expires.Time().UTC()
	}
	return r
}

// Records implements store.Store.
func (s *Store) Records(bucket string) store.Records { return &records{s, bucket} }

type records struct {
	store  *Store
	bucket string
}

// Get implements store.Records.
func (r *records) Get(ctx context.Context, key string) (store.Record, error) {
	if err := r.store.enter(ctx); err != nil {
		return store.Record{}, err
	}
	defer r.store.leave()
	name := recordName(r.bucket, key)
	found, err := r.store.slots(ctx, recordsCollection, []string{name})
	if err != nil {
		return store.Record{}, err
	}
	live, err := r.store.live(ctx, found[name])
	if err != nil || live == nil {
		return store.Record{}, orNotFound(err)
	}
	return live.record(key), nil
}

func orNotFound(err error) error {
	if err == nil {
		return store.ErrNotFound
	}
	return err
}

// live gives of slots that were read the states that are committed and have not expired, nil for none. A state of
// a landing that the head has not come to yet does not show: the one before it was committed when it was read.
func (s *Store) live(ctx context.Context, c *slot) (*state, error) {
	list, err := s.allLive(ctx, []*slot{c})
	return list[0], err
}

func (s *Store) allLive(ctx context.Context, slots []*slot) ([]*state, error) {
	list := make([]*state, len(slots))
	if !slices.ContainsFunc(slots, func(c *slot) bool { return c != nil }) {
		return list, nil
	}
	h, err := s.readHead(ctx)
	if err != nil {
		return list, err
	}
	now := s.options.Now()
	for i, c := range slots {
		shown, err := c.as(h.Turn)
		if err != nil {
			return list, err
		}
		if shown.revision(now) > 0 {
			list[i] = &shown
		}
	}
	return list, nil
}

// Put implements store.Records.
func (r *records) Put(ctx context.Context, key string, value []byte, expires time.Time, revision uint64) (store.Record, error) {
	if value == nil {
		value = []byte{}
	}
	return r.change(ctx, store.RecordChange{Bucket: r.bucket, Key: key, Value: value, Expires: expires, Revision: revision})
}

// Delete implements store.Records.
func (r *records) Delete(ctx context.Context, key string, revision uint64) error {
	_, err := r.change(ctx, store.RecordChange{Bucket: r.bucket, Key: key, Revision: revision})
	return err
}

func (r *records) change(ctx context.Context, c store.RecordChange) (store.Record, error) {
	made, err := r.store.commit(ctx, store.Transaction{Records: []store.RecordChange{c}})
	if err != nil {
		return store.Record{}, err
	}
	return made.records[0], nil
}

// listBatch is how many records are read at once.
const listBatch = 1000

// List implements store.Records.
func (r *records) List(ctx context.Context, prefix, after string, limit int) (list []store.Record, err error) {
	if err := r.store.enter(ctx); err != nil {
		return nil, err
	}
	defer r.store.leave()
	begin := slotName(r.bucket) + " /"
	from := bson.D{{Key: "$gte", Value: begin + slotName(prefix)}}
	if after >= prefix && after != "" {
		from = bson.D{{Key: "$gt", Value: begin + slotName(after)}}
	}
	for {
		slots, err := r.store.slotsFrom(ctx, from, listBatch)
		if err != nil {
			return nil, err
		}
		states, err := r.store.allLive(ctx, slots)
		if err != nil {
			return nil, err
		}
		for i, c := range slots {
			name, within := strings.CutPrefix(c.Name, begin)
			if !within || !strings.HasPrefix(name, slotName(prefix)) || limit > 0 && len(list) == limit {
				return list, nil
			}
			if states[i] == nil {
				continue
			}
			key, err := readSlotName(name)
			if err != nil {
				return nil, err
			}
			list = append(list, states[i].record(key))
		}
		if len(slots) < listBatch {
			return list, nil
		}
		from = bson.D{{Key: "$gt", Value: slots[len(slots)-1].Name}}
	}
}

// slotsFrom are the next records by their names.
func (s *Store) slotsFrom(ctx context.Context, from bson.D, limit int64) (list []*slot, err error) {
	o := options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(limit)
	for c, err := range rows[slot](ctx, s.db.Collection(recordsCollection), bson.D{{Key: "_id", Value: from}}, o) {
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// Buckets implements store.Store.
func (s *Store) Buckets(ctx context.Context) (names []string, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	from := bson.D{{Key: "$gt", Value: ""}}
	for {
		slots, err := s.slotsFrom(ctx, from, listBatch)
		if err != nil || len(slots) == 0 {
			return names, err
		}
		states, err := s.allLive(ctx, slots)
		if err != nil {
			return nil, err
		}
		last := ""
		for i, c := range slots {
			written, _, _ := strings.Cut(c.Name, " /")
			bucket, err := readSlotName(written)
			if err != nil {
				return nil, err
			}
			if states[i] != nil && (len(names) == 0 || names[len(names)-1] != bucket) {
				names = append(names, bucket)
				last = written + " 0" // after all records of the bucket, whose names go on with " /"
				break
			}
			last = c.Name
		}
		from = bson.D{{Key: "$gt", Value: last}}
	}
}

// Claims implements store.Store.
func (s *Store) Claims(ctx context.Context, key store.Key) (claims []string, err error) {
	err = s.newest().during(ctx, func(v *view) error {
		d, err := v.lookup(ctx, key)
		claims = d.claims()
		slices.Sort(claims)
		claims = slices.Compact(claims)
		return err
	})
	return claims, err
}
