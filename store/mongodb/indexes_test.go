package mongodb

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/store"
	"kiln/store/storetest"
)

func (s *Store) noted(t *testing.T) (m made) {
	t.Helper()
	if err := s.db.Collection(kilnCollection).FindOne(t.Context(), byID("indexes")).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestANewEditionOfIndexes: commits do not wait for the new indexes of a type; when a process ends before all have them, the
// next one goes on; and one that comes to it at the same time takes nothing back.
func TestANewEditionOfIndexes(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put("Patient/a"), storetest.Put("Basic/b")}}); err != nil {
		t.Fatal(err)
	}
	older := bson.D{{Key: "$set", Value: bson.D{{Key: "edition", Value: indexEdition - 1}}}}
	if _, err := s.db.Collection(kilnCollection).UpdateOne(t.Context(), byID("indexes"), older); err != nil {
		t.Fatal(err)
	}
	begun, held := make(chan struct{}, 100), make(chan struct{})
	r.building(func(collection string) {
		if isType(collection) {
			begun <- struct{}{}
			<-held
		}
	})
	first := r.open(t)
	<-begun
	release := sync.OnceFunc(func() { close(held) })
	waits := time.AfterFunc(10*time.Second, func() {
		t.Error("a commit waits for indexes")
		release()
	})
	if _, err := first.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put("Patient/c"), storetest.Put("Basic/d")}}); err != nil {
		t.Errorf("a commit while indexes are made: %v", err)
	}
	_ = first.Close() // which does not wait for them
	waits.Stop()
	release()
	r.building(nil)
	if m := s.noted(t); m.Edition != indexEdition || len(m.Behind) != 2 || len(m.Types) != 2 {
		t.Errorf("after the first process: %+v", m)
	}
	second := r.open(t)
	for len(s.noted(t).Behind) > 0 {
		time.Sleep(time.Millisecond)
	}
	_ = second.Close()
	if m := s.noted(t); !slices.Contains(m.Types, "Patient") || !slices.Contains(m.Types, "Basic") {
		t.Errorf("after the second process: %+v", m)
	}
}

// TestATypeOfAnOlderProcess: what a process makes after one of a newer edition has come is behind.
func TestATypeOfAnOlderProcess(t *testing.T) {
	r := startReplicaSet(t)
	s := r.open(t)
	newer := bson.D{{Key: "$set", Value: bson.D{{Key: "edition", Value: indexEdition + 1}}}}
	if _, err := s.db.Collection(kilnCollection).UpdateOne(t.Context(), byID("indexes"), newer); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{storetest.Put("Patient/a")}}); err != nil {
		t.Fatal(err)
	}
	if m := s.noted(t); m.Edition != indexEdition+1 || !slices.Equal(m.Behind, []string{"Patient"}) || !slices.Equal(m.Types, []string{"Patient"}) {
		t.Errorf("noted: %+v", m)
	}
}

// TestStoresOpenAtTheSameTime: what describes the indexes is of no store alone, and stays as it is.
func TestStoresOpenAtTheSameTime(t *testing.T) {
	r := startReplicaSet(t)
	before := len(sharedIndexes[claimsCollection][0].Options.Opts)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			s, err := Open(t.Context(), r.url(), Options{Database: fmt.Sprint("open", i), Parameters: storetest.Parameters()})
			if err != nil {
				t.Error(err)
				return
			}
			_ = s.Close()
		})
	}
	all.Wait()
	if after := len(sharedIndexes[claimsCollection][0].Options.Opts); after != before {
		t.Errorf("opening stores left %d options of an index, of %d", after, before)
	}
}
