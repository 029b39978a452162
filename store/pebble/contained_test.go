package pebble

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
	"kiln/search/searchtest"
	"kiln/store"
)

// dispensed is a store of prescriptions, each with two medications inside, the second of which has a code
// of its own, and as many that have none.
func dispensed(t *testing.T, count int) *Store {
	t.Helper()
	s := openAt(t, t.TempDir())
	var changes []store.Change
	for n := range count {
		changes = append(changes, benchChange(fmt.Sprintf("r%d", n), fmt.Sprintf(
			`{"resourceType":"MedicationRequest","status":"active","contained":[`+
				`{"resourceType":"Medication","id":"a","status":"active","code":{"coding":[{"code":"x"}]}},`+
				`{"resourceType":"Medication","id":"b","status":"inactive","code":{"coding":[{"code":"c%d"}]}}],"medicationReference":{"reference":"#b"}}`, n)))
		changes = append(changes, benchChange(fmt.Sprintf("p%d", n), `{"resourceType":"MedicationRequest","status":"active"}`))
	}
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: changes}); err != nil {
		t.Fatal(err)
	}
	return s
}

// spaceKeys are the index keys of contained resources.
func spaceKeys(t *testing.T, s *Store) (keys [][]byte) {
	t.Helper()
	for _, key := range keysOf(t, s, keyIndex) {
		if name, err := s.dictionary.typeName(indexType(key)); err == nil && strings.Contains(name, spaceMark) {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestCheckFindsWhatIsWrongWithContainedResources(t *testing.T) {
	for name, damage := range map[string]func(s *Store, key []byte) error{
		"missing":     func(s *Store, key []byte) error { return s.db.Delete(key, lsm.Sync) },
		"too many":    func(s *Store, key []byte) error { key[len(key)-1] += 2; return s.db.Set(key, nil, lsm.Sync) },
		"of no space": func(s *Store, key []byte) error { key[1] = 0x7f; return s.db.Set(key, nil, lsm.Sync) },
	} {
		s := dispensed(t, 1)
		before := contents(t, s)
		keys := spaceKeys(t, s)
		if err := damage(s, bytes.Clone(keys[len(keys)-1])); err != nil {
			t.Fatal(err)
		}
		isMended(t, s, name, before)
	}
}

// A resource that has none inside has the keys and values that it had before there was a search for them.
func TestResourcesWithoutContainedOnesCostNothing(t *testing.T) {
	s := openAt(t, t.TempDir())
	put(t, s, "a", "one")
	if s.dictionary.parameterCode(search.Containment()) != 0 {
		t.Error("the parameter of contained resources has a code")
	}
	for _, key := range keysOf(t, s, keyIndex) {
		if typ := indexType(key); typ != s.dictionary.typeCode("Basic") {
			t.Errorf("the key %q is of the type %d", key, typ)
		}
	}
}

func TestContainedResourcesHaveNoDatedPostings(t *testing.T) {
	s := openAt(t, t.TempDir())
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{benchChange("r",
		`{"resourceType":"DiagnosticReport","contained":[{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-01-02"}],"result":[{"reference":"#o"}]}`)}}); err != nil {
		t.Fatal(err)
	}
	if len(spaceKeys(t, s)) < 5 || len(datedKeys(t, s)) > 0 {
		t.Errorf("there are %d keys of the observation inside and %d dated postings; expected some and none", len(spaceKeys(t, s)), len(datedKeys(t, s)))
	}
}

// What is looked at is little more than what is found.
func TestContainedSearchesReadLittleMoreThanTheyFind(t *testing.T) {
	s := dispensed(t, 1000)
	w, err := searchtest.NewWorld(nil, testParameters(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]struct{ matches, examined int }{
		"Medication?code=c7&_contained=true":                                             {1, 30},
		"Medication?code=c7,c8&status=inactive&_contained=true&_containedType=contained": {2, 50},
		"Medication?code=c7&_contained=both&_sort=status":                                {1, 30},
		"Medication?code=c7&status=active&_contained=true":                               {0, 30},
		"MedicationRequest?medication.code=c7":                                           {1, 60},
		"Medication?status=active&_contained=true&_summary=count":                        {0, 1300},
		"Patient?name=x&_contained=both":                                                 {0, 20},
	} {
		typ, text, _ := strings.Cut(query, "?")
		q, err := w.Parse(typ, text)
		if err != nil {
			t.Fatal(err)
		}
		q.Explain = true
		page, err := s.Search(t.Context(), q, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Matches) != want.matches || page.Plan.Examined > int64(want.examined) {
			t.Errorf("%s finds %d and reads %d by %+v; expected %d and no more than %d", query, len(page.Matches), page.Plan.Examined, page.Plan.Steps, want.matches, want.examined)
		}
	}
}
