package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiln/store"
)

var races = []promise{
	{"64 commits that all ask for absence of one resource make exactly one", raceIfAbsent},
	{"no update is lost under IfVersion", raceIfVersion},
	{"no update is lost under a guard", raceGuard},
	{"a guard lets exactly one of those who saw it through", raceGuardOnce},
	{"a claim has at most one holder at any time", raceClaims},
	{"claims that cross never deadlock", raceCrossedClaims},
	{"no write to a record is lost under its revision", raceRecord},
	{"32 writes that all ask for absence of one record make exactly one", raceRecordAbsent},
	{"a writer sees its own write", raceOwnWrite},
	{"previews and commits do not disturb one another", racePreviews},
	{"a reader never sees part of a transaction", raceWholeTransactions},
	{"a feed misses nothing and keeps the order while many write", raceFeed},
	{"versions and times keep their order while many write and the clock jumps", raceVersions},
	{"a history is the same on all its pages while many write", raceHistoryPages},
}

// rounds is n, less on a slow engine and in short mode.
func (t *trial) rounds(n int) int {
	if t.slow {
		n = (n + 9) / 10
	}
	return rounds(n)
}

// rounds is n, or a tenth of it in short mode.
func rounds(n int) int {
	if testing.Short() {
		return (n + 9) / 10
	}
	return n
}

// together runs n goroutines that start at once, and fails the test if one of them does.
func (t *trial) together(n int, run func(i int) error) {
	t.Helper()
	var all sync.WaitGroup
	start := make(chan struct{})
	failures := make([]error, n)
	for i := range n {
		all.Go(func() {
			<-start
			failures[i] = run(i)
		})
	}
	close(start)
	all.Wait()
	t.must(errors.Join(failures...))
}

// isConflict reports whether a commit was refused, and gives other errors back.
func isConflict(err error, kinds ...store.ConflictKind) (bool, error) {
	var conflict *store.ConflictError
	if err == nil || !errors.As(err, &conflict) {
		return false, err
	}
	for _, kind := range kinds {
		if conflict.Kind == kind {
			return true, nil
		}
	}
	return false, err
}

func (t *trial) try(changes ...store.Change) error {
	_, err := t.Commit(t.ctx, store.Transaction{Changes: changes})
	return err
}

func raceIfAbsent(t *trial) {
	for round := range t.rounds(20) {
		key := fmt.Sprintf("Patient/r%d", round)
		var made atomic.Int64
		t.together(64, func(int) error {
			refused, err := isConflict(t.try(IfAbsent(Put(key))), store.KindExists)
			if !refused && err == nil {
				made.Add(1)
			}
			return err
		})
		t.equal("how many were made", made.Load(), int64(1))
		t.equal("the version", t.read(t, key).VersionID, int64(1))
	}
}

func raceIfVersion(t *trial) {
	t.put(Put("Basic/counter"))
	const writers = 8
	each := t.rounds(50)
	t.together(writers, func(int) error {
		for done := 0; done < each; {
			v, err := t.Read(t.ctx, Key("Basic/counter"))
			if err != nil {
				return err
			}
			refused, err := isConflict(t.try(IfVersion(v.VersionID, Put("Basic/counter"))), store.KindVersion)
			if err != nil {
				return err
			}
			if !refused {
				done++
			}
		}
		return nil
	})
	t.equal("the version", t.read(t, "Basic/counter").VersionID, int64(writers*each+1))
}

// raceGuard counts in a resource that a guard alone protects: reads it, adds one and writes it.
func raceGuard(t *trial) {
	count := func(n int) store.Change { return Put("Basic/counter", fmt.Sprintf(`"language":"n%d"`, n)) }
	t.put(count(0))
	const writers = 8
	each := t.rounds(50)
	t.together(writers, func(int) error {
		for done := 0; done < each; {
			seen, err := t.Guard(t.ctx, "g")
			if err != nil {
				return err
			}
			v, err := t.Read(t.ctx, Key("Basic/counter"))
			if err != nil {
				return err
			}
			n, err := languageNumber(v.Body)
			if err != nil {
				return err
			}
			_, err = t.Commit(t.ctx, store.Transaction{
				Changes: []store.Change{count(n + 1)},
				Guards:  []store.Guard{{Key: "g", Seen: seen}},
			})
			refused, err := isConflict(err, store.KindGuard)
			if err != nil {
				return err
			}
			if !refused {
				done++
			}
		}
		return nil
	})
	n, err := languageNumber(t.read(t, "Basic/counter").Body)
	t.must(err)
	t.equal("the count", n, writers*each)
	t.equal("the guard", t.guard(t, "g"), uint64(writers*each))
}

