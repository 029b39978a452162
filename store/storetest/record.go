package storetest

import (
	"fmt"
	"time"

	"kiln/store"
)

var records = []promise{
	{"a record is what was put, until it is deleted", recordRoundTrip},
	{"a revision is the condition of a write", recordRevisions},
	{"no revision is given twice, not after a deletion or expiry either", revisionsAreNew},
	{"a record expires by the clock and then counts as none", recordExpires},
	{"records are listed in the order of their keys, by prefix, after a key, to a limit", recordList},
	{"buckets and keys are any bytes and do not run into one another", recordBytes},
	{"records of a transaction land with it, under the same rules", recordsInTransaction},
}

func (t *trial) putRecord(bucket, key, value string, expires time.Time, revision uint64) store.Record {
	t.Helper()
	r, err := t.Records(bucket).Put(t.ctx, key, []byte(value), expires, revision)
	t.must(err)
	return r
}

func (t *trial) noRecord(bucket, key string) {
	t.Helper()
	r, err := t.Records(bucket).Get(t.ctx, key)
	t.is(fmt.Sprintf("the record %s/%s (%s)", bucket, key, r.Value), err, store.ErrNotFound)
}

var staleRecord = store.ConflictError{Kind: store.KindRecord, Claim: "k"}

func recordRoundTrip(t *trial) {
	b := t.Records("b")
	t.noRecord("b", "k")
	t.must(b.Delete(t.ctx, "k", store.AnyRevision))
	expires := Start.Add(time.Hour).Add(5 * time.Millisecond)
	put := t.putRecord("b", "k", "\x00value\xff", expires, store.AnyRevision)
	t.equal("what was put", put, store.Record{Key: "k", Value: []byte("\x00value\xff"), Expires: expires, Revision: put.Revision})
	got, err := b.Get(t.ctx, "k")
	t.must(err)
	t.equal("the record", got, put)
	put = t.putRecord("b", "k", "", time.Time{}, store.AnyRevision)
	if !put.Expires.IsZero() {
		t.Fatalf("a record that never expires says %v", put.Expires)
	}
	got, err = t.Records("b").Get(t.ctx, "k")
	t.must(err)
	t.equal("the record", got, put)
	_, err = b.Put(t.ctx, "nil", nil, time.Time{}, 0)
	t.must(err)
	got, err = b.Get(t.ctx, "nil")
	t.must(err)
	t.equal("the value put as nil", got.Value, []byte{})
	t.must(b.Delete(t.ctx, "k", store.AnyRevision))
	t.noRecord("b", "k")
}

func recordRevisions(t *trial) {
	b := t.Records("b")
	_, err := b.Put(t.ctx, "k", nil, time.Time{}, 1)
	t.conflict(err, staleRecord)
	t.conflict(b.Delete(t.ctx, "k", 1), staleRecord)
	t.must(b.Delete(t.ctx, "k", 0))
	first := t.putRecord("b", "k", "1", time.Time{}, 0)
	_, err = b.Put(t.ctx, "k", nil, time.Time{}, 0)
	t.conflict(err, staleRecord)
	t.conflict(b.Delete(t.ctx, "k", 0), staleRecord)
	second := t.putRecord("b", "k", "2", time.Time{}, first.Revision)
	if first.Revision == 0 || second.Revision <= first.Revision || second.Revision == store.AnyRevision {
		t.Fatalf("the revisions are %d and %d", first.Revision, second.Revision)
	}
	_, err = b.Put(t.ctx, "k", nil, time.Time{}, first.Revision)
	t.conflict(err, staleRecord)
	t.conflict(b.Delete(t.ctx, "k", first.Revision), staleRecord)
	got, err := b.Get(t.ctx, "k")
	t.must(err)
	t.equal("the record", got, second)
	t.must(b.Delete(t.ctx, "k", second.Revision))
	t.noRecord("b", "k")
}

func revisionsAreNew(t *trial) {
	b := t.Records("b")
	seen := map[uint64]bool{}
	last := uint64(0)
	put := func(expires time.Time) {
		r := t.putRecord("b", "k", "v", expires, 0)
		if seen[r.Revision] || r.Revision <= last {
			t.Fatalf("revision %d after %d", r.Revision, last)
		}
		seen[r.Revision], last = true, r.Revision
	}
	for range 3 {
		put(time.Time{})
		t.must(b.Delete(t.ctx, "k", last))
		put(t.clock.Now().Add(time.Second))
		t.clock.Advance(time.Second)
		t.conflict(b.Delete(t.ctx, "k", last), staleRecord)
	}
}

func recordExpires(t *trial) {
	b := t.Records("b")
	r := t.putRecord("b", "k", "v", Start.Add(time.Minute), 0)
	t.putRecord("b", "l", "v", Start.Add(2*time.Minute), 0)
	t.clock.Set(Start.Add(time.Minute - time.Millisecond))
	_, err := b.Get(t.ctx, "k")
	t.must(err)
	t.clock.Set(Start.Add(time.Minute))
	t.noRecord("b", "k")
	list, err := b.List(t.ctx, "", "", 0)
	t.must(err)
	t.equal("the records left", recordKeys(list), []string{"l"})
	_, err = b.Put(t.ctx, "k", nil, time.Time{}, r.Revision)
	t.conflict(err, staleRecord)
	t.must(b.Delete(t.ctx, "k", 0))
	r = t.putRecord("b", "k", "again", time.Time{}, 0)
	t.clock.Advance(time.Hour)
	got, err := b.Get(t.ctx, "k")
	t.must(err)
	t.equal("a record that never expires", got, r)
	// One written anew lives by its new expiry, and one written in the past never was.
	t.putRecord("b", "m", "v", t.clock.Now().Add(time.Second), 0)
	t.putRecord("b", "m", "v", t.clock.Now().Add(time.Hour), store.AnyRevision)
	t.putRecord("b", "n", "v", t.clock.Now(), 0)
	t.clock.Advance(time.Minute)
	t.putRecord("b", "o", "v", time.Time{}, 0)
	list, err = b.List(t.ctx, "", "", 0)
	t.must(err)
	t.equal("the records left", recordKeys(list), []string{"k", "m", "o"})
}

