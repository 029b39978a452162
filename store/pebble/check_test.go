package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// furnished is a store with something of everything.
func furnished(t *testing.T) *Store {
	t.Helper()
	s := openAt(t, t.TempDir())
	for _, text := range []string{"one", "two", "three"} {
		put(t, s, "a", text, "claim "+text)
	}
	put(t, s, "b", "one")
	put(t, s, "gone", "one", "other")
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{{Key: store.Key{Type: "Basic", ID: "gone"}, Method: store.Delete}}}); err != nil {
		t.Fatal(err)
	}
	for key, expires := range map[string]time.Time{"kept": {}, "ends": time.Now().Add(time.Hour)} {
		if _, err := s.Records("bucket").Put(t.Context(), key, []byte("v"), expires, 0); err != nil {
			t.Fatal(err)
		}
	}
	isClean(t, s)
	return s
}

// keysOf are the keys that begin with a byte.
func keysOf(t *testing.T, s *Store, prefix byte) [][]byte {
	t.Helper()
	it, err := s.db.NewIter(bounds([]byte{prefix}))
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	var keys [][]byte
	for ok := it.First(); ok; ok = it.Next() {
		keys = append(keys, bytes.Clone(it.Key()))
	}
	if len(keys) == 0 {
		t.Fatalf("there is no key that begins with %c", prefix)
	}
	return keys
}

// contents are all keys and values that can be derived.
func contents(t *testing.T, s *Store) map[string]string {
	t.Helper()
	it, err := s.db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	all := map[string]string{}
	for ok := it.First(); ok; ok = it.Next() {
		all[string(it.Key())] = string(it.Value())
	}
	return all
}

func TestCheckFindsAndRepairPutsRight(t *testing.T) {
	drop := func(prefix byte) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error { return s.db.Delete(keysOf(t, s, prefix)[0], lsm.Sync) }
	}
	spoil := func(prefix byte) func(*testing.T, *Store) error {
		return func(t *testing.T, s *Store) error {
			return s.db.Set(keysOf(t, s, prefix)[0], []byte("spoilt"), lsm.Sync)
		}
	}
	add := func(key []byte, value string) func(*testing.T, *Store) error {
		return func(_ *testing.T, s *Store) error { return s.db.Set(key, []byte(value), lsm.Sync) }
	}
	for _, c := range []struct {
		name, part string
		damage     func(*testing.T, *Store) error
	}{
		{"AMissingHead", "resource", drop(keyHead)},
		{"ASpoiltHead", "resource", spoil(keyHead)},
		{"AHeadOfNoResource", "resource", add(headKey(nil, 1, "nobody"), string(head{document: 99, version: 1, method: store.Create}.append(nil)))},
		{"AMissingPlaceInTheFeed", "feed", drop(keyFeed)},
		{"ASpoiltPlaceInTheFeed", "feed", spoil(keyFeed)},
		{"APlaceOfNoVersion", "history", add(historyKey(nil, 1, 99), string(place{document: 99, version: 1, typ: 1}.append(nil)))},
		{"AMissingPlaceInTheHistory", "history", drop(keyHistory)},
		{"AMissingIndexKey", "index", drop(keyIndex)},
		{"AnIndexKeyTooMany", "index", add(appendNumber(append(indexPrefix(nil, 1, 0), indexAlive), 99), "")},
		{"AnIndexKeyOfAnOldValue", "index", func(t *testing.T, s *Store) error {
			param := s.dictionary.parameterCode(testParameters().Lookup("Basic", "identifier"))
			return s.db.Set(appendNumber(append(appendText(append(indexPrefix(nil, 1, param), indexCode), "two"), 0, 0, 0, 1), 1), nil, lsm.Sync)
		}},
		{"MissingValues", "index", drop(keyValues)},
		{"SpoiltValues", "index", spoil(keyValues)},
		{"ValuesOfAnotherResource", "index", func(t *testing.T, s *Store) error {
			values := valuesRecord{typ: 1, id: "b", lastUpdated: 1}
			return s.db.Set(keysOf(t, s, keyValues)[0], values.append(nil), lsm.Sync)
		}},
		{"AMissingClaim", "claim", drop(keyClaim)},
		{"AClaimOfNobody", "claim", add(claimKey(nil, "nobody's"), string(appendID([]byte{0, 1}, "a")))},
		{"AWrongCounter", "counter", add(liveKey(nil, 1), "\x00\x00\x00\x00\x00\x00\x00\x09")},
		{"AMissingCode", "dictionary", drop(keyCode)},
		{"AMissingName", "dictionary", drop(keyText)},
		{"AMissingEnd", "record", drop(keyExpiry)},
		{"AnEndOfNoRecord", "record", add(expiryKey(nil, 5, "bucket", "none"), "")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := furnished(t)
			before := contents(t, s)
			if err := c.damage(t, s); err != nil {
				t.Fatal(err)
			}
			var found []Problem
			if err := s.Check(t.Context(), func(p Problem) { found = append(found, p) }); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(found, func(p Problem) bool { return p.Part == c.part }) {
				t.Errorf("it reports %v; expected something of the %s", found, c.part)
			}
			if err := s.Repair(t.Context()); err != nil {
				t.Fatal(err)
			}
			isClean(t, s)
			if after := contents(t, s); c.part != "dictionary" {
				for key, value := range before {
					if after[key] != value {
						t.Errorf("%q is %q after the repair, and was %q", key, after[key], value)
					}
				}
				if len(after) != len(before) {
					t.Errorf("there are %d keys after the repair, and there were %d", len(after), len(before))
				}
			}
			if put(t, s, "a", "four").VersionID != 4 {
				t.Error("the next version is not the fourth")
			}
			isClean(t, s)
		})
	}
}

