package pebble

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// Records implements store.Store.
func (s *Store) Records(bucket string) store.Records { return &records{s, bucket} }

type records struct {
	store  *Store
	bucket string
}

// record is the value of a record key: a checksum, the revision, the end in milliseconds (0 for
// never) and the value.
type record struct {
	revision uint64
	expires  int64
	value    []byte
}

func (r record) append(b []byte) []byte {
	b = binary.AppendVarint(binary.AppendUvarint(append(b, 0, 0, 0, 0), r.revision), r.expires)
	b = append(b, r.value...)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

// readRecord checks a record; its value shares memory with b.
func readRecord(b []byte) (record, error) {
	if len(b) < 6 || crc32.Checksum(b[4:], castagnoli) != binary.BigEndian.Uint32(b) {
		return record{}, corrupt("a record")
	}
	r := unpacker{rest: b[4:]}
	found := record{revision: r.uvarint(), expires: r.varint()}
	found.value = r.rest
	return found, r.err
}

func (r record) expired(now time.Time) bool { return r.expires != 0 && now.UnixMilli() >= r.expires }

// export copies a record for the caller.
func (r record) export(key string) store.Record {
	out := store.Record{Key: key, Value: append([]byte{}, r.value...), Revision: r.revision}
	if r.expires != 0 {
		out.Expires = time.UnixMilli(r.expires).UTC()
	}
	return out
}

// expiryOf is the end of a record in milliseconds, 0 for never.
func expiryOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	if ms := t.UnixMilli(); ms != 0 {
		return ms
	}
	return 1
}

// getRecord reads a record, expired or not, and calls use with it while its memory lasts.
func getRecord(src source, key []byte, use func(record)) (found bool, err error) {
	value, closer, err := src.Get(key)
	if err != nil {
		return false, ignoreNotFound(err)
	}
	defer closer.Close()
	r, err := readRecord(value)
	if err != nil {
		return false, err
	}
	use(r)
	return true, nil
}

// Get implements store.Records.
func (r *records) Get(ctx context.Context, key string) (found store.Record, err error) {
	s := r.store
	if err := s.enter(ctx); err != nil {
		return store.Record{}, err
	}
	defer s.leave()
	live := false
	_, err = getRecord(s.db, recordKey(nil, r.bucket, key), func(got record) {
		if live = !got.expired(s.options.Now()); live {
			found = got.export(key)
		}
	})
	if err == nil {
		err = s.settle(ctx)
	}
	if err == nil && !live {
		err = store.ErrNotFound
	}
	return found, err
}

// Put implements store.Records.
func (r *records) Put(ctx context.Context, key string, value []byte, expires time.Time, revision uint64) (store.Record, error) {
	if value == nil {
		value = []byte{}
	}
	c := store.RecordChange{Bucket: r.bucket, Key: key, Value: value, Expires: expires, Revision: revision}
	written, err := r.change(ctx, c)
	if err != nil {
		return store.Record{}, err
	}
	return record{revision: written, expires: expiryOf(expires), value: value}.export(key), nil
}

// Delete implements store.Records.
func (r *records) Delete(ctx context.Context, key string, revision uint64) error {
	_, err := r.change(ctx, store.RecordChange{Bucket: r.bucket, Key: key, Revision: revision})
	return err
}

// change writes one record and gives its revision.
func (r *records) change(ctx context.Context, c store.RecordChange) (revision uint64, err error) {
	s := r.store
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	tx := store.Transaction{Records: []store.RecordChange{c}}
	err = s.write(ctx, func() (*landing, error) {
		l := s.newLanding(s.db.NewBatch())
		if err := l.checkRecords(tx, nil); err != nil {
			return l, err
		}
		err := l.writeRecords(tx.Records)
		revision = l.counters.revision
		return l, err
	})
	return revision, err
}

// List implements store.Records.
func (r *records) List(ctx context.Context, prefix, after string, limit int) (list []store.Record, err error) {
	s := r.store
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	bucket := bucketKey(nil, r.bucket)
	options := bounds(append(bucket, prefix...))
	if after != "" && after >= prefix {
		options.LowerBound = append(append(append([]byte(nil), bucket...), after...), 0)
	}
	it, err := s.db.NewIter(options)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	now := s.options.Now()
	for ok := it.First(); ok && (limit <= 0 || len(list) < limit); ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := readRecord(it.Value())
		if err != nil {
			return nil, err
		}
		if !found.expired(now) {
			list = append(list, found.export(strings.Clone(string(it.Key()[len(bucket):]))))
		}
	}
	if err := it.Error(); err != nil {
		return nil, err
	}
	return list, s.settle(ctx)
}

// checkRecords holds the writes against the records that there are; revision 0 is that of none.
func (l *landing) checkRecords(tx store.Transaction, _ []prepared) error {
	for _, c := range tx.Records {
		if c.Revision == store.AnyRevision {
			continue
		}
		current := uint64(0)
		if _, err := getRecord(l.store.db, recordKey(nil, c.Bucket, c.Key), func(r record) {
			if !r.expired(l.now) {
				current = r.revision
			}
		}); err != nil {
			return err
		}
		if current != c.Revision {
			return &store.ConflictError{Kind: store.KindRecord, Claim: c.Key}
		}
	}
	return nil
}

// writeRecords puts or, for a nil value, removes records, and some that have expired with them.
func (l *landing) writeRecords(changes []store.RecordChange) error {
	if len(changes) == 0 {
		return nil
	}
	if err := l.sweep(); err != nil {
		return err
	}
	before := l.counters.revision
	for _, c := range changes {
		if err := l.writeRecord(c); err != nil {
			return err
		}
	}
	if l.counters.revision == before {
		return nil
	}
	return l.batch.Set(metaRevision, binary.BigEndian.AppendUint64(nil, l.counters.revision), nil)
}

func (l *landing) writeRecord(c store.RecordChange) error {
	key := recordKey(nil, c.Bucket, c.Key)
	expires := int64(0)
	found, err := getRecord(l.store.db, key, func(r record) { expires = r.expires })
	if err != nil {
		return err
	}
	if expires != 0 {
		if err := l.batch.Delete(expiryKey(nil, expires, c.Bucket, c.Key), nil); err != nil {
			return err
		}
	}
	if c.Value == nil {
		if !found {
			return nil
		}
		return l.batch.Delete(key, nil)
	}
	l.counters.revision++
	next := record{revision: l.counters.revision, expires: expiryOf(c.Expires), value: c.Value}
	if next.expires != 0 {
		if err := l.batch.Set(expiryKey(nil, next.expires, c.Bucket, c.Key), nil, nil); err != nil {
			return err
		}
	}
	return l.batch.Set(key, next.append(nil), nil)
}

// sweepLimit is how many expired records one write removes.
const sweepLimit = 32

// sweep removes records that have expired; those that the transaction writes come later in the batch.
func (l *landing) sweep() error {
	it, err := l.store.db.NewIter(&lsm.IterOptions{
		LowerBound: []byte{keyExpiry},
		UpperBound: appendTime([]byte{keyExpiry}, l.now.UnixMilli()+1),
	})
	if err != nil {
		return err
	}
	defer it.Close()
	n := 0
	for ok := it.First(); ok && n < sweepLimit; ok = it.Next() {
		key := it.Key()
		if err := l.batch.Delete(append([]byte{keyRecord}, key[9:]...), nil); err != nil {
			return err
		}
		if err := l.batch.Delete(key, nil); err != nil {
			return err
		}
		n++
	}
	return it.Error()
}
