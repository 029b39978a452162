package mongodb

import (
	"errors"
	"strings"
	"testing"
	"time"

	"kiln/store"
	"kiln/store/storetest"
)

// steps opens it in ordered steps.
func (r *replicaSet) steps(t testing.TB, step func(string) error) (*Store, error) {
	s, err := Open(t.Context(), r.url(), Options{
		Now: storetest.NewClock().Now, Parameters: storetest.Parameters(), WithoutTransactions: true, Term: shortTerm, step: step,
	})
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

// TestADatabaseOfOthersIsRefused: its collections would be taken for Kiln's, which have the same names.
func TestADatabaseOfOthersIsRefused(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	if _, err := s.db.Collection("Patient").InsertOne(t.Context(), byID("theirs")); err != nil {
		t.Fatal(err)
	}
	r.open(t) // it is a store, whatever else is there
	if _, err := s.db.Collection(kilnCollection).DeleteOne(t.Context(), byID("format")); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), r.url(), Options{Parameters: storetest.Parameters()})
	if err == nil || !strings.Contains(err.Error(), `the collection "Patient"`) {
		t.Errorf("opened with %v", err)
	}
}

// TestOneWayOnly: transactions would pass over the turns of those who land in ordered steps, and these over them.
func TestOneWayOnly(t *testing.T) {
	r := startReplicaSet(t)
	r.open(t)
	if _, err := r.steps(t, nil); err == nil || !strings.Contains(err.Error(), "commits land in transactions in this database") {
		t.Errorf("opened in ordered steps with %v", err)
	}
	r = startReplicaSet(t)
	if _, err := r.steps(t, nil); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), r.url(), Options{Parameters: storetest.Parameters()})
	if err == nil || !strings.Contains(err.Error(), `db.kiln.deleteOne({_id:"way"})`) {
		t.Errorf("opened in transactions with %v", err)
	}
}

