package mongodb

import (
	"fmt"
	"slices"
	"sync"
	"testing"

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

// TestANewEditionOfIndexes: when a process ends before all types have their new indexes, the next one goes on; and one
// that comes to it at the same time takes nothing back.
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
	r.failing(func(c said) *failure { // the list of types does not come to be written anew: it dies before
		if c.name == "update" && c.body.Lookup("updates", "0", "u", "$pull").Type == bson.TypeEmbeddedDocument {
			return &failure{code: 13}
		}
		return nil
	})
	_ = r.open(t).Close()
	r.failing(nil)
	if m := s.noted(t); m.Edition != indexEdition || len(m.Behind) != 2 || len(m.Types) != 2 {
		t.Errorf("after the first process: %+v", m)
	}
	fresh := r.open(t)
	_ = fresh.Close() // which waits for what it does in the background
	if m := s.noted(t); len(m.Behind) != 0 || !slices.Contains(m.Types, "Patient") || !slices.Contains(m.Types, "Basic") {
		t.Errorf("after the second process: %+v", m)
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
