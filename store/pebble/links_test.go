package pebble

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/google/go-cmp/cmp"

	"kiln/search"
	"kiln/store"
)

// linksIn tells the links of a resource as text, by a parameter of its type.
func linksIn(t *testing.T, s *Store, typ, id, param string) (list []string) {
	t.Helper()
	v, err := reader{store: s}.glance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.leave()
	x := newExecution(t.Context(), v, benchQuery(t, typ, ""))
	c := s.dictionary.typeCode(typ)
	document, ok := x.locate(c, id)
	var k links
	if !ok || !x.linksOf(c, document, &k) {
		t.Fatalf("%s/%s has no links", typ, id)
	}
	if own, _, _ := readID(k.id); own != id {
		t.Errorf("the links of %s/%s are of %q", typ, id, own)
	}
	x.refers(document, &k, s.dictionary.parameterCode(testParameters().Lookup(typ, param)), func(typ code, id []byte) {
		if typ == 0 {
			list = append(list, "inside")
			return
		}
		to, _, _ := readID(id)
		list = append(list, (&walk{execution: x}).typeName(typ)+"/"+to)
	})
	if err := x.close(); err != nil {
		t.Error(err)
	}
	return list
}

func TestLinksAreWhatAResourceRefersTo(t *testing.T) {
	s := openAt(t, t.TempDir())
	write := func(body string) {
		t.Helper()
		if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{benchChange("a", body)}}); err != nil {
			t.Fatal(err)
		}
	}
	var members []string
	var wanted []string
	for n := range linksLimit + 1 {
		wanted = append(wanted, fmt.Sprintf("Observation/o%d", n))
		members = append(members, fmt.Sprintf(`{"reference":"Observation/o%d"}`, n))
	}
	const begin = `{"resourceType":"Observation","id":"a","status":"final","code":{"text":"c"},`
	for _, c := range []struct {
		body, param string
		want        []string
	}{
		{`"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/e"}`, "patient", []string{"Patient/p"}},
		{`"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/e"}`, "subject", []string{"Patient/p"}},
		{`"subject":{"reference":"Patient/q"},"encounter":{"reference":"Encounter/e"}`, "encounter", []string{"Encounter/e"}},
		{`"contained":[{"resourceType":"Organization","id":"c"}],"performer":[{"reference":"#c"},{"reference":"Practitioner/3f2504e0-4f89-11d3-9a0c-0305e82c3301"}]`, "performer", []string{"inside", "Practitioner/3f2504e0-4f89-11d3-9a0c-0305e82c3301"}},
		{`"subject":{"reference":"https://elsewhere.example/Patient/p"},"performer":[{"identifier":{"value":"1"}}]`, "performer", nil},
		{`"hasMember":[` + strings.Join(members[:linksLimit], ",") + `]`, "has-member", wanted[:linksLimit]},
		{`"hasMember":[` + strings.Join(members, ",") + `]`, "has-member", wanted},
	} {
		write(begin + c.body + "}")
		got := linksIn(t, s, "Observation", "a", c.param)
		slices.Sort(got)
		want := slices.Sorted(slices.Values(c.want))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s of %s (- wanted, + read):\n%s", c.param, c.body, diff)
		}
		isClean(t, s)
	}
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{{
		Key: store.Key{Type: "Observation", ID: "a"}, Method: store.Delete,
	}}}); err != nil {
		t.Fatal(err)
	}
	if keys := linkKeys(t, s); len(keys) != 0 {
		t.Errorf("a resource that is deleted has links")
	}
	isClean(t, s)
}

// linkKeys are the keys of the links of all resources.
func linkKeys(t *testing.T, s *Store) (keys []string) {
	t.Helper()
	for key := range contents(t, s) {
		if key[0] == keyIndex && key[indexPrefixSize] == indexLinks {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestCheckFindsWhatIsWrongWithLinks(t *testing.T) {
	for name, damage := range map[string]func(s *Store, key []byte) error{
		"missing":  func(s *Store, key []byte) error { return s.db.Delete(key, lsm.Sync) },
		"another":  func(s *Store, key []byte) error { return s.db.Set(key, []byte{idText, 'b', textEnd, 0}, lsm.Sync) },
		"too many": func(s *Store, key []byte) error { key[len(key)-1]++; return s.db.Set(key, nil, lsm.Sync) },
	} {
		s := observed(t)
		before := contents(t, s)
		if err := damage(s, []byte(linkKeys(t, s)[0])); err != nil {
			t.Fatal(err)
		}
		found := 0
		if err := s.Check(t.Context(), func(Problem) { found++ }); err != nil || found != 1 {
			t.Errorf("%s: Check tells of %d problems (%v); expected one", name, found, err)
		}
		if err := s.Repair(t.Context()); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(before, contents(t, s)); diff != "" {
			t.Errorf("%s: the store is another after Repair:\n%s", name, diff)
		}
		isClean(t, s)
	}
}

func TestLinksThatDoNotReadEndASearch(t *testing.T) {
	for name, value := range map[string][]byte{
		"empty": nil, "cut": {idText, 'a', textEnd, 1, 5}, "too many": {idText, 'a', textEnd, linksLimit + 1}, "no id": {9, 9},
	} {
		s := observed(t)
		if err := s.db.Set([]byte(linkKeys(t, s)[0]), value, lsm.Sync); err != nil {
			t.Fatal(err)
		}
		query := benchQuery(t, "Patient", "_has:Observation:subject:status=final")
		if page, err := s.Search(t.Context(), query, nil); err == nil {
			t.Errorf("%s: the search finds %d; expected an error", name, len(page.Matches))
		}
	}
}

func TestAReindexMakesLinksAnew(t *testing.T) {
	s := observed(t)
	subject := []*search.Parameter{testParameters().Lookup("Observation", "subject")}
	step := store.ReindexStep{Type: "Observation", Limit: 10, Params: subject}
	for _, c := range []struct {
		extract func(context.Context, store.Version) ([]search.Entry, error)
		want    []string
	}{{nil, nil}, {extractor(testParameters(), subject), []string{"Patient/p"}}} {
		step.Extract = c.extract
		if _, err := s.Reindex(t.Context(), step); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, linksIn(t, s, "Observation", "a", "subject")); diff != "" {
			t.Errorf("the subject (- wanted, + read):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"Patient/p"}, linksIn(t, s, "Observation", "a", "patient")); diff != "" {
			t.Errorf("the patient (- wanted, + read):\n%s", diff)
		}
	}
	isClean(t, s)
}