// TestTransactionsAfterOrderedSteps: what a process left in ordered steps is finished before the first transaction, whichever
// step it came to.
func TestTransactionsAfterOrderedSteps(t *testing.T) {
	landed := 0
	for n := 0; ; n++ {
		r := startReplicaSet(t)
		count := 0
		armed := false
		s, err := r.steps(t, func(string) error {
			if armed {
				if count++; count > n {
					return errKilled
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Commit(t.Context(), guarded()); err != nil {
			t.Fatal(err)
		}
		armed = true
		_, killed := s.Commit(t.Context(), store.Transaction{
			Changes: []store.Change{storetest.Put("Patient/a"), storetest.Put("Patient/b")}, Guards: []store.Guard{{Key: "g", Seen: 1}},
		})
		if _, err := s.db.Collection(kilnCollection).DeleteOne(t.Context(), byID(wayName)); err != nil {
			t.Fatal(err)
		}
		other := r.open(t)
		value, err := other.Guard(t.Context(), "g")
		if err != nil {
			t.Fatal(err)
		}
		versions, err := other.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put("Patient/a"), storetest.Put("Patient/b")}})
		if err != nil || versions[0].VersionID != int64(value)+1 || versions[1].VersionID != int64(value) {
			t.Errorf("killed at step %d the guard is %d, and the next versions are %v, %v", n, value, versions, err)
		}
		if value == 2 {
			landed++
		}
		if killed == nil {
			break
		}
		if !errors.Is(killed, errKilled) {
			t.Fatal(killed)
		}
	}
	if landed < 4 {
		t.Errorf("of what was intended %d landed", landed)
	}
}

// TestAPreviewWaitsForWhatIsLanding: it shows all of it or nothing, and is judged on the same.
func TestAPreviewWaitsForWhatIsLanding(t *testing.T) {
	r := startReplicaSet(t)
	other, err := r.steps(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	looked := false
	s, err := r.steps(t, func(step string) error {
		if step != "mark" || looked {
			return nil
		}
		looked = true
		preview, err := other.Preview(t.Context(), store.Transaction{
			Changes: []store.Change{storetest.Put("Patient/z")}, Expects: []store.Guard{{Key: "g", Seen: 1}},
		})
		if err != nil {
			return err
		}
		defer preview.Close()
		_, err = preview.Read(t.Context(), storetest.Key("Patient/a"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), guarded()); err != nil || !looked {
		t.Errorf("looked %t, %v", looked, err)
	}
}

// TestTheFeedWaitsForTheMark: what has been written of a landing is no change before the head tells so.
func TestTheFeedWaitsForTheMark(t *testing.T) {
	r := startReplicaSet(t)
	other, err := r.steps(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put("Patient/before")}}); err != nil {
		t.Fatal(err)
	}
	early := -1
	s, err := r.steps(t, func(step string) error {
		if step != "mark" {
			return nil
		}
		f := &feed{store: other, part: feedFirst}
		events, err := f.fill(t.Context())
		early = len(events)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), guarded()); err != nil || early != 1 {
		t.Errorf("%d changes came before the mark; expected the one of before, %v", early, err)
	}
	f := &feed{store: other, part: feedFirst}
	if events, err := f.fill(t.Context()); err != nil || len(events) != 2 {
		t.Errorf("%d changes came after it, %v", len(events), err)
	}
}

// TestSilence: nobody is taken for silent before a whole term in which nothing has moved.
func TestSilence(t *testing.T) {
	var s silence
	for range 2 {
		if s.over(1, 2, time.Hour) {
			t.Error("silent at once")
		}
	}
	s.since = s.since.Add(-time.Hour)
	if !s.over(1, 2, time.Hour) {
		t.Error("not silent after a term")
	}
	for _, moved := range [][2]int64{{1, 3}, {2, 3}} {
		s.since = s.since.Add(-time.Hour)
		if s.over(moved[0], moved[1], time.Hour) {
			t.Error("silent though it has moved")
		}
	}
}

// TestURLsThatWouldBreakPromises: what a URL says of reading and writing is set aside, and one member is no replica set.
func TestURLsThatWouldBreakPromises(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		r := startReplicaSet(t)
		s, err := Open(t.Context(), r.url()+"&readPreference=secondary&readConcernLevel=local&w=1&journal=false&retryWrites=false", Options{
			Now: storetest.NewClock().Now, Parameters: storetest.Parameters(), WithoutTransactions: ordered,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Commit(t.Context(), guarded()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(t.Context(), storetest.Key("Patient/a")); err != nil {
			t.Fatal(err)
		}
		for _, c := range r.take() {
			if mode, ok := c.body.Lookup("$readPreference", "mode").StringValueOK(); ok && mode != "primary" {
				t.Errorf("%s reads from %s", c.name, mode)
			}
			if c.body.Lookup("autocommit").IsZero() == false && c.name != "commitTransaction" {
				continue // it has the concerns of its transaction
			}
			switch c.name {
			case "find", "aggregate":
				if level := c.body.Lookup("readConcern", "level"); level.String() != `"majority"` {
					t.Errorf("%s reads with %s", c.name, level)
				}
			case "insert", "update", "delete", "findAndModify", "commitTransaction":
				if w, j := c.body.Lookup("writeConcern", "w"), c.body.Lookup("writeConcern", "j"); w.String() != `"majority"` || !j.Boolean() {
					t.Errorf("%s writes with %s %s", c.name, w, j)
				}
			}
		}
	}
	r := startReplicaSet(t)
	url := strings.Replace(r.url(), "replicaSet=rs0", "directConnection=true", 1)
	s, err := Open(t.Context(), url, Options{Parameters: storetest.Parameters()})
	if err != nil {
		t.Errorf("a replica set of one is refused: %v", err)
	} else {
		_ = s.Close()
	}
	r.mu.Lock()
	r.others = []string{"192.0.2.1:27017"}
	r.mu.Unlock()
	if _, err := Open(t.Context(), url, Options{Parameters: storetest.Parameters()}); !errors.Is(err, errDirect) {
		t.Errorf("one of several members was opened with %v", err)
	}
}