func languageNumber(body []byte) (n int, err error) {
	_, rest, _ := strings.Cut(string(body), `"language":"n`)
	_, err = fmt.Sscanf(rest, "%d", &n)
	return n, err
}

// raceGuardOnce decides "there is none yet" from the state, with keys that do not collide.
func raceGuardOnce(t *trial) {
	for round := range t.rounds(20) {
		guard := fmt.Sprintf("identifier %d", round)
		var made atomic.Int64
		t.together(32, func(i int) error {
			_, err := t.Commit(t.ctx, store.Transaction{
				Changes: []store.Change{Put(fmt.Sprintf("Patient/r%d-%d", round, i))},
				Guards:  []store.Guard{{Key: guard, Seen: 0}},
			})
			refused, err := isConflict(err, store.KindGuard)
			if !refused && err == nil {
				made.Add(1)
			}
			return err
		})
		t.equal("how many were made", made.Load(), int64(1))
	}
	t.equal("the history", len(t.history(t, store.HistoryQuery{})), t.rounds(20))
}

// raceClaims lets writers take and release the same few claims; the feed must tell a story in
// which no claim is taken while it is held.
func raceClaims(t *trial) {
	const writers, beds = 8, 3
	t.together(writers, func(i int) error {
		key := fmt.Sprintf("Encounter/e%d", i)
		for n := range t.rounds(60) {
			bed := fmt.Sprintf("bed%d", (i+n)%beds)
			change := Claiming(Put(key, fmt.Sprintf(`"language":"%s"`, bed)), bed)
			switch n % 5 {
			case 3:
				change = Put(key)
			case 4:
				change = Delete(key)
			}
			if _, err := isConflict(t.try(change), store.KindClaim); err != nil {
				return err
			}
		}
		return nil
	})
	holder := map[string]store.Key{}
	holding := map[store.Key]string{}
	for _, e := range t.events(0) {
		if bed := holding[e.Version.Key]; bed != "" {
			delete(holder, bed)
			delete(holding, e.Version.Key)
		}
		_, bed, taken := strings.Cut(string(e.Version.Body), `"language":"`)
		if !taken {
			continue
		}
		bed = bed[:4]
		if other, ok := holder[bed]; ok {
			t.Fatalf("%s takes %s while %s holds it", e.Version.Key, bed, other)
		}
		holder[bed], holding[e.Version.Key] = e.Version.Key, bed
	}
	for bed, key := range holder {
		t.holds(key.String(), bed)
	}
}

func raceCrossedClaims(t *trial) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	t.together(8, func(i int) error {
		for n := range t.rounds(40) {
			a, b := "1", "2"
			if (i+n)%2 == 0 {
				a, b = b, a
			}
			key := fmt.Sprintf("Patient/p%d", i)
			_, err := t.Commit(ctx, store.Transaction{
				Changes: []store.Change{Claiming(Put(key), a, b)},
				Guards:  nil,
			})
			if _, err := isConflict(err, store.KindClaim); err != nil {
				return err
			}
			if _, err := isConflict(t.try(Put("Basic/"+a), Put("Basic/"+b)), store.KindClaim); err != nil {
				return err
			}
			if err := t.try(Delete(key)); err != nil {
				return err
			}
		}
		return nil
	})
	t.free("1")
	t.free("2")
}

func raceRecord(t *trial) {
	const writers = 8
	each := t.rounds(40)
	b := t.Records("b")
	t.putRecord("b", "k", "0", time.Time{}, 0)
	t.together(writers, func(int) error {
		for done := 0; done < each; {
			r, err := b.Get(t.ctx, "k")
			if err != nil {
				return err
			}
			var n int
			if _, err := fmt.Sscan(string(r.Value), &n); err != nil {
				return err
			}
			_, err = b.Put(t.ctx, "k", fmt.Append(nil, n+1), time.Time{}, r.Revision)
			refused, err := isConflict(err, store.KindRecord)
			if err != nil {
				return err
			}
			if !refused {
				done++
			}
		}
		return nil
	})
	r, err := b.Get(t.ctx, "k")
	t.must(err)
	t.equal("the count", string(r.Value), fmt.Sprint(writers*each))
}

