package mongodb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/store"
	"kiln/store/mongodb/peer"
	"kiln/store/storetest"
)

// shared opens several stores on one database, as processes would.
type shared struct {
	*testing.T
	server *peer.Server
	name   string
}

func share(t *testing.T) shared {
	server := peer.Start(t)
	return shared{t, server, server.Database(t)}
}

const shortTerm = 300 * time.Millisecond

// open opens it in ordered steps, which every server can.
func (x shared) open(now func() time.Time, step func(string) error) *Store {
	x.Helper()
	s, err := Open(x.Context(), x.server.URL, Options{
		Now: now, Parameters: storetest.Parameters(), Database: x.name, WithoutTransactions: true, RawBytes: x.server.Limited, Term: shortTerm, step: step,
	})
	if err != nil {
		x.Fatal(err)
	}
	x.Cleanup(func() { _ = s.Close() })
	return s
}

func (x shared) land(s *Store, tx store.Transaction) []store.Version {
	x.Helper()
	versions, err := s.Commit(x.Context(), tx)
	if err != nil {
		x.Fatal(err)
	}
	return versions
}

var errKilled = errors.New("killed")

// everything is what there is to be told of a store, as text.
func (x shared) everything(s *Store) string {
	x.Helper()
	page, err := s.History(x.Context(), store.HistoryQuery{Count: 1000})
	if err != nil {
		x.Fatal(err)
	}
	text := ""
	for _, v := range page.Versions {
		text += fmt.Sprintf("%s/%d %d %s\n", v.Key, v.VersionID, v.Method, v.Body)
	}
	for _, key := range []string{"Patient/a", "Patient/b", "Patient/c"} {
		claims, err := s.Claims(x.Context(), storetest.Key(key))
		text += fmt.Sprintln(key, claims, err)
		current, err := s.Read(x.Context(), storetest.Key(key))
		text += fmt.Sprintln(current.VersionID, err)
	}
	for _, name := range []string{"g", "h"} {
		value, err := s.Guard(x.Context(), name)
		text += fmt.Sprintln(name, value, err)
	}
	list, err := s.Records("b").List(x.Context(), "", "", 0)
	return text + fmt.Sprintln(list, err)
}

// killing is a transaction of everything there is: new, changed and deleted resources, claims that move, guards
// and records.
func killing() store.Transaction {
	return store.Transaction{
		Changes: []store.Change{
			storetest.Claiming(storetest.Put("Patient/a", `"birthDate":"1970-01-02"`), "bed 2"), storetest.Delete("Patient/b"),
			storetest.Claiming(storetest.Put("Patient/c"), "bed 1"),
		},
		Guards:  []store.Guard{{Key: "g", Seen: 1}, {Key: "h"}},
		Records: []store.RecordChange{{Bucket: "b", Key: "old", Revision: store.AnyRevision}, {Bucket: "b", Key: "new", Value: []byte("2")}},
	}
}

func before(x shared, s *Store) {
	x.Helper()
	x.land(s, store.Transaction{
		Changes: []store.Change{storetest.Claiming(storetest.Put("Patient/a"), "bed 1"), storetest.Put("Patient/b")},
		Guards:  []store.Guard{{Key: "g"}}, Records: []store.RecordChange{{Bucket: "b", Key: "old", Value: []byte("1")}},
	})
}

