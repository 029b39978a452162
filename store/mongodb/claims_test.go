package mongodb

import (
	"maps"
	"slices"
	"testing"
	"time"

	"kiln/store"
	"kiln/store/storetest"
)

// TestClaimsOf: each resource has its own claims, as it is now, and one that is not there has none.
func TestClaimsOf(t *testing.T) {
	x := share(t)
	s := x.open(time.Now, nil)
	a, b := storetest.Put("Patient/a"), storetest.Put("Patient/b")
	a.Claims, b.Claims = []string{"one", "two"}, []string{"three"}
	x.land(s, store.Transaction{Changes: []store.Change{a, b}})
	keys := []store.Key{storetest.Key("Patient/a"), storetest.Key("Patient/b"), storetest.Key("Patient/none")}
	got, err := s.ClaimsOf(t.Context(), keys)
	want := map[store.Key][]string{keys[0]: {"one", "two"}, keys[1]: {"three"}}
	if err != nil || !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v %v; expected %v", got, err, want)
	}
}
