package search_test

import (
	"context"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"pgregory.net/rapid"

	"kiln/search"
	"kiln/search/searchtest"
)

// smallWorld is drawn from a seed, so that rapid can shrink it.
func smallWorld(t *rapid.T, p *search.Parameters) (*searchtest.World, *rand.Rand) {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	w, err := searchtest.NewWorld(r, p, 30)
	if err != nil {
		t.Fatal(err)
	}
	return w, r
}

func TestAQueryMeansTheSameAsItsSelfLink(t *testing.T) {
	p := newParameters(t)
	rapid.Check(t, func(t *rapid.T) {
		w, r := smallWorld(t, p)
		typ := w.RandomType(r)
		query := w.RandomQuery(r, typ)
		q, err := w.Parse(typ, query)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		again, _, err := p.Parse([]string{typ}, q.Applied, search.ParseOptions{Terminology: searchtest.Terminology{}})
		if err != nil || !reflect.DeepEqual(q, again) {
			t.Fatalf("%s is applied as %v, which is read as %+v, %v", query, q.Applied, again, err)
		}
	})
}

func TestNotAndMissingPartTheWorld(t *testing.T) {
	p := newParameters(t)
	rapid.Check(t, func(t *rapid.T) {
		w, r := smallWorld(t, p)
		typ := w.RandomType(r)
		q, err := w.Parse(typ, w.RandomQuery(r, typ))
		if err != nil {
			t.Fatal(err)
		}
		filter := q.Branches[0].Filter
		param := p.Of(typ)[r.IntN(len(p.Of(typ)))]
		for _, one := range w.Resources {
			is := matches(t, w, filter, one.Resource)
			if not := matches(t, w, search.Not{Of: filter}, one.Resource); is == not {
				t.Fatalf("%s and its Not are both %t", showTree(filter), is)
			}
			if or := matches(t, w, search.Or{filter, search.Nothing{}}, one.Resource); or != is {
				t.Fatalf("or with nothing changes %s", showTree(filter))
			}
			missing, present := search.Missing{Param: param}, search.Missing{Param: param, Present: true}
			if matches(t, w, missing, one.Resource) == matches(t, w, present, one.Resource) {
				t.Fatalf("%s is both missing and present", param.Code)
			}
		}
	})
}

func matches(t *rapid.T, w *searchtest.World, x search.Expr, r search.Resource) bool {
	ok, err := search.Match(context.Background(), x, r, w)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestValuesAreInATotalOrder(t *testing.T) {
	p := newParameters(t)
	rapid.Check(t, func(t *rapid.T) {
		w, r := smallWorld(t, p)
		typ := w.RandomType(r)
		param := p.Of(typ)[r.IntN(len(p.Of(typ)))]
		var values []search.Value
		for _, one := range w.Resources {
			for _, e := range one.Entries {
				if e.Param == param && len(values) < 12 {
					values = append(values, e.Value)
				}
			}
		}
		for _, descending := range []bool{false, true} {
			for _, a := range values {
				for _, b := range values {
					ab, ba := search.CompareValues(a, b, descending), search.CompareValues(b, a, descending)
					if (ab < 0) != (ba > 0) || (ab == 0) != (ba == 0) {
						t.Fatalf("%s and %s compare as %d and %d", show(a), show(b), ab, ba)
					}
					for _, c := range values {
						if ab <= 0 && search.CompareValues(b, c, descending) <= 0 && search.CompareValues(a, c, descending) > 0 {
							t.Fatalf("%s, %s and %s have no order", show(a), show(b), show(c))
						}
					}
				}
			}
		}
	})
}

func TestEveryMatchOfARangeIsWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low, value := rapid.Int64Range(-50, 50).Draw(t, "low"), rapid.Int64Range(-50, 50).Draw(t, "value")
		c := search.DateCriterion{Prefix: rapid.SampledFrom(prefixes).Draw(t, "prefix"), Low: low, High: low + rapid.Int64Range(1, 20).Draw(t, "length")}
		v := search.DateValue{Low: value, High: value + rapid.Int64Range(1, 20).Draw(t, "span")}
		if c.Match(v) != datePrefix(c, v) {
			t.Fatalf("%+v finds %+v: %t", c, v, c.Match(v))
		}
		n := search.NumberCriterion{Prefix: c.Prefix, Value: apd.New(low, 0), Low: apd.New(low*10-5, -1), High: apd.New(low*10+5, -1)}
		d := apd.New(value, 0)
		if got, want := n.Match(search.NumberValue{Low: d, High: d}), numberPrefix(c.Prefix, value, low); got != want {
			t.Fatalf("%s%d finds %d: %t", c.Prefix, low, value, got)
		}
	})
}

var prefixes = []search.Prefix{search.Eq, search.Ne, search.Gt, search.Lt, search.Ge, search.Le, search.Sa, search.Eb, search.Ap}

// datePrefix says the table of prefixes once more, moment by moment.
func datePrefix(c search.DateCriterion, v search.DateValue) bool {
	var below, within, above bool
	for at := v.Low; at < v.High; at++ {
		below, within, above = below || at < c.Low, within || at >= c.Low && at < c.High, above || at >= c.High
	}
	return map[search.Prefix]bool{
		search.Eq: !below && !above, search.Ne: below || above, search.Gt: above, search.Lt: below, search.Ge: within || above,
		search.Le: within || below, search.Sa: !below && !within, search.Eb: !within && !above, search.Ap: within || below && above,
	}[c.Prefix]
}

func numberPrefix(p search.Prefix, value, x int64) bool {
	return map[search.Prefix]bool{
		search.Eq: value == x, search.Ne: value != x, search.Gt: value > x, search.Lt: value < x, search.Ge: value >= x,
		search.Le: value <= x, search.Sa: value > x, search.Eb: value < x, search.Ap: value == x,
	}[p]
}