// TestKilledAtEachStep ends a process before each single step of a landing. Until another one writes, the others
// see what was there before or all of the transaction; then it is one or the other for good.
func TestKilledAtEachStep(t *testing.T) {
	clock := storetest.NewClock()
	var old, whole string
	decided := false
	for n := 0; ; n++ {
		x := share(t)
		count, armed := 0, false
		s := x.open(clock.Now, func(string) error {
			if armed {
				if count++; count > n {
					return errKilled
				}
			}
			return nil
		})
		before(x, s)
		other := x.open(clock.Now, nil)
		if n == 0 {
			old = x.everything(other)
		}
		armed = true
		_, err := s.Commit(t.Context(), killing())
		if err == nil {
			whole = x.everything(other)
			if n < 5 || whole == old || !decided {
				t.Errorf("the transaction landed after %d steps; expected more of them", n)
			}
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		seen := x.everything(other)
		x.land(other, store.Transaction{Guards: []store.Guard{{Key: "next"}}})
		settled := x.everything(other)
		fresh := x.open(clock.Now, nil)
		if again := x.everything(fresh); again != settled {
			t.Errorf("step %d: another process sees\n%s\nand not\n%s", n, again, settled)
		}
		switch {
		case seen != old && seen != settled:
			t.Errorf("step %d: a part was shown:\n%s", n, seen)
		case settled != old:
			decided = true
			x.land(other, store.Transaction{Changes: []store.Change{storetest.IfVersion(1, storetest.Put("Patient/c"))}})
			if whole = settled; whole == old {
				t.Errorf("step %d: nothing landed", n)
			}
		case decided:
			t.Errorf("step %d: what was decided a step before is not any more", n)
		}
		x.left(other)
	}
}

// left demands that nothing of the landings stays behind.
func (x shared) left(s *Store) {
	x.Helper()
	for _, name := range []string{turnsCollection, intentsCollection} {
		n, err := s.db.Collection(name).CountDocuments(x.Context(), bson.D{})
		if err != nil || n != 0 {
			x.Errorf("%d documents are left in %s, %v", n, name, err)
		}
	}
}

// TestOneWhoSleptChangesNothing lets a process stop before each step, until another has finished for it and written
// over all of it; then it goes on.
func TestOneWhoSleptChangesNothing(t *testing.T) {
	clock := storetest.NewClock()
	for n := 0; ; n++ {
		x := share(t)
		count, armed := 0, false
		asleep, wake := make(chan struct{}), make(chan struct{})
		s := x.open(clock.Now, func(string) error {
			if armed {
				if count++; count == n+1 {
					close(asleep)
					<-wake
				}
			}
			return nil
		})
		before(x, s)
		armed = true
		done := make(chan error, 1)
		go func() {
			_, err := s.Commit(t.Context(), killing())
			done <- err
		}()
		select {
		case <-asleep:
		case err := <-done:
			if err != nil || n < 5 {
				t.Errorf("it landed after %d steps with %v", n, err)
			}
			return
		}
		other := x.open(clock.Now, nil)
		x.land(other, store.Transaction{Changes: []store.Change{
			storetest.Claiming(storetest.Put("Patient/a", `"multipleBirthInteger":7`)), storetest.Put("Patient/b"), storetest.Delete("Patient/c"),
		}})
		x.land(other, store.Transaction{Records: []store.RecordChange{{Bucket: "b", Key: "new", Revision: store.AnyRevision}}})
		want := x.everything(other)
		close(wake)
		err := <-done
		got := x.everything(other)
		if conflict := new(store.ConflictError); errors.As(err, &conflict) {
			err = nil // it was judged anew, on what the other had written
		} else if got != want {
			// it had lost its turn and landed afterwards, whole
			if page, e := other.History(t.Context(), store.HistoryQuery{Type: "Patient", ID: "c", Count: 1}); e != nil || len(page.Versions) == 0 || page.Versions[0].Deleted() {
				t.Errorf("step %d: one who slept changed\n%s\nto\n%s", n, want, got)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("step %d: it ended with %v, and left\n%s\nnot\n%s", n, err, got, want)
		}
	}
}

// TestExpiryDuringALanding: what a landing replaces, and was given up before, may be removed by the database at any
// moment. What the landing writes is there all the same.
func TestExpiryDuringALanding(t *testing.T) {
	x := share(t)
	clock := storetest.NewClock()
	var s *Store
	remove := ""
	s = x.open(clock.Now, func(step string) error {
		if name, writes := strings.CutPrefix(step, "write "); writes && name == remove {
			_, err := s.db.Collection(name).DeleteMany(t.Context(), bson.D{})
			return err
		}
		return nil
	})
	records := s.Records("b")
	x.land(s, store.Transaction{Changes: []store.Change{storetest.Claiming(storetest.Put("Patient/a"), "bed")}})
	x.land(s, store.Transaction{Changes: []store.Change{storetest.Put("Patient/a")}})
	remove = claimsCollection
	x.land(s, store.Transaction{Changes: []store.Change{storetest.Claiming(storetest.Put("Patient/b"), "bed")}})
	remove = ""
	_, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Claiming(storetest.Put("Patient/c"), "bed")}})
	if conflict := new(store.ConflictError); !errors.As(err, &conflict) || conflict.Holder != storetest.Key("Patient/b") {
		t.Errorf("a claim that is held was given again, with %v", err)
	}
	for _, first := range []func() error{
		func() error { return records.Delete(t.Context(), "k", store.AnyRevision) },
		func() error {
			_, err := records.Put(t.Context(), "k", nil, clock.Now().Add(-time.Hour), store.AnyRevision)
			return err
		},
	} {
		remove = ""
		if _, err := records.Put(t.Context(), "k", []byte("0"), time.Time{}, store.AnyRevision); err != nil {
			t.Fatal(err)
		}
		if err := first(); err != nil {
			t.Fatal(err)
		}
		remove = recordsCollection
		if _, err := records.Put(t.Context(), "k", []byte("1"), time.Time{}, 0); err != nil {
			t.Fatal(err)
		}
		if r, err := records.Get(t.Context(), "k"); err != nil || string(r.Value) != "1" {
			t.Errorf("a record that was written is %q, %v", r.Value, err)
		}
	}
}