func raceRecordAbsent(t *trial) {
	for round := range t.rounds(20) {
		key := fmt.Sprintf("nonce %d", round)
		var made atomic.Int64
		t.together(32, func(i int) (err error) {
			if i%2 == 0 {
				_, err = t.Records("b").Put(t.ctx, key, nil, time.Time{}, 0)
			} else {
				_, err = t.Commit(t.ctx, store.Transaction{Records: []store.RecordChange{{Bucket: "b", Key: key, Value: []byte{}}}})
			}
			refused, err := isConflict(err, store.KindRecord)
			if !refused && err == nil {
				made.Add(1)
			}
			return err
		})
		t.equal("how many were made", made.Load(), int64(1))
	}
}

// racePreviews previews what it then commits, while others do the same; alone in its resource, it
// must get what it saw.
func racePreviews(t *trial) {
	t.together(6, func(i int) error {
		key := fmt.Sprintf("Patient/p%d", i)
		for n := range t.rounds(40) {
			tx := store.Transaction{Changes: []store.Change{
				Claiming(Put(key, fmt.Sprintf(`"identifier":[{"value":"n%d-%d"}]`, i, n)), fmt.Sprint(i, n%2)), Put("Basic/shared"),
			}}
			snap, err := t.Preview(t.ctx, tx)
			if err != nil {
				return err
			}
			page, err := snap.Search(t.ctx, Query(fmt.Sprintf("Patient?identifier=n%d-%d", i, n)), nil)
			if err != nil {
				return err
			}
			if err := snap.Close(); err != nil {
				return err
			}
			versions, err := t.Commit(t.ctx, tx)
			if err != nil {
				return err
			}
			if len(page.Matches) != 1 || page.Matches[0].VersionID != versions[0].VersionID || versions[0].VersionID != int64(n)+1 {
				return fmt.Errorf("previewed %v, committed %v", tags(page.Matches), tags(versions))
			}
		}
		return nil
	})
	t.equal("the version of the shared one", t.read(t, "Basic/shared").VersionID, int64(6*t.rounds(40)))
	t.equal("the length of the history", len(t.history(t, store.HistoryQuery{})), 2*6*t.rounds(40))
}

func raceOwnWrite(t *trial) {
	t.together(8, func(i int) error {
		key := fmt.Sprintf("Patient/p%d", i)
		for n := range t.rounds(50) {
			made, err := t.Commit(t.ctx, store.Transaction{Changes: []store.Change{Put(key)}})
			if err != nil {
				return err
			}
			read, err := t.Read(t.ctx, Key(key))
			if err != nil {
				return err
			}
			page, err := t.History(t.ctx, store.HistoryQuery{Type: "Patient", ID: fmt.Sprintf("p%d", i), Count: 1})
			if err != nil {
				return err
			}
			if read.VersionID != int64(n)+1 || made[0].VersionID != read.VersionID || page.Versions[0].VersionID != read.VersionID {
				return fmt.Errorf("wrote version %d, read %d, history says %d", made[0].VersionID, read.VersionID, page.Versions[0].VersionID)
			}
		}
		return nil
	})
}

// raceWholeTransactions writes twins always together; whoever sees one must see the other.
func raceWholeTransactions(t *trial) {
	t.put(Put("Patient/twin1"), Put("Observation/twin2"))
	var done atomic.Bool
	t.together(4, func(i int) error {
		if i == 0 {
			defer done.Store(true)
			for n := range t.rounds(200) {
				if err := t.try(Put("Patient/twin1"), Put("Observation/twin2"), Put(fmt.Sprintf("Patient/other%d", n))); err != nil {
					return err
				}
			}
			return nil
		}
		for !done.Load() {
			if err := t.twins(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *trial) twins() error {
	snap, err := t.Snapshot(t.ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	one, err := snap.Read(t.ctx, Key("Patient/twin1"))
	if err != nil {
		return err
	}
	two, err := snap.Read(t.ctx, Key("Observation/twin2"))
	if err != nil {
		return err
	}
	page, err := t.History(t.ctx, store.HistoryQuery{Count: 6})
	if err != nil {
		return err
	}
	seen := map[string]int64{}
	for _, v := range page.Versions {
		seen[v.ID] = max(seen[v.ID], v.VersionID)
	}
	if one.VersionID != two.VersionID || seen["twin1"] != seen["twin2"] {
		return fmt.Errorf("the twins are at %d and %d in a snapshot, %d and %d in a history",
			one.VersionID, two.VersionID, seen["twin1"], seen["twin2"])
	}
	return nil
}
