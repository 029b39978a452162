package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"kiln/store"
)

var commits = []promise{
	{"versions of one resource are 1, 2, 3 without holes, and go on after a deletion", versionsWithoutHoles},
	{"the versions made are returned in the order of the changes", versionsInOrder},
	{"the body carries id, version and time and else what was sent, byte for byte", bodyAsSent},
	{"a version tells by which method it was made", methods},
	{"LastUpdated is the clock's in whole milliseconds of UTC, the same for all changes", lastUpdatedIsTheClock},
	{"LastUpdated never goes backwards, not even when the clock does", lastUpdatedNeverGoesBack},
	{"what is deleted is gone, and its tombstone is a version", goneWithTombstone},
	{"deleting what is not there makes no version, and the rest lands", deletingNothing},
	{"an empty transaction changes nothing", emptyTransaction},
	{"a resource changed twice in one transaction is a duplicate", duplicate},
	{"the first thing in the way is the error: duplicates, preconditions, guards, claims, records", orderOfErrors},
	{"a refused transaction leaves nothing behind", refusedLeavesNothing},
	{"an ended context applies nothing", endedContext},
	{"a context that ends while a commit runs leaves all or nothing, as the error says", contextAmidCommit},
	{"a large transaction lands as one", largeTransaction},
	{"what the caller does to its slices afterwards is nothing to the store", slicesAreCopied},
}

func versionsWithoutHoles(t *trial) {
	for _, step := range []struct {
		change store.Change
		want   int64
	}{
		{Put("Patient/a"), 1},
		{Put("Patient/a"), 2},
		{Put("Patient/b"), 1},
		{Put("Patient/a"), 3},
		{Delete("Patient/a"), 4},
		{Delete("Patient/a"), 0},
		{Put("Patient/a"), 5},
		{Put("Patient/b"), 2},
		{Delete("Patient/a"), 6},
		{IfVersion(6, Put("Patient/a")), 7},
	} {
		if got := t.put(step.change)[0].VersionID; got != step.want {
			t.Fatalf("%s got version %d, expected %d", step.change.Key, got, step.want)
		}
	}
	for n := int64(1); n <= 7; n++ {
		v, err := t.ReadVersion(t.ctx, Key("Patient/a"), n)
		t.must(err)
		t.equal("the version", v.VersionID, n)
		t.equal("whether it is a tombstone", v.Deleted(), n == 4 || n == 6)
	}
	for _, n := range []int64{-1, 0, 8, 1 << 40} {
		_, err := t.ReadVersion(t.ctx, Key("Patient/a"), n)
		t.is(fmt.Sprintf("version %d", n), err, store.ErrNotFound)
	}
}

func versionsInOrder(t *trial) {
	t.put(Put("Patient/b"), Put("Patient/z"))
	got := t.put(Put("Patient/z"), Delete("Patient/never"), Put("Observation/a"), Delete("Patient/b"), Put("Patient/a"))
	t.equal("what was made", tags(got), []string{"Patient/z 2", "/ 0", "Observation/a 1", "Patient/b 2 deleted", "Patient/a 1"})
	t.equal("the version of a deletion of nothing", got[1], store.Version{})
	for _, v := range got {
		if v.VersionID != 0 {
			read, err := t.ReadVersion(t.ctx, v.Key, v.VersionID)
			t.must(err)
			t.equal("the version read", read, v)
		}
	}
}

func bodyAsSent(t *trial) {
	for i, text := range []string{
		`{"resourceType":"Observation","status":"final","valueQuantity":{"value":1.00,"unit":"mg"}}`,
		`{"status":"final","resourceType":"Observation","valueQuantity":{"value":-0.000000000000000000000000000000000001e+05}}`,
		`{"resourceType":"Patient","name":[{"family":"Ørsted\u0000\ud83d\ude00 ☃ \"q\" \/"}],"_birthDate":{"extension":[{"url":"x","valueString":"y"}]}}`,
		`{"resourceType":"Patient","id":"else","meta":{"lastUpdated":"1999-01-01T00:00:00Z","tag":[{"code":"t"}],"versionId":"77"},"active":true}`,
		`{"resourceType":"Binary","contentType":"text/plain","data":"` + strings.Repeat("QUJD", 300_000) + `"}`,
	} {
		for range 2 {
			change := Content(fmt.Sprint("r", i), text)
			v := t.put(change)[0]
			want := string(change.Content.Bytes(v.VersionID, v.LastUpdated))
			t.equal("the body returned", string(v.Body), want)
			t.equal("the version read", t.read(t, change.Key.String()), v)
		}
	}
}

