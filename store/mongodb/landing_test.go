package mongodb

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"kiln/store"
	"kiln/store/storetest"
)

// TestOneThatCannotLandTakesNoOtherAlong: of those that land together one is refused by the database, or has a type that
// is none.
func TestOneThatCannotLandTakesNoOtherAlong(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	s.landings.turn <- struct{}{} // until all wait
	var all sync.WaitGroup
	errs := map[string]error{}
	var mu sync.Mutex
	for _, name := range []string{"Patient/a", "Basic/refused", "not a type/x", "Patient/b"} {
		all.Go(func() {
			typ, id, _ := strings.Cut(name, "/")
			change := storetest.Put("Patient/" + id)
			change.Key = store.Key{Type: typ, ID: id}
			_, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{change}})
			mu.Lock()
			defer mu.Unlock()
			errs[name] = err
		})
	}
	for waiting := 0; waiting < 4; runtime.Gosched() {
		s.landings.mu.Lock()
		waiting = len(s.landings.waiting)
		s.landings.mu.Unlock()
	}
	r.failing(func(c said) *failure {
		if c.name == "insert" && c.body.Lookup("insert").StringValue() == "Basic" {
			return &failure{code: 2} // BadValue
		}
		return nil
	})
	<-s.landings.turn
	all.Wait()
	for name, err := range errs {
		if refused := !strings.HasPrefix(name, "Patient"); refused != (err != nil) {
			t.Errorf("%s ended with %v", name, err)
		}
	}
}

// TestWhoLandsForOthersReturns: the one that lands what waits is done when its own commit is, however many others come,
// and each landing has its time for itself.
func TestWhoLandsForOthersReturns(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put("Patient/first")}}); err != nil {
		t.Fatal(err)
	}
	var others sync.WaitGroup
	defer others.Wait()
	var returned sync.Mutex
	done, came := false, 0
	r.failing(func(c said) *failure {
		if c.name != "commitTransaction" {
			return nil
		}
		returned.Lock()
		defer returned.Unlock()
		if done || came == 20 {
			return nil
		}
		came++ // another one waits before this landing ends
		name := fmt.Sprint("Patient/other-", came)
		waiting := make(chan struct{})
		others.Go(func() {
			tx := store.Transaction{Changes: []store.Change{storetest.Put(name)}}
			c := &commit{ctx: t.Context(), tx: &tx, done: make(chan struct{})}
			s.landings.add(c)
			close(waiting)
			s.await(t.Context(), c)
			if c.err != nil {
				t.Error(c.err)
			}
		})
		<-waiting
		return nil
	})
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put("Patient/a")}}); err != nil {
		t.Error(err)
	}
	returned.Lock()
	done = true
	returned.Unlock()
	if came > 3 {
		t.Errorf("it landed %d batches of others before it returned", came)
	}
}
