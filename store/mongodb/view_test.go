package mongodb

import (
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/store"
	"kiln/store/mongodb/peer"
)

// byHand is a store with documents that no commit has made: Patient/a in three versions, at positions 1, 3 and
// 5, the last of them a tombstone, and Patient/b at 4. Position 5 lies beyond the head.
func byHand(t *testing.T) *Store {
	t.Helper()
	server := peer.Start(t)
	s := &Store{client: server.Client(), db: server.Client().Database(server.Database(t))}
	put := func(collection string, documents ...any) {
		t.Helper()
		if _, err := s.db.Collection(collection).InsertMany(t.Context(), documents); err != nil {
			t.Fatal(err)
		}
	}
	version := func(name, id string, version, position, to int64, method store.Method) *document {
		return &document{
			Name: name, ID: id, Version: version, Position: position, To: to, Number: 1,
			Method: int32(method), Deleted: method == store.Delete, Raw: []byte(name),
		}
	}
	put("Patient", version("a", "a", 3, 5, 0, store.Delete), version("b", "b", 1, 4, 0, store.Create))
	put("Patient_history", version("a/1", "a", 1, 1, 3, store.Create), version("a/2", "a", 2, 3, 5, store.Update))
	put("Observation", version("a", "a", 1, 2, 0, store.Create))
	return s
}

// TestLookup: of each resource the version that the state shows, whatever came after it.
func TestLookup(t *testing.T) {
	s := byHand(t)
	keys := []store.Key{{Type: "Patient", ID: "a"}, {Type: "Patient", ID: "b"}, {Type: "Observation", ID: "a"}, {Type: "Patient", ID: "never"}, {Type: "kiln", ID: "head"}, {}}
	for at, want := range [][]string{
		{},
		{"Patient/a 1"},
		{"Observation/a 1", "Patient/a 1"},
		{"Observation/a 1", "Patient/a 2"},
		{"Observation/a 1", "Patient/a 2", "Patient/b 1"},
		{"Observation/a 1", "Patient/a 3", "Patient/b 1"},
	} {
		v := &view{store: s, at: int64(at)}
		all, err := v.lookups(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for key, d := range all {
			got = append(got, fmt.Sprintf("%s %d", key, d.Version))
			if single, err := v.lookup(t.Context(), key); err != nil || single.Version != d.Version || single.key() != key {
				t.Errorf("at %d, %s alone is %+v with the error %v", at, key, single, err)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("at %d the store shows %v, not %v", at, got, want)
		}
	}
	if d, err := (&view{store: s, at: 5}).lookup(t.Context(), store.Key{Type: "Patient", ID: "never"}); d != nil || err != nil {
		t.Errorf("what never was is %+v with the error %v", d, err)
	}
}

// TestLookupOverlay: what a preview changes hides what there is.
func TestLookupOverlay(t *testing.T) {
	a := &document{ID: "a", Version: 3, Position: 5, typ: "Patient"}
	v := &view{store: byHand(t), at: 4, over: &overlay{documents: map[store.Key]*document{a.key(): a}, order: []*document{a}}}
	all, err := v.lookups(t.Context(), []store.Key{a.key(), {Type: "Patient", ID: "b"}})
	if err != nil || len(all) != 2 || all[a.key()] != a {
		t.Errorf("the preview shows %v, error %v", all, err)
	}
	for version, found := range map[int64]bool{0: false, 1: true, 2: true, 3: true, 4: false} {
		d, err := v.editions(t.Context(), []edition{{a.key(), version}})
		if err != nil || len(d) > 0 != found || found && d[edition{a.key(), version}].Version != version {
			t.Errorf("version %d is %v, error %v", version, d, err)
		}
	}
}

// TestTypesAreNotOtherCollections: no key reads what is not a resource.
func TestTypesAreNotOtherCollections(t *testing.T) {
	for name, want := range map[string]bool{
		"Patient": true, "MedicationRequest": true, "": false, "kiln": false, "feed": false, "Patient_history": false, "large.files": false, "P$": false,
	} {
		if isType(name) != want {
			t.Errorf("%q is taken for a type: %v", name, !want)
		}
	}
}

// TestHistoryOfTimes: the first position from a time on, with any number of versions of one time.
func TestHistoryOfTimes(t *testing.T) {
	server := peer.Start(t)
	s := &Store{client: server.Client(), db: server.Client().Database(server.Database(t))}
	var events []any
	const count = 60
	for p := range int64(count) {
		events = append(events, bson.D{{Key: "_id", Value: p + 1}, {Key: "lu", Value: bson.DateTime(p / 7 * 10)}})
	}
	if _, err := s.db.Collection(feedCollection).InsertMany(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	h := &history{view: &view{store: s}, cursor: historyCursor{at: count - 3}} // the last three are not committed
	for ms := bson.DateTime(-5); ms <= 100; ms += 5 {
		want := int64(beyond)
		for p := h.cursor.at - 1; p >= 0 && bson.DateTime(p/7*10) >= ms; p-- {
			want = p + 1
		}
		if got, err := h.firstFrom(t.Context(), ms.Time()); err != nil || got != want {
			t.Errorf("the first version from %d ms on is at %d, not %d, error %v", ms, got, want, err)
		}
	}
}
