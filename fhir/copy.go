package fhir

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"iter"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// copyBucket holds how far a copy has come, in the store that it is made in.
const copyBucket = "copy"

// copyRecord lands with each commit of a copy, so that it never tells of more or less than is there.
const copyRecord = "progress"

// CopyClock is the clock of a store that a copy is made in: it shows the time at which each version was first
// stored. The zero CopyClock shows the present.
type CopyClock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the time that it shows.
func (c *CopyClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.IsZero() {
		return time.Now()
	}
	return c.now
}

func (c *CopyClock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// Copy makes To the same as From: all versions of all resources with their numbers, times and order, the claims
// of those that are current, and the records; search indexes are made anew, with Parameters. A copy that
// was broken off goes on where it was, and one that was whole takes what has come to From since.
type Copy struct {
	From, To   store.Store
	Clock      *CopyClock         // of To
	Parameters *search.Parameters // of To
	Logger     *slog.Logger
	Copied     func(versions int) // told of progress; may be nil
}

// Copied is what a copy holds when it is done.
type Copied struct {
	Versions, Resources, Records int64
	// Sum is SHA-256 over all versions in the order of the feed, the same of both stores.
	Sum string
}

// copied is the record of the progress.
type copied struct {
	From     store.Position `json:"from"` // the last version that was copied
	Versions int64          `json:"versions"`
	Digest   []byte         `json:"digest"` // of the versions, to be gone on with
}

// copying is a copy at work.
type copying struct {
	*Copy
	done  copied
	sum   digest
	group []store.Version // to land together
	upTo  store.Position  // the last of them
}

// Run copies and then compares. Errors say what is in the way; that To is neither empty nor an earlier copy
// of From; and what differs in the end.
func (c *Copy) Run(ctx context.Context) (Copied, error) {
	defer c.Clock.set(time.Time{})
	if err := installDefinitions(ctx, c.From, c.Parameters, c.Logger); err != nil {
		return Copied{}, err
	}
	x := &copying{Copy: c, sum: newDigest()}
	if err := x.resume(ctx); err != nil {
		return Copied{}, err
	}
	if err := x.versions(ctx); err != nil {
		return Copied{}, err
	}
	c.Clock.set(time.Time{})
	if err := CompleteIndexes(ctx, c.To, c.Parameters); err != nil {
		return Copied{}, err
	}
	result := Copied{Versions: x.done.Versions, Sum: x.sum.String()}
	var err error
	if result.Records, err = x.records(ctx); err != nil {
		return Copied{}, err
	}
	result.Resources, err = x.compare(ctx)
	return result, err
}

// resume finds how far an earlier copy came.
func (x *copying) resume(ctx context.Context) error {
	record, err := x.To.Records(copyBucket).Get(ctx, copyRecord)
	switch {
	case err == nil:
		if err := json.Unmarshal(record.Value, &x.done); err != nil {
			return fmt.Errorf("the record of an earlier copy cannot be read: %w", err)
		}
		if err := x.sum.resume(x.done.Digest); err != nil {
			return fmt.Errorf("the record of an earlier copy cannot be read: %w", err)
		}
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	there, err := versionsOf(ctx, x.To)
	switch {
	case err != nil:
		return err
	case there > x.done.Versions && x.done.Versions == 0:
		return fmt.Errorf("the store to copy to has %d versions of resources already; expected an empty one, or an earlier copy", there)
	case there != x.done.Versions:
		return errors.New("the store to copy to was written to since it was copied; expected an empty one, or an earlier copy that nobody changed")
	}
	return nil
}

// versionsOf is how many versions a store has.
func versionsOf(ctx context.Context, s store.Store) (int64, error) {
	page, err := s.History(ctx, store.HistoryQuery{})
	return page.Total, err
}

// eventsAfter yields the next n events.
func eventsAfter(ctx context.Context, s store.Store, after store.Position, n int64) iter.Seq2[store.Event, error] {
	return func(yield func(store.Event, error) bool) {
		feed, err := s.Changes(ctx, after)
		if err != nil {
			yield(store.Event{}, err)
			return
		}
		defer func() { _ = feed.Close() }()
		for range n {
			event, err := feed.Next(ctx)
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// versions copies all that there are when it begins.
func (x *copying) versions(ctx context.Context) error {
	there, err := versionsOf(ctx, x.From)
	if err != nil {
		return err
	}
	if there < x.done.Versions {
		return fmt.Errorf("the store to copy from has %d versions, and an earlier copy has %d already; expected the store that was copied", there, x.done.Versions)
	}
	for event, err := range eventsAfter(ctx, x.From, x.done.From, there-x.done.Versions) {
		if err != nil {
			return err
		}
		if !x.together(event.Version) {
			if err := x.land(ctx); err != nil {
				return err
			}
		}
		x.group, x.upTo = append(x.group, event.Version), event.Position
	}
	return x.land(ctx)
}

// copyTogether and copyBytes bound what lands together. Engines have limits for a transaction, and a version adds
// to its bytes what it is found by.
const (
	copyTogether = 500
	copyBytes    = 2 << 20
)

// together reports whether a version can land with those that wait: a commit has one time, and no resource
// twice.
func (x *copying) together(v store.Version) bool {
	if len(x.group) == 0 {
		return true
	}
	if len(x.group) == copyTogether || !v.LastUpdated.Equal(x.group[0].LastUpdated) {
		return false
	}
	bytes := len(v.Body)
	for _, other := range x.group {
		if other.Key == v.Key {
			return false
		}
		bytes += len(other.Body)
	}
	return bytes <= copyBytes
}

// land commits those that wait, with the record of it.
func (x *copying) land(ctx context.Context) error {
	if len(x.group) == 0 {
		return nil
	}
	claims, err := claimsOf(ctx, x.From, x.group)
	if err != nil {
		return err
	}
	tx := store.Transaction{Changes: make([]store.Change, len(x.group))}
	for i, v := range x.group {
		change, err := x.change(ctx, v, claims[v.Key])
		if err != nil {
			return fmt.Errorf("%s, version %d: %w", v.Key, v.VersionID, err)
		}
		tx.Changes[i] = change
		x.sum.add(v)
	}
	next := x.done
	next.From, next.Versions = x.upTo, next.Versions+int64(len(x.group))
	if next.Digest, err = x.sum.state(); err != nil {
		return err
	}
	value, err := json.Marshal(next)
	if err != nil {
		return err
	}
	tx.Records = []store.RecordChange{{Bucket: copyBucket, Key: copyRecord, Value: value, Revision: store.AnyRevision}}
	x.Clock.set(x.group[0].LastUpdated)
	landed, err := x.To.Commit(ctx, tx)
	if err != nil {
		return err
	}
	for i, v := range landed {
		if want := x.group[i]; v.VersionID != want.VersionID || !v.LastUpdated.Equal(want.LastUpdated) {
			return fmt.Errorf("%s became version %d of %s in the copy; expected version %d of %s", v.Key, v.VersionID, v.LastUpdated, want.VersionID, want.LastUpdated)
		}
	}
	if x.Copied != nil {
		x.Copied(len(x.group))
	}
	x.done, x.group = next, x.group[:0]
	return nil
}

// claimsOf are the claims that the resources of some versions hold now, which a database is asked for together.
func claimsOf(ctx context.Context, s store.Store, versions []store.Version) (map[store.Key][]string, error) {
	keys := make([]store.Key, 0, len(versions))
	for _, v := range versions {
		if !v.Deleted() {
			keys = append(keys, v.Key)
		}
	}
	if together, ok := s.(interface {
		ClaimsOf(ctx context.Context, keys []store.Key) (map[store.Key][]string, error)
	}); ok {
		return together.ClaimsOf(ctx, keys)
	}
	claims := make(map[store.Key][]string, len(keys))
	for _, key := range keys {
		var err error
		if claims[key], err = s.Claims(ctx, key); err != nil {
			return nil, err
		}
	}
	return claims, nil
}

// change is the change that makes a version again. The claims are those of the newest version, which nobody else
// holds, so the older ones may have them too.
func (x *copying) change(ctx context.Context, v store.Version, claims []string) (store.Change, error) {
	change := store.Change{Key: v.Key, Method: v.Method, If: store.Precondition{Kind: store.IfVersion, Version: v.VersionID - 1}}
	if v.Deleted() {
		return change, nil
	}
	doc, err := resources.Parse(v.Body)
	if err != nil {
		return change, err
	}
	element, err := doc.Resource()
	if err != nil {
		return change, err
	}
	change.Content = doc.Stamp(v.ID)
	change.Claims = claims
	change.Entries, err = x.Parameters.Extract(ctx, element)
	return change, err
}

// compare reads all of the copy again: it must be what was read from the other store. It gives the number
// of resources.
func (x *copying) compare(ctx context.Context) (int64, error) {
	sum, versions := newDigest(), int64(0)
	there, err := versionsOf(ctx, x.To)
	if err != nil {
		return 0, err
	}
	for event, err := range eventsAfter(ctx, x.To, 0, there) {
		if err != nil {
			return 0, err
		}
		sum.add(event.Version)
		versions++
	}
	if versions != x.done.Versions || sum.String() != x.sum.String() {
		return 0, fmt.Errorf("the copy has %d versions with the sum %s; expected %d with %s", versions, sum, x.done.Versions, x.sum)
	}
	everything := &search.Query{Count: 1, CountOnly: true, Branches: []search.Branch{{}}}
	theirs, err := x.From.Count(ctx, everything)
	if err != nil {
		return 0, err
	}
	ours, err := x.To.Count(ctx, everything)
	if err == nil && ours != theirs {
		err = fmt.Errorf("the copy has %d resources; expected %d", ours, theirs)
	}
	return ours, err
}

// notCopied are the buckets that belong to a store, not to what is in it.
var notCopied = map[string]bool{copyBucket: true, indexBucket: true, "leases": true}

// records copies the records, and gives their number.
func (x *copying) records(ctx context.Context) (n int64, err error) {
	buckets, err := x.From.Buckets(ctx)
	if err != nil {
		return 0, err
	}
	for _, bucket := range buckets {
		if notCopied[bucket] {
			continue
		}
		some, err := x.bucket(ctx, bucket)
		if n += some; err != nil {
			return n, err
		}
	}
	return n, nil
}

// recordsTogether is how many records are read at once.
const recordsTogether = 1000

func (x *copying) bucket(ctx context.Context, name string) (n int64, err error) {
	from, to := x.From.Records(name), x.To.Records(name)
	for after := ""; ; {
		list, err := from.List(ctx, "", after, recordsTogether)
		if err != nil || len(list) == 0 {
			return n, err
		}
		for _, record := range list {
			if err := putCopy(ctx, to, record); err != nil {
				return n, err
			}
		}
		n += int64(len(list))
		if after = list[len(list)-1].Key; len(list) < recordsTogether {
			return n, nil
		}
	}
}

// putCopy writes a record unless it is there as it is.
func putCopy(ctx context.Context, to store.Records, record store.Record) error {
	there, err := to.Get(ctx, record.Key)
	if err == nil && bytes.Equal(there.Value, record.Value) && there.Expires.Equal(record.Expires) {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	_, err = to.Put(ctx, record.Key, record.Value, record.Expires, store.AnyRevision)
	return err
}

// digest is a sum over versions.
type digest struct{ hash.Hash }

func newDigest() digest { return digest{sha256.New()} }

// add writes a version, each part with its length.
func (d digest) add(v store.Version) {
	for _, part := range [...]string{
		v.Type, v.ID, strconv.FormatInt(v.VersionID, 10), v.LastUpdated.UTC().Format(resources.InstantFormat), strconv.Itoa(int(v.Method)),
	} {
		_, _ = fmt.Fprintf(d, "%d:%s", len(part), part)
	}
	_, _ = fmt.Fprintf(d, "%d:", len(v.Body))
	_, _ = d.Write(v.Body)
}

func (d digest) String() string { return hex.EncodeToString(d.Sum(nil)) }

var errDigest = errors.New("the sum has no state to be kept")

func (d digest) state() ([]byte, error) {
	m, ok := d.Hash.(encoding.BinaryMarshaler)
	if !ok {
		return nil, errDigest
	}
	return m.MarshalBinary()
}

func (d digest) resume(state []byte) error {
	m, ok := d.Hash.(encoding.BinaryUnmarshaler)
	if !ok {
		return errDigest
	}
	return m.UnmarshalBinary(state)
}
