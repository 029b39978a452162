package pebble

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/google/go-cmp/cmp"

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
			`"subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-01-02T03:04:05Z",`+
			`"contained":[{"resourceType":"Organization","id":"c","name":"Inside"}],"performer":[{"reference":"#c"}]}`)}}); err != nil {
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
		isMended(t, s, name, before)
	}
}

func TestRepairBringsAStoreOfAFormatBeforeToThePresentOne(t *testing.T) {
	for _, former := range formerFormats {
		s := observed(t)
		dir := s.dir
		whole := contents(t, s)
		for _, key := range datedKeys(t, s) {
			if err := s.db.Delete([]byte(key), lsm.Sync); err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range linkKeys(t, s) {
			if err := s.db.Delete([]byte(key), lsm.Sync); err != nil {
				t.Fatal(err)
			}
		}
		withoutContained(t, s)
		if err := s.db.Set(metaFormat, []byte(former), lsm.Sync); err != nil {
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
		if diff := cmp.Diff(whole, contents(t, s)); diff != "" {
			t.Errorf("a store of %q is another after Repair (- as written):\n%s", former, diff)
		}
		isClean(t, s)
	}
}

// withoutContained takes away what is kept of contained resources, as it was before it was kept.
func withoutContained(t *testing.T, s *Store) {
	t.Helper()
	for key, value := range contents(t, s) {
		_, _, space := splitSpace(s.dictionary.tables[kindType].texts[uint32(indexTypeOf(key))])
		switch {
		case key[0] == keyIndex && space:
			if err := s.db.Delete([]byte(key), lsm.Sync); err != nil {
				t.Fatal(err)
			}
		case key[0] == keyValues:
			record, err := readValues([]byte(value))
			if err != nil {
				t.Fatal(err)
			}
			record.list = slices.Clone(record.list)
			for p := walkPacked(record.list); p.next(); {
				if p.value[0] == packedContained { // the last, for its parameter came last
					end := len(record.list) - len(p.rest)
					start := end - len(p.value) - 4
					record.list = slices.Delete(record.list, start, end)
					break
				}
			}
			if err := s.db.Set([]byte(key), record.append(nil), lsm.Sync); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func indexTypeOf(key string) code {
	if key[0] != keyIndex {
		return 0
	}
	return indexType([]byte(key))
}