func recordKeys(list []store.Record) []string {
	keys := make([]string, len(list))
	for i, r := range list {
		keys[i] = r.Key
	}
	return keys
}

func recordList(t *trial) {
	for _, key := range []string{"job/2", "a", "job/10", "job", "job/1", "jobs", "é", "Z", "job/1/x", ""} {
		t.putRecord("b", key, "value of "+key, time.Time{}, 0)
	}
	t.putRecord("b", "job/15", "expired", Start, 0)
	t.putRecord("b2", "job/3", "elsewhere", time.Time{}, 0)
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          []string
	}{
		{"", "", 0, []string{"", "Z", "a", "job", "job/1", "job/1/x", "job/10", "job/2", "jobs", "é"}},
		{"job/", "", 0, []string{"job/1", "job/1/x", "job/10", "job/2"}},
		{"job/", "", 3, []string{"job/1", "job/1/x", "job/10"}},
		{"job/", "job/10", 3, []string{"job/2"}},
		{"job/", "job/15", 0, []string{"job/2"}},
		{"job/", "a", 1, []string{"job/1"}},
		{"job/", "job/2", 0, nil},
		{"job/", "zzz", 0, nil},
		{"job", "job", 1, []string{"job/1"}},
		{"", "job/2", 0, []string{"jobs", "é"}},
		{"nothing", "", 0, nil},
	} {
		list, err := t.Records("b").List(t.ctx, c.prefix, c.after, c.limit)
		t.must(err)
		t.equal(fmt.Sprintf("List(%q, %q, %d)", c.prefix, c.after, c.limit), recordKeys(list), c.want)
		for _, r := range list {
			got, err := t.Records("b").Get(t.ctx, r.Key)
			t.must(err)
			t.equal("the record listed", r, got)
			t.equal("its value", string(r.Value), "value of "+r.Key)
		}
	}
}

func recordBytes(t *trial) {
	words := []string{"", "a", "ab", "a\x00", "a\x00b", "\x00", "\xff", "a/b", "b", "\x00\x01"}
	for _, bucket := range words {
		for _, key := range words {
			t.putRecord(bucket, key, bucket+"|"+key, time.Time{}, 0)
		}
	}
	for _, bucket := range words {
		for _, key := range words {
			r, err := t.Records(bucket).Get(t.ctx, key)
			t.must(err)
			t.equal("the value", string(r.Value), bucket+"|"+key)
		}
		list, err := t.Records(bucket).List(t.ctx, "", "", 0)
		t.must(err)
		t.equal("the keys of a bucket", recordKeys(list), []string{"", "\x00", "\x00\x01", "a", "a\x00", "a\x00b", "a/b", "ab", "b", "\xff"})
		list, err = t.Records(bucket).List(t.ctx, "\xff", "", 0)
		t.must(err)
		t.equal("the keys at the end", recordKeys(list), []string{"\xff"})
	}
	t.must(t.Records("a").Delete(t.ctx, "\x00b", store.AnyRevision))
	_, err := t.Records("a\x00").Get(t.ctx, "b")
	t.must(err)
}

func recordsInTransaction(t *trial) {
	old := t.putRecord("b", "k", "old", time.Time{}, 0)
	write := func(value []byte, revision uint64) store.Transaction {
		return store.Transaction{
			Changes: []store.Change{Put("Patient/a")},
			Records: []store.RecordChange{
				{Bucket: "c", Key: "k", Value: []byte("beside"), Expires: Start.Add(time.Second), Revision: store.AnyRevision},
				{Bucket: "b", Key: "k", Value: value, Revision: revision},
			},
		}
	}
	t.refused(write([]byte("new"), 0), staleRecord)
	t.refused(write(nil, old.Revision+1), staleRecord)
	t.noRecord("c", "k")
	t.absent(t, "Patient/a")
	t.land(write([]byte("new"), old.Revision))
	got, err := t.Records("b").Get(t.ctx, "k")
	t.must(err)
	t.equal("the value", string(got.Value), "new")
	if got.Revision <= old.Revision {
		t.Fatalf("revision %d after %d", got.Revision, old.Revision)
	}
	_, err = t.Records("c").Get(t.ctx, "k")
	t.must(err)
	t.clock.Advance(time.Second)
	t.noRecord("c", "k")
	t.land(write([]byte{}, got.Revision))
	got, err = t.Records("b").Get(t.ctx, "k")
	t.must(err)
	t.equal("an empty value", len(got.Value), 0)
	t.land(write(nil, got.Revision))
	t.noRecord("b", "k")
	t.refused(write(nil, got.Revision), staleRecord)
	t.land(write(nil, 0))
	t.land(write(nil, store.AnyRevision))
	t.noRecord("b", "k")
}