func TestCheckTellsWhatCannotBeRepaired(t *testing.T) {
	for _, c := range []struct {
		name, part string
		damage     func(*testing.T, *Store) error
	}{
		{"ASpoiltVersion", "resource", func(t *testing.T, s *Store) error {
			return s.db.Set(keysOf(t, s, keyVersion)[1], []byte("spoilt"), lsm.Sync)
		}},
		{"AVersionWithAFlippedBit", "resource", func(t *testing.T, s *Store) error {
			key := keysOf(t, s, keyVersion)[1]
			value, closer, err := s.db.Get(key)
			if err != nil {
				return err
			}
			flipped := bytes.Clone(value)
			flipped[len(flipped)/2] ^= 4
			return errors.Join(closer.Close(), s.db.Set(key, flipped, lsm.Sync))
		}},
		{"AMissingVersion", "history", func(t *testing.T, s *Store) error {
			return s.db.Delete(keysOf(t, s, keyVersion)[1], lsm.Sync)
		}},
		{"ASpoiltRecord", "record", func(t *testing.T, s *Store) error {
			return s.db.Set(keysOf(t, s, keyRecord)[0], []byte("spoilt"), lsm.Sync)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := furnished(t)
			if err := c.damage(t, s); err != nil {
				t.Fatal(err)
			}
			var found []Problem
			if err := s.Check(t.Context(), func(p Problem) { found = append(found, p) }); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(found, func(p Problem) bool { return p.Part == c.part }) {
				t.Errorf("it reports %v; expected something of the %s", found, c.part)
			}
			if err := s.Repair(t.Context()); err == nil {
				t.Error("the repair reports success")
			}
		})
	}
}

// A bit may flip anywhere: where Open reads first, and then it refuses, or elsewhere, and then Check
// tells. It is never passed over.
func TestCheckFindsBitsThatFlippedOnDisk(t *testing.T) {
	s := furnished(t)
	for n := range 200 {
		put(t, s, fmt.Sprint("more", n%26), "text")
	}
	dir := s.dir
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	refused, reported := 0, 0
	for _, table := range tables {
		content, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for part := range 8 {
			at := len(content) * part / 8
			copied := t.TempDir()
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			flipped := bytes.Clone(content)
			flipped[at] ^= 16
			if err := os.WriteFile(filepath.Join(copied, filepath.Base(table)), flipped, 0o600); err != nil {
				t.Fatal(err)
			}
			if problems, err := problemsIn(t, copied); errors.Is(err, ErrCorrupt) {
				refused++
			} else if err != nil {
				t.Errorf("with byte %d of %s flipped the store does not open: %v; expected ErrCorrupt", at, filepath.Base(table), err)
			} else if problems > 0 {
				reported++
			} else {
				t.Errorf("with byte %d of %d of %s flipped nothing is reported", at, len(content), filepath.Base(table))
			}
		}
	}
	if reported == 0 {
		t.Errorf("Open refused all %d; expected some that Check reports", refused)
	}
}

// problemsIn opens the store in a folder and counts what Check finds.
func problemsIn(t *testing.T, dir string) (n int, err error) {
	t.Helper()
	s, err := Open(dir, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	if err := s.Check(t.Context(), func(Problem) { n++ }); err != nil {
		t.Error(err)
	}
	_ = s.Close() // a damaged file may also be in its way
	return n, nil
}

func TestCheckEndsWithItsContext(t *testing.T) {
	s := furnished(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Check(ctx, func(Problem) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

func TestRepairMakesTheWholeIndexFromTheResources(t *testing.T) {
	s := furnished(t)
	before := contents(t, s)
	for _, prefix := range []byte{keyIndex, keyHead, keyFeed, keyHistory, keyLive, keyClaim, keyValues} {
		if err := s.db.DeleteRange([]byte{prefix}, []byte{prefix + 1}, lsm.Sync); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Repair(t.Context()); err != nil {
		t.Fatal(err)
	}
	isClean(t, s)
	after := contents(t, s)
	for key, value := range before {
		if after[key] != value {
			t.Errorf("%q is %q after the repair, and was %q", key, after[key], value)
		}
	}
}

// isMended holds a store with one damaged key to being told of it, and to having its keys again after Repair.
func isMended(t *testing.T, s *Store, name string, before map[string]string) {
	t.Helper()
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
