package search_test

import (
	"math/rand/v2"
	"testing"

	"kiln/search"
	"kiln/search/searchtest"
)

// TestAmongSaysWhatItsTestsSay of every resource.
func TestAmongSaysWhatItsTestsSay(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	w, err := searchtest.NewWorld(r, newParameters(t), 200)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for range 300 {
		typ := w.RandomType(r)
		among := w.RandomAmong(r, typ)
		for _, one := range w.Resources {
			if one.Type != typ {
				continue
			}
			is, _ := search.Match(t.Context(), among, one.Resource, w)
			if said, _ := search.Match(t.Context(), among.Tests(), one.Resource, w); is != said {
				t.Fatalf("%s/%s is among them: %t, and by Tests: %t", one.Type, one.ID, is, said)
			}
			if is {
				found++
			}
		}
	}
	if found == 0 {
		t.Error("nothing is among anything")
	}
}

// TestNarrowedLeavesOutWhatFollows, and nothing else: for random filters and predicates the conjunction matches the same as
// both, and it is shorter just where the filter asks for what is theirs.
func TestNarrowedLeavesOutWhatFollows(t *testing.T) {
	p := newParameters(t)
	param := func(typ, code string) *search.Parameter { return p.Lookup(typ, code) }
	ours := search.Among{Params: []*search.Parameter{param("Observation", "subject"), param("Observation", "performer")}, Targets: search.NewTargets("Patient", "a", "b")}
	labelled := search.Not{Of: search.Missing{Param: param("Observation", "_security")}}
	mine := search.Among{Params: []*search.Parameter{p.ID()}, Targets: search.NewTargets("Patient", "a", "b")}
	for _, test := range []struct {
		typ, query string
		predicate  search.Expr
		shorter    bool
	}{
		{"Observation", "patient=a", ours, true},
		{"Observation", "patient=Patient/b", ours, true},
		{"Observation", "subject=Patient/a", ours, true},
		{"Observation", "subject:Patient=a&code=x", ours, true},
		{"Observation", "patient=a,b", ours, true},
		{"Observation", "patient=a,c", ours, false},
		{"Observation", "patient=c", ours, false},
		{"Observation", "subject=a", ours, false}, // of any type
		{"Observation", "subject=Group/a", ours, false},
		{"Observation", "encounter=a", ours, false},
		{"Observation", "patient:identifier=a", ours, false},
		{"Observation", "patient=http://elsewhere.example/Patient/a", ours, false},
		{"Observation", "patient:missing=false", ours, false},
		{"Observation", "code=x", ours, false},
		{"Observation", "", ours, false},
		{"Observation", "patient=a", search.And{ours, labelled}, false},
		{"Observation", "patient=a", search.Or{ours, labelled}, true},
		{"Observation", "patient=a", search.Or{search.And{ours, labelled}, labelled}, false},
		{"Observation", "patient=a", search.Not{Of: ours}, false},
		{"Patient", "_id=a", mine, true},
		{"Patient", "_id=a,c", mine, false},
		{"Patient", "_id=A", mine, false},
	} {
		pairs, err := search.ReadQueryString(test.query)
		if err != nil {
			t.Fatal(err)
		}
		query, _, err := p.Parse([]string{test.typ}, pairs, search.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		filter := query.Branches[0].Filter
		narrowed := search.Narrowed(filter, test.predicate)
		if all, one := showTree(narrowed), showTree(filter); (all == one) != test.shorter {
			t.Errorf("%s?%s narrowed is %s", test.typ, test.query, all)
		}
	}
	asked := search.Test{Param: param("Observation", "patient"), Any: []search.Criterion{search.ReferenceCriterion{Type: "Patient", ID: "a"}}}
	if kept := search.Narrowed(asked, search.And{ours, labelled}); showTree(kept) != showTree(search.And{asked, labelled}) {
		t.Errorf("of two conditions, one of which follows, %s is left", showTree(kept))
	}
}