func methods(t *trial) {
	for i, m := range []store.Method{store.Create, store.Update, store.Patch, store.Delete, store.Create, store.Delete} {
		t.put(As(m, Put("Patient/a")))
		v, err := t.ReadVersion(t.ctx, Key("Patient/a"), int64(i)+1)
		t.must(err)
		t.equal("the method", v.Method, m)
	}
}

func lastUpdatedIsTheClock(t *trial) {
	zone := time.FixedZone("", 2*60*60)
	t.clock.Set(time.Date(2026, 3, 1, 10, 0, 0, 123_999_999, zone))
	want := time.Date(2026, 3, 1, 8, 0, 0, 123_000_000, time.UTC)
	t.put(Put("Patient/b"))
	for _, v := range t.put(Put("Patient/a"), Delete("Patient/b"), Put("Observation/c")) {
		read, err := t.ReadVersion(t.ctx, v.Key, v.VersionID)
		t.must(err)
		for _, got := range []time.Time{v.LastUpdated, read.LastUpdated} {
			if got != want {
				t.Fatalf("LastUpdated of %s is %#v, expected %#v", v.Key, got, want)
			}
		}
		if !v.Deleted() && !strings.Contains(string(read.Body), `"2026-03-01T08:00:00.123Z"`) {
			t.Fatalf("the body has another time: %s", read.Body)
		}
	}
}

func lastUpdatedNeverGoesBack(t *trial) {
	t.put(Put("Patient/a"))
	t.clock.Advance(-time.Hour)
	t.equal("after an hour back, of the same", t.put(Put("Patient/a"))[0].LastUpdated, Start)
	t.equal("after an hour back, of another", t.put(Put("Observation/b"))[0].LastUpdated, Start)
	t.equal("after an hour back, of a tombstone", t.put(Delete("Patient/a"))[0].LastUpdated, Start)
	t.clock.Advance(time.Hour + time.Millisecond)
	t.equal("when the clock goes on", t.put(Put("Patient/a"))[0].LastUpdated, Start.Add(time.Millisecond))
}

func goneWithTombstone(t *trial) {
	t.put(Put("Patient/a", `"active":true`))
	t.clock.Advance(time.Second)
	want := store.Version{Key: Key("Patient/a"), VersionID: 2, LastUpdated: Start.Add(time.Second), Method: store.Delete}
	t.equal("what the deletion made", t.put(Delete("Patient/a"))[0], want)
	tombstone := t.gone(t, "Patient/a")
	t.equal("the tombstone", tombstone, want)
	if tombstone.Body != nil {
		t.Fatal("a tombstone has no body, not an empty one either")
	}
	read, err := t.ReadVersion(t.ctx, Key("Patient/a"), 2)
	t.must(err)
	t.equal("the version", read, want)
	first, err := t.ReadVersion(t.ctx, Key("Patient/a"), 1)
	t.must(err)
	if first.Deleted() || !strings.Contains(string(first.Body), `"active":true`) {
		t.Fatalf("the version before the deletion is lost: %v", tags([]store.Version{first}))
	}
}

func deletingNothing(t *trial) {
	t.put(Put("Patient/gone"))
	t.put(Delete("Patient/gone"))
	got := t.land(store.Transaction{
		Changes: []store.Change{Delete("Patient/never"), Put("Patient/a"), Delete("Patient/gone")},
		Guards:  []store.Guard{{Key: "g"}},
		Records: []store.RecordChange{{Bucket: "b", Key: "k", Value: []byte("v")}},
	})
	t.equal("what was made", tags(got), []string{"/ 0", "Patient/a 1", "/ 0"})
	t.equal("the history", tags(t.history(t, store.HistoryQuery{})), []string{"Patient/a 1", "Patient/gone 2 deleted", "Patient/gone 1"})
	t.absent(t, "Patient/never")
	t.equal("the guard", t.guard(t, "g"), uint64(1))
	_, err := t.Records("b").Get(t.ctx, "k")
	t.must(err)

	t.land(store.Transaction{Changes: []store.Change{Delete("Patient/never")}, Guards: []store.Guard{{Key: "g", Seen: 1}}})
	t.equal("the guard after a deletion of nothing alone", t.guard(t, "g"), uint64(2))
}

func emptyTransaction(t *trial) {
	t.land(store.Transaction{})
	t.equal("the history", t.history(t, store.HistoryQuery{}), []store.Version{})
	t.put(Put("Patient/a"))
	t.land(store.Transaction{})
	t.equal("the feed", len(t.events(0)), 1)
}

