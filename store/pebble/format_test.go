package pebble

import (
	"log/slog"
	"strings"
	"testing"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// datedKeys gives the dated postings of a store.
func datedKeys(t *testing.T, s *Store) (keys []string) {
	t.Helper()
	for key := range contents(t, s) {
		if key[0] == keyIndex && key[indexPrefixSize] == indexDated {
			keys = append(keys, key)
		}
	}
	return keys
}

func observed(t *testing.T) *Store {
	t.Helper()
	s := openAt(t, t.TempDir())
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{benchChange("a",
		`{"resourceType":"Observation","id":"a","status":"final","code":{"coding":[{"system":"urn:x","code":"c"}]},`+
			`"subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-01-02T03:04:05Z"}`)}}); err != nil {
		t.Fatal(err)
	}
	if n := len(datedKeys(t, s)); n != 2 {
		t.Fatalf("the observation has %d dated postings; expected one of its patient and one of its code", n)
	}
	return s
}

func TestCheckFindsWhatIsWrongWithDatedPostings(t *testing.T) {
	for name, damage := range map[string]func(s *Store, key []byte) error{
		"missing":  func(s *Store, key []byte) error { return s.db.Delete(key, lsm.Sync) },
		"too many": func(s *Store, key []byte) error { key[len(key)-1]++; return s.db.Set(key, nil, lsm.Sync) },
	} {
		s := observed(t)
		before := contents(t, s)
		if err := damage(s, []byte(datedKeys(t, s)[0])); err != nil {
			t.Fatal(err)
		}
		found := 0
		if err := s.Check(t.Context(), func(Problem) { found++ }); err != nil || found != 1 {
			t.Errorf("%s: Check tells of %d problems (%v); expected one", name, found, err)
		}
		if err := s.Repair(t.Context()); err != nil {
			t.Error(err)
		}
		if after := contents(t, s); len(after) != len(before) {
			t.Errorf("%s: there are %d keys after Repair; expected %d", name, len(after), len(before))
		}
		isClean(t, s)
	}
}

func TestRepairBringsAStoreOfAFormatBeforeToThePresentOne(t *testing.T) {
	for _, format := range formerFormats {
		t.Run(format, func(t *testing.T) { repairFormer(t, format) })
	}
}

func repairFormer(t *testing.T, format string) {
	t.Helper()
	s := observed(t)
	dir := s.dir
	for _, key := range datedKeys(t, s) {
		if err := s.db.Delete([]byte(key), lsm.Sync); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Set(metaFormat, []byte(format), lsm.Sync); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	options := Options{Parameters: testParameters(), Logger: slog.New(slog.DiscardHandler)}
	if _, err := Open(dir, options); err == nil || !strings.Contains(err.Error(), "kiln check --repair") {
		t.Fatalf("opening says %v; expected a refusal that tells of kiln check --repair", err)
	}
	options.Former = true
	s, err := Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Repair(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir)
	if n := len(datedKeys(t, s)); n != 2 {
		t.Errorf("there are %d dated postings after Repair; expected 2", n)
	}
	isClean(t, s)
}
