package memory

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/RaduBerinde/btreemap"

	"kiln/store"
)

type recordKey struct{ bucket, key string }

func compareRecordKeys(a, b recordKey) int {
	return cmp.Or(strings.Compare(a.bucket, b.bucket), strings.Compare(a.key, b.key))
}

// expiry orders the records that expire by when they do.
type expiry struct {
	at time.Time
	recordKey
}

func compareExpiries(a, b expiry) int {
	return cmp.Or(a.at.Compare(b.at), compareRecordKeys(a.recordKey, b.recordKey))
}

// record gives a record that has not expired.
func (s *state) record(key recordKey, now time.Time) (store.Record, bool) {
	if _, r, ok := s.records.Get(key); ok && !expired(r, now) {
		return r, true
	}
	return store.Record{}, false
}

func expired(r store.Record, now time.Time) bool {
	return !r.Expires.IsZero() && !now.Before(r.Expires)
}

// checkRevision holds a write against the record that there is; revision 0 is that of none.
func (s *state) checkRevision(key recordKey, revision uint64, now time.Time) error {
	if r, _ := s.record(key, now); revision != store.AnyRevision && revision != r.Revision {
		return &store.ConflictError{Kind: store.KindRecord, Claim: key.key}
	}
	return nil
}

// write puts or, for a nil value, removes a record.
func (s *state) write(c store.RecordChange) store.Record {
	key := recordKey{c.Bucket, c.Key}
	s.remove(key)
	if c.Value == nil {
		return store.Record{}
	}
	s.revision++
	r := store.Record{Key: c.Key, Value: append([]byte{}, c.Value...), Revision: s.revision}
	if !c.Expires.IsZero() {
		r.Expires = c.Expires.UTC().Truncate(time.Millisecond)
		s.expiries.ReplaceOrInsert(expiry{r.Expires, key}, struct{}{})
	}
	s.records.ReplaceOrInsert(key, r)
	return r
}

func (s *state) remove(key recordKey) {
	if _, r, ok := s.records.Delete(key); ok {
		s.expiries.Delete(expiry{r.Expires, key})
	}
}

// sweep removes what has expired.
func (s *state) sweep(now time.Time) {
	for {
		first, _, ok := s.expiries.Min()
		if !ok || now.Before(first.at) {
			return
		}
		s.remove(first.recordKey)
	}
}

// Records implements store.Store.
func (s *Store) Records(bucket string) store.Records { return &records{s, bucket} }

type records struct {
	store  *Store
	bucket string
}

// Get implements store.Records.
func (r *records) Get(ctx context.Context, key string) (store.Record, error) {
	v, err := r.store.reader.open(ctx)
	if err != nil {
		return store.Record{}, err
	}
	found, ok := v.record(recordKey{r.bucket, key}, r.store.options.Now())
	if !ok {
		return store.Record{}, store.ErrNotFound
	}
	return found, nil
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

func (r *records) change(ctx context.Context, c store.RecordChange) (written store.Record, err error) {
	err = r.store.replace(ctx, func(next *state) error {
		now := r.store.options.Now()
		if err := next.checkRevision(recordKey{c.Bucket, c.Key}, c.Revision, now); err != nil {
			return err
		}
		next.sweep(now)
		written = next.write(c)
		return nil
	})
	return written, err
}

// List implements store.Records.
func (r *records) List(ctx context.Context, prefix, after string, limit int) ([]store.Record, error) {
	v, err := r.store.reader.open(ctx)
	if err != nil {
		return nil, err
	}
	var list []store.Record
	now := r.store.options.Now()
	from := btreemap.GE(recordKey{r.bucket, prefix})
	if after >= prefix && after != "" {
		from = btreemap.GT(recordKey{r.bucket, after})
	}
	for key, record := range v.records.Ascend(from, btreemap.Max[recordKey]()) {
		if key.bucket != r.bucket || !strings.HasPrefix(key.key, prefix) {
			break
		}
		if !expired(record, now) {
			list = append(list, record)
		}
		if limit > 0 && len(list) == limit {
			break
		}
	}
	return list, nil
}