func duplicate(t *trial) {
	want := store.ConflictError{Kind: store.KindDuplicate, Key: Key("Patient/a")}
	t.refused(store.Transaction{Changes: []store.Change{Put("Patient/a"), Put("Patient/b"), Put("Patient/a")}}, want)
	t.refused(store.Transaction{Changes: []store.Change{Put("Patient/a"), Delete("Patient/a")}}, want)
	t.refused(store.Transaction{Changes: []store.Change{Delete("Patient/a"), Delete("Patient/a")}}, want)
	t.put(Put("Patient/a"), Put("Observation/a")) // the same id of another type is another resource
	write := store.RecordChange{Bucket: "b", Key: "k", Value: []byte("v"), Revision: store.AnyRevision}
	t.refused(store.Transaction{Records: []store.RecordChange{write, write}}, store.ConflictError{Kind: store.KindDuplicate, Claim: "k"})
	other := write
	other.Bucket = "c"
	t.land(store.Transaction{Records: []store.RecordChange{write, other}})
}

func orderOfErrors(t *trial) {
	t.put(Claiming(Put("Patient/holder"), "c"), Put("Patient/a"))
	t.land(store.Transaction{Guards: []store.Guard{{Key: "g"}}})
	changes := []store.Change{IfVersion(9, Put("Patient/a")), Claiming(IfAbsent(Put("Patient/holder")), "c"), Claiming(Put("Patient/x"), "c")}
	tx := store.Transaction{
		Changes: append(changes, Put("Patient/a")),
		Guards:  []store.Guard{{Key: "g"}},
		Records: []store.RecordChange{{Bucket: "b", Key: "r", Value: []byte{}, Revision: 7}},
	}
	t.refused(tx, store.ConflictError{Kind: store.KindDuplicate, Key: Key("Patient/a")})
	tx.Changes = changes
	t.refused(tx, store.ConflictError{Kind: store.KindVersion, Key: Key("Patient/a"), Current: 1})
	tx.Changes = changes[1:]
	t.refused(tx, store.ConflictError{Kind: store.KindExists, Key: Key("Patient/holder"), Current: 1})
	tx.Changes = changes[2:]
	t.refused(tx, store.ConflictError{Kind: store.KindGuard, Claim: "g"})
	tx.Guards[0].Seen = 1
	t.refused(tx, store.ConflictError{Kind: store.KindClaim, Key: Key("Patient/x"), Claim: "c", Holder: Key("Patient/holder")})
	tx.Changes[0].Claims = nil
	t.refused(tx, store.ConflictError{Kind: store.KindRecord, Claim: "r"})
	tx.Records[0].Revision = 0
	t.land(tx)
}

// refusedLeavesNothing puts each thing that can stand in the way behind changes that could land.
func refusedLeavesNothing(t *trial) {
	t.put(Claiming(Put("Patient/old"), "held"), Claiming(Put("Patient/other"), "released"))
	t.land(store.Transaction{Guards: []store.Guard{{Key: "moved"}}})
	before := t.everything()
	for _, stand := range []func(*store.Transaction){
		func(tx *store.Transaction) { tx.Changes = append(tx.Changes, Put("Patient/new")) },
		func(tx *store.Transaction) { tx.Changes = append(tx.Changes, IfVersion(2, Put("Patient/old"))) },
		func(tx *store.Transaction) { tx.Changes = append(tx.Changes, IfVersion(1, Delete("Patient/x"))) },
		func(tx *store.Transaction) { tx.Changes = append(tx.Changes, IfAbsent(Put("Patient/old"))) },
		func(tx *store.Transaction) { tx.Guards = append(tx.Guards, store.Guard{Key: "moved"}) },
		func(tx *store.Transaction) { tx.Changes = append(tx.Changes, Claiming(Put("Patient/x"), "held")) },
		func(tx *store.Transaction) {
			tx.Records = append(tx.Records, store.RecordChange{Bucket: "b", Key: "x", Revision: 3})
		},
	} {
		tx := store.Transaction{
			Changes: []store.Change{Claiming(Put("Patient/new"), "free"), Delete("Patient/other")},
			Guards:  []store.Guard{{Key: "g"}},
			Records: []store.RecordChange{{Bucket: "b", Key: "k", Value: []byte("v")}},
		}
		stand(&tx)
		if _, err := t.Commit(t.ctx, tx); err == nil {
			t.Fatal("the transaction should have been refused")
		}
		t.absent(t, "Patient/new")
		t.equal("everything", t.everything(), before)
		t.equal("a guard", t.guard(t, "g"), uint64(0))
		_, err := t.Records("b").Get(t.ctx, "k")
		t.is("a record", err, store.ErrNotFound)
	}
	t.refused(store.Transaction{Changes: []store.Change{Claiming(Put("Patient/x"), "released")}},
		store.ConflictError{Kind: store.KindClaim, Key: Key("Patient/x"), Claim: "released", Holder: Key("Patient/other")})
	t.put(Claiming(Put("Patient/x"), "free"))
}

