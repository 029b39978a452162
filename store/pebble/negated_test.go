package pebble

import (
	"math/rand/v2"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiln/store"
)

// A chain that is negated may be tested on what other legs leave, rather than opened.
func TestNegatedChainsAndHasAreTestedTheRightWayRound(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	w := world(t, r, 400)
	s := keep(t, w)
	usual := tuned
	defer func() { tuned = usual }()
	plannings["testing rather than opening"](&tuned)
	found := 0
	for _, c := range [][2]string{
		{"Observation", `status pr true and not (subject:Patient.family pr true)`},
		{"Observation", `_id ne r1 and not (subject:Patient.gender pr true or encounter.status pr true)`},
		{"Patient", `_id ne r1 and not (_has:Observation:patient:status pr true)`},
		{"Encounter", `_id ne r1 and not (subject:Patient[gender pr true].active pr true)`},
	} {
		text := "_filter=" + url.QueryEscape(c[1])
		want, err := w.Search(t.Context(), c[0], text)
		if err != nil {
			t.Fatal(err)
		}
		query, err := w.Parse(c[0], text)
		if err != nil {
			t.Fatal(err)
		}
		query.Count = 7
		got, _ := pagesOf(t, s, query, func(p store.Page) store.Cursor { return p.Next }, nil)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s?%s: matches differ (- Match, + engine):\n%s", c[0], c[1], diff)
		}
		found += len(want)
	}
	if found == 0 {
		t.Error("nothing was to be found")
	}
}
