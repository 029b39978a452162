package pebble

import (
	"slices"
	"strings"
	"testing"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
	"kiln/store"
)

// wordsIn lists the words that a store is indexed by, those of narratives with a star.
func wordsIn(t *testing.T, s *Store) (words []string) {
	t.Helper()
	for key := range contents(t, s) {
		if !isWordKey(key) {
			continue
		}
		word, _, _ := readText([]byte(key[indexPrefixSize+1:]))
		if key[indexPrefixSize] == indexNarrative {
			word = append(word, '*')
		}
		words = append(words, string(word))
	}
	slices.Sort(words)
	return words
}

func isWordKey(key string) bool {
	return key[0] == keyIndex && strings.HasPrefix(key[3:], "\x00\x00") && strings.ContainsRune("NW", rune(key[indexPrefixSize]))
}

// tell stores a Basic with a text, and a narrative if there is one.
func tell(t *testing.T, s *Store, id, text, narrative string) {
	t.Helper()
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{telling(id, text, narrative)}}); err != nil {
		t.Fatal(err)
	}
}

func telling(id, text, narrative string) store.Change {
	div := ""
	if narrative != "" {
		div = `"text":{"status":"generated","div":"<div>` + narrative + `</div>"},`
	}
	return benchChange(id, `{"resourceType":"Basic","id":"`+id+`",`+div+`"code":{"text":"`+text+`"}}`)
}

func TestWordsAreIndexedOnceAndFollowTheResource(t *testing.T) {
	s := openAt(t, t.TempDir())
	has := func(want string) {
		t.Helper()
		if got := strings.Join(wordsIn(t, s), " "); got != want {
			t.Errorf("the index has the words %q; want %q", got, want)
		}
		isClean(t, s)
	}
	tell(t, s, "a", "Pain, severe pain", "Severe <b>head</b>ache")
	has("generated headache* pain severe*")
	tell(t, s, "a", "Headache", "Mild pain")
	has("generated headache mild* pain*")
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{{Key: store.Key{Type: "Basic", ID: "a"}, Method: store.Delete}}}); err != nil {
		t.Fatal(err)
	}
	has("")
	tell(t, s, "a", "Back", "")
	has("back")
}

// TestWordsOfAVersionThatCameInBetween prepares an update while another one lands, so that what was read
// of the version before is out of date.
func TestWordsOfAVersionThatCameInBetween(t *testing.T) {
	s := openAt(t, t.TempDir())
	tell(t, s, "a", "first", "")
	tx := store.Transaction{Changes: []store.Change{telling("a", "third", "")}}
	prepared, err := s.prepare(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.readFormer(&prepared[0]); err != nil || prepared[0].former.version != 1 {
		t.Fatalf("the change was prepared for version %d, %v", prepared[0].former.version, err)
	}
	tell(t, s, "a", "second", "")
	if err := s.write(t.Context(), func() (*landing, error) {
		l := s.newLanding(s.db.NewBatch())
		return l, l.apply(tx, prepared)
	}); err != nil {
		t.Fatal(err)
	}
	if got := wordsIn(t, s); !slices.Equal(got, []string{"third"}) {
		t.Errorf("the index has the words %q; want those of the last version", got)
	}
	isClean(t, s)
}

func TestCheckFindsWhatIsWrongWithWords(t *testing.T) {
	for name, damage := range map[string]func(s *Store, key []byte) error{
		"missing":  func(s *Store, key []byte) error { return s.db.Delete(key, lsm.Sync) },
		"too many": func(s *Store, key []byte) error { key[len(key)-1]++; return s.db.Set(key, nil, lsm.Sync) },
		"of old":   func(s *Store, key []byte) error { key[indexPrefixSize+1]++; return s.db.Set(key, nil, lsm.Sync) },
	} {
		s := openAt(t, t.TempDir())
		tell(t, s, "a", "pain", "ache")
		before := wordsIn(t, s)
		for key := range contents(t, s) {
			if isWordKey(key) {
				if err := damage(s, []byte(key)); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		found := 0
		if err := s.Check(t.Context(), func(Problem) { found++ }); err != nil || found != 1 {
			t.Errorf("%s: Check tells of %d problems (%v); expected one", name, found, err)
		}
		if err := s.Repair(t.Context()); err != nil {
			t.Error(err)
		}
		if after := wordsIn(t, s); !slices.Equal(before, after) {
			t.Errorf("%s: there are the words %q after Repair; expected %q", name, after, before)
		}
		isClean(t, s)
	}
}

func TestRepairAddsWordsToAStoreThatHadNone(t *testing.T) {
	s := openAt(t, t.TempDir())
	tell(t, s, "a", "old pain", "")
	tell(t, s, "a", "pain", "ache")
	want := wordsIn(t, s)
	for key := range contents(t, s) {
		if isWordKey(key) {
			if err := s.db.Delete([]byte(key), lsm.Sync); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Repair(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := wordsIn(t, s); !slices.Equal(got, want) {
		t.Errorf("there are the words %q after Repair; expected %q", got, want)
	}
	isClean(t, s)
}

func TestAPageShowsTheWordsOfItsState(t *testing.T) {
	s := openAt(t, t.TempDir())
	for _, id := range []string{"a", "b", "c", "d"} {
		tell(t, s, id, "the severe pain "+id, "ache "+id)
	}
	for _, search := range []string{
		"_content=pain", `_content="severe pain"`, `_text=ac* NOT "ache z"`, `_content=NOT other`, `_text=(ache OR nothing) pain NOT x,ache`,
	} {
		if got := throughChanges(t, s, search); got != "a b c d" {
			t.Errorf("%s finds %s; want a b c d as at first", search, got)
		}
	}
}

// throughChanges reads pages of one, between which all resources change, and puts them back.
func throughChanges(t *testing.T, s *Store, text string) string {
	t.Helper()
	name, value, _ := strings.Cut(text, "=")
	query, _, err := testParameters().Parse([]string{"Basic"}, []search.NameValue{{Name: name, Value: value}}, search.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	query.Count = 1
	var found []string
	var cursor store.Cursor
	for {
		page, err := s.Search(t.Context(), query, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Matches {
			found = append(found, m.ID)
		}
		if cursor = page.Next; cursor == nil {
			break
		}
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			tell(t, s, id, "pain severe other", "ache z")
		}
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		tell(t, s, id, "the severe pain "+id, "ache "+id)
	}
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{{Key: store.Key{Type: "Basic", ID: "e"}, Method: store.Delete}}}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(found, " ")
}

func TestSearchesForWordsAgreeWithMatchHoweverTheyArePlanned(t *testing.T) {
	r := agreementRandom(t, 5)
	w := world(t, r, 400)
	s := keep(t, w)
	underEveryPlanning(t, func(t *testing.T, count int) {
		found := 0
		for i := range count {
			typ := ""
			if i%3 > 0 {
				typ = w.RandomType(r)
			}
			if agreeOn(t, r, w, s, typ, w.RandomWords(r, typ)) > 0 {
				found++
			}
		}
		if found < count/2 {
			t.Errorf("of %d searches for words %d find something; that proves little", count, found)
		}
	})
}
