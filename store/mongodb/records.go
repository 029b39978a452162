package mongodb

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store"
)

type recordKey struct{ bucket, key string }

// separator stands between bucket and key in the name of a record, and in no bucket.
const separator = "\x01\x03"

func (k recordKey) name() string { return keyName(k.bucket) + separator + keyName(k.key) }

// record is a record with what it was before, which is shown until the landing that wrote it is marked. One that
// was deleted stays for a day, without a value.
type record struct {
	Name   string     `bson:"_id"`
	Bucket string     `bson:"b"`
	Key    string     `bson:"k"`
	Turn   int64      `bson:"turn"` // of the landing that wrote it
	Was    *wasRecord `bson:"was,omitempty"`
	Now    wasRecord  `bson:",inline"`
	// Removed is when the database may drop it: an hour after its end, a day after its deletion.
	Removed bson.DateTime `bson:"rm,omitempty"`
}

type wasRecord struct {
	Value    []byte        `bson:"val"`
	Expires  bson.DateTime `bson:"exp,omitempty"`
	Revision int64         `bson:"rev"` // 0: there is none
}

func (r *record) live(now time.Time) bool { return r != nil && r.Now.live(now) }

func (r wasRecord) live(now time.Time) bool {
	return r.Revision != 0 && (r.Expires == 0 || now.Before(r.Expires.Time()))
}

// at is what the record was after a turn.
func (r *record) at(turn int64) wasRecord {
	switch {
	case r.Turn <= turn:
		return r.Now
	case r.Was != nil:
		return *r.Was
	}
	return wasRecord{}
}

func (r wasRecord) export(key string) store.Record {
	out := store.Record{Key: key, Value: append([]byte{}, r.Value...), Revision: uint64(r.Revision)}
	if r.Expires != 0 {
		out.Expires = r.Expires.Time().UTC()
	}
	return out
}

// How long the database keeps records that are gone.
const (
	expiredKept = time.Hour
	deletedKept = 24 * time.Hour
)

// write puts or, for a nil value, removes a record.
func (k *stock) write(c store.RecordChange) store.Record {
	key := recordKey{c.Bucket, c.Key}
	next := &record{Name: key.name(), Bucket: keyName(c.Bucket), Key: keyName(c.Key), Turn: k.turn}
	if s := k.records[key]; s != nil && s.stored != nil {
		was := s.stored.Now
		next.Was = &was
	}
	if c.Value == nil {
		next.Removed = dateTime(k.now.Add(deletedKept))
		put(k.records, key, next)
		return store.Record{}
	}
	k.head.Revision++
	next.Now.Value, next.Now.Revision = append([]byte{}, c.Value...), k.head.Revision
	if !c.Expires.IsZero() {
		next.Now.Expires = dateTime(c.Expires)
		if next.Now.Expires == 0 {
			next.Now.Expires = 1 // 0 is never
		}
		next.Removed = dateTime(c.Expires.Add(expiredKept))
	}
	put(k.records, key, next)
	return next.Now.export(c.Key)
}

// Records implements store.Store.
func (s *Store) Records(bucket string) store.Records { return &records{s, bucket} }

type records struct {
	store  *Store
	bucket string
}

// Get implements store.Records.
func (r *records) Get(ctx context.Context, key string) (found store.Record, err error) {
	s := r.store
	err = s.newest().during(ctx, func(ctx context.Context, v *view) error {
		name := recordKey{r.bucket, key}.name()
		for got, err := range rows[record](ctx, s.db.Collection(recordsCollection), byID(name)) {
			if err != nil {
				return err
			}
			if value := got.at(v.turn); value.live(s.options.Now()) {
				found = value.export(key)
				return nil
			}
		}
		return store.ErrNotFound
	})
	return found, err
}

// Put implements store.Records.
func (r *records) Put(ctx context.Context, key string, value []byte, expires time.Time, revision uint64) (store.Record, error) {
	if value == nil {
		value = []byte{}
	}
	return r.change(ctx, store.RecordChange{Key: key, Value: value, Expires: expires, Revision: revision})
}

// Delete implements store.Records.
func (r *records) Delete(ctx context.Context, key string, revision uint64) error {
	_, err := r.change(ctx, store.RecordChange{Key: key, Revision: revision})
	return err
}

func (r *records) change(ctx context.Context, c store.RecordChange) (store.Record, error) {
	c.Bucket = r.bucket
	made, err := r.store.commit(ctx, store.Transaction{Records: []store.RecordChange{c}})
	if err != nil {
		return store.Record{}, err
	}
	return made.records[0], nil
}

// recordsBatch is how many records are read at once.
const recordsBatch = 1000

// List implements store.Records.
func (r *records) List(ctx context.Context, prefix, after string, limit int) (list []store.Record, err error) {
	s := r.store
	err = s.newest().during(ctx, func(ctx context.Context, v *view) error {
		now := s.options.Now()
		from, begins := "$gte", keyName(prefix)
		if after != "" && after >= prefix {
			from, begins = "$gt", keyName(after)
		}
		for {
			filter := bson.D{{Key: "b", Value: keyName(r.bucket)}, {Key: "k", Value: bson.D{{Key: from, Value: begins}}}}
			n, more := 0, options.Find().SetSort(bson.D{{Key: "k", Value: 1}}).SetLimit(recordsBatch)
			for got, err := range rows[record](ctx, s.db.Collection(recordsCollection), filter, more) {
				if err != nil {
					return err
				}
				n++
				key := nameKey(got.Key)
				if len(key) < len(prefix) || key[:len(prefix)] != prefix || limit > 0 && len(list) == limit {
					return nil
				}
				if value := got.at(v.turn); value.live(now) {
					list = append(list, value.export(key))
				}
				from, begins = "$gt", got.Key
			}
			if n < recordsBatch {
				return nil
			}
		}
	})
	return list, err
}

// Buckets implements store.Store.
func (s *Store) Buckets(ctx context.Context) (names []string, err error) {
	err = s.newest().during(ctx, func(ctx context.Context, v *view) error {
		now := s.options.Now()
		last := bson.D{}
		for {
			found := false
			o := options.Find().SetSort(bson.D{{Key: "b", Value: 1}, {Key: "k", Value: 1}}).SetLimit(recordsBatch)
			for got, err := range rows[record](ctx, s.db.Collection(recordsCollection), last, o) {
				if err != nil {
					return err
				}
				found, last = true, after(got)
				if got.at(v.turn).live(now) {
					names = append(names, nameKey(got.Bucket))
					last = bson.D{{Key: "b", Value: bson.D{{Key: "$gt", Value: got.Bucket}}}}
					break
				}
			}
			if !found {
				return nil
			}
		}
	})
	return names, err
}

// after is the condition to come behind a record.
func after(r *record) bson.D {
	return bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: "b", Value: bson.D{{Key: "$gt", Value: r.Bucket}}}},
		bson.D{{Key: "b", Value: r.Bucket}, {Key: "k", Value: bson.D{{Key: "$gt", Value: r.Key}}}},
	}}}
}