// TestTwoProcessesDecideOnce: whoever comes first has the claim; no update is lost.
func TestTwoProcessesDecideOnce(t *testing.T) {
	x := share(t)
	clock := storetest.NewClock()
	stores := []*Store{x.open(clock.Now, nil), x.open(clock.Now, nil)}
	var won, updates atomic.Int64
	var all sync.WaitGroup
	x.land(stores[0], store.Transaction{Changes: []store.Change{storetest.Put("Patient/counter")}})
	const each, writers = 3, 8
	for w := range writers {
		all.Go(func() {
			s := stores[w%2]
			for round := range each {
				_, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{
					storetest.Claiming(storetest.Put(fmt.Sprintf("Patient/w%d-%d", w, round)), fmt.Sprint("identifier ", round)),
				}})
				if err == nil {
					won.Add(1)
				} else if conflict := new(store.ConflictError); !errors.As(err, &conflict) || conflict.Kind != store.KindClaim {
					t.Error(err)
				}
				if err := increment(t.Context(), s); err != nil {
					t.Error(err)
				}
				updates.Add(1)
			}
		})
	}
	all.Wait()
	counter, err := stores[1].Read(t.Context(), storetest.Key("Patient/counter"))
	if err != nil || counter.VersionID != 1+updates.Load() || won.Load() != each {
		t.Errorf("%d creates of %d claims went well, and the counter is at version %d after %d updates, %v", won.Load(), each, counter.VersionID, updates.Load(), err)
	}
}

// increment writes the next version, again and again until it was the first.
func increment(ctx context.Context, s *Store) error {
	for {
		now, err := s.Read(ctx, storetest.Key("Patient/counter"))
		if err != nil {
			return err
		}
		_, err = s.Commit(ctx, store.Transaction{Changes: []store.Change{storetest.IfVersion(now.VersionID, storetest.Put("Patient/counter"))}})
		if conflict := new(store.ConflictError); err == nil || !errors.As(err, &conflict) {
			return err
		}
	}
}

// TestClocksThatDiffer: LastUpdated never goes back, whatever the clocks of the processes say.
func TestClocksThatDiffer(t *testing.T) {
	x := share(t)
	late, early := storetest.NewClock(), storetest.NewClock()
	late.Advance(time.Hour)
	first, second := x.open(late.Now, nil), x.open(early.Now, nil)
	last := time.Time{}
	for i := range 6 {
		s := []*Store{first, second}[i%2]
		early.Advance(time.Second)
		v := x.land(s, store.Transaction{Changes: []store.Change{storetest.Put("Patient/a", fmt.Sprintf(`"multipleBirthInteger":%d`, i))}})[0]
		if v.LastUpdated.Before(last) || v.VersionID != int64(i+1) {
			t.Errorf("version %d is of %s after %s", v.VersionID, v.LastUpdated, last)
		}
		last = v.LastUpdated
	}
}

func TestAServerWithoutTransactionsIsRefused(t *testing.T) {
	server := peer.Start(t)
	if !server.Limited {
		t.Skip("the server has transactions")
	}
	_, err := Open(t.Context(), server.URL, Options{Parameters: storetest.Parameters(), Database: server.Database(t)})
	if !errors.Is(err, errTransactions) {
		t.Errorf("opened with %v", err)
	}
}

// TestTooLargeIsRefusedBeforeAnythingIsWritten: one transaction beyond the limit, beside others that are not.
func TestTooLargeIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	x := share(t)
	s := x.open(storetest.NewClock().Now, nil)
	text := make([]byte, 3<<20)
	for i := range text {
		text[i] = 'x'
	}
	var large store.Transaction
	for i := range 6 {
		large.Changes = append(large.Changes, storetest.Put(fmt.Sprintf("Basic/l%d", i), `"implicitRules":"http://example.org/`+string(text)+`"`))
	}
	if _, err := s.Commit(t.Context(), large); !errors.Is(err, store.ErrTooLarge) {
		t.Fatalf("a transaction of 18 MB: %v", err)
	}
	if _, err := s.Read(t.Context(), storetest.Key("Basic/l0")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("something of it is there: %v", err)
	}
	x.left(s)
	x.land(s, store.Transaction{Changes: large.Changes[:1]})
}