// everything that history, feed and search say.
func (t *trial) everything() []any {
	t.Helper()
	return []any{t.history(t, store.HistoryQuery{}), t.events(0), t.find(t, ""), t.find(t, "Patient?active=true&_sort=_id")}
}

func endedContext(t *trial) {
	t.put(Put("Patient/old"))
	before := t.everything()
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	_, err := t.Commit(ctx, store.Transaction{Changes: []store.Change{Put("Patient/a")}})
	t.is("the commit", err, context.Canceled)
	t.absent(t, "Patient/a")
	t.equal("everything", t.everything(), before)
	_, err = t.Read(ctx, Key("Patient/old"))
	t.is("a read", err, context.Canceled)
	_, err = t.History(ctx, store.HistoryQuery{Count: 10})
	t.is("a history", err, context.Canceled)
	_, err = t.Search(ctx, Query("Patient"), nil)
	t.is("a search", err, context.Canceled)
	_, err = t.Count(ctx, Query("Patient?active=true"))
	t.is("a count", err, context.Canceled)
	_, err = t.Preview(ctx, store.Transaction{Changes: []store.Change{Put("Patient/a")}})
	t.is("a preview", err, context.Canceled)
	_, err = t.Records("b").Put(ctx, "k", nil, time.Time{}, store.AnyRevision)
	t.is("a record", err, context.Canceled)
}

// contextAmidCommit ends contexts at about the time their commits land, many at once.
func contextAmidCommit(t *trial) {
	const writers = 8
	each := t.rounds(60)
	landed := make([][]bool, writers)
	t.together(writers, func(i int) error {
		landed[i] = make([]bool, each)
		for n := range each {
			ctx, cancel := context.WithCancel(t.ctx)
			time.AfterFunc(time.Duration(n*n)*time.Microsecond/2, cancel)
			_, err := t.Commit(ctx, store.Transaction{Changes: []store.Change{
				Put(fmt.Sprintf("Patient/p%d-%d", i, n)), Put(fmt.Sprintf("Observation/o%d-%d", i, n)), Put("Basic/shared"),
			}})
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			landed[i][n] = err == nil
		}
		return nil
	})
	count := int64(0)
	for i := range writers {
		for n, yes := range landed[i] {
			for _, key := range []string{"Patient/p", "Observation/o"} {
				if key = fmt.Sprintf("%s%d-%d", key, i, n); yes {
					t.read(t, key)
				} else {
					t.absent(t, key)
				}
			}
			if yes {
				count++
			}
		}
	}
	t.equal("the length of the feed", int64(len(t.history(t, store.HistoryQuery{Type: "Basic", Count: 1000}))), count)
}

func largeTransaction(t *trial) {
	size := t.rounds(3000)
	var changes []store.Change
	for i := range size {
		changes = append(changes, Put(fmt.Sprintf("Observation/o%d", size-i), `"status":"final"`))
	}
	versions := t.put(changes...)
	feed, err := t.Changes(t.ctx, 0)
	t.must(err)
	defer feed.Close()
	for i := range size {
		t.equal("the order of the feed", t.next(feed).Version.Key, changes[i].Key)
		t.equal("the order of the versions", versions[i].Key, changes[i].Key)
	}
	t.equal("the time", versions[0].LastUpdated, versions[size-1].LastUpdated)
	t.equal("the size of the history", len(t.history(t, store.HistoryQuery{Type: "Observation", Count: 1000})), size)
}

func slicesAreCopied(t *trial) {
	change := Claiming(Put("Patient/a", `"active":true`), "one", "two")
	value := []byte("value")
	t.land(store.Transaction{
		Changes: []store.Change{change},
		Records: []store.RecordChange{{Bucket: "b", Key: "in", Value: value}},
	})
	_, err := t.Records("b").Put(t.ctx, "out", value, time.Time{}, 0)
	t.must(err)
	copy(value, "XXXXX")
	change.Claims[0] = "three"
	clear(change.Entries)
	t.equal("the matches", t.find(t, "Patient?active=true"), []string{"Patient/a 1"})
	for _, key := range []string{"in", "out"} {
		r, err := t.Records("b").Get(t.ctx, key)
		t.must(err)
		t.equal("the record", string(r.Value), "value")
	}
	t.put(Claiming(Put("Patient/b"), "three"))
	t.put(Put("Patient/a"))
	t.put(Claiming(Put("Patient/b"), "one", "two", "three"))

	versions := t.history(t, store.HistoryQuery{})
	clear(versions)
	t.equal("the history", len(tags(t.history(t, store.HistoryQuery{Type: "Patient", ID: "a"}))), 2)
}
