package search_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"kiln/search"
)

// quantityCriterion reads the criterion of one quantity.
func quantityCriterion(t testing.TB, text string) search.QuantityCriterion {
	t.Helper()
	p, err := search.NewParameters(search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	q, _, err := p.Parse([]string{"Observation"}, []search.NameValue{{Name: "value-quantity", Value: text}}, search.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	test, ok := q.Branches[0].Filter.(search.Test)
	if !ok {
		t.Fatalf("the filter is %T", q.Branches[0].Filter)
	}
	c, ok := test.Any[0].(search.QuantityCriterion)
	if !ok {
		t.Fatalf("the criterion is %T", test.Any[0])
	}
	return c
}

// TestQuantityCriterionInUnits: the number and its range in the unit of a value.
func TestQuantityCriterionInUnits(t *testing.T) {
	for _, c := range []struct{ text, system, code, want string }{
		{"5.4|http://unitsofmeasure.org|g", "http://unitsofmeasure.org", "mg", "eq 5400 [5350, 5450)"},
		{"gt98.6|http://unitsofmeasure.org|[degF]", "http://unitsofmeasure.org", "Cel", "gt 37 [36.97222222222222222222222222222222, 37.02777777777777777777777777777778)"},
		{"ap100|http://unitsofmeasure.org|mg", "http://unitsofmeasure.org", "g", "ap 0.1 [0.0895, 0.1105)"},
		{"5.40|http://unitsofmeasure.org|mg", "http://unitsofmeasure.org", "mg", "eq 5.40 [5.395, 5.405)"},
		{"5|http://unitsofmeasure.org|mg", "http://unitsofmeasure.org", "mL", ""},
		{"5|http://unitsofmeasure.org|mg", "http://unitsofmeasure.org", "xyz", ""},
		{"5|http://unitsofmeasure.org|xyz", "http://unitsofmeasure.org", "xyz", "eq 5 [4.5, 5.5)"},
		{"5|http://unitsofmeasure.org|mg", "urn:x", "mg", ""},
		{"5|urn:x|mg", "urn:x", "g", ""},
		{"5|urn:x|mg", "urn:x", "mg", "eq 5 [4.5, 5.5)"},
		{"5||g", "http://unitsofmeasure.org", "mg", ""},
		{"5", "http://unitsofmeasure.org", "mg", "eq 5 [4.5, 5.5)"},
	} {
		criterion := quantityCriterion(t, c.text)
		bare := search.QuantityCriterion{
			NumberCriterion: criterion.NumberCriterion, System: criterion.System, Code: criterion.Code,
			AnySystem: criterion.AnySystem, AnyUnit: criterion.AnyUnit,
		}
		for _, criterion := range []search.QuantityCriterion{criterion, criterion, bare} { // remembered, and not
			n, ok := criterion.In(search.QuantityValue{System: c.system, Code: c.code})
			got := ""
			if ok {
				got = showCriterion(n)
			}
			if got != c.want {
				t.Errorf("%s in %s is %q, want %q", c.text, c.code, got, c.want)
			}
		}
	}
}

// TestConversionsAreBounded: however many units a criterion meets at once, it answers right and
// remembers no more than it may.
func TestConversionsAreBounded(t *testing.T) {
	c := quantityCriterion(t, "1|http://unitsofmeasure.org|g")
	n := apd.New(1000, 0)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 400 {
				v := search.QuantityValue{
					NumberValue: search.NumberValue{Low: n, High: n}, System: "http://unitsofmeasure.org", Code: fmt.Sprintf("mg{%d}", i),
				}
				if !c.Match(v) {
					t.Errorf("1000 %s is not 1 g", v.Code)
				}
			}
		})
	}
	group.Wait()
	if kept := search.Conversions(c); kept == 0 || kept > search.MaxConversions {
		t.Errorf("%d units are remembered, want 1 to %d", kept, search.MaxConversions)
	}
}

func BenchmarkMatchQuantityInAnotherUnit(b *testing.B) {
	c := quantityCriterion(b, "gt98.6|http://unitsofmeasure.org|[degF]")
	n := apd.New(371, -1)
	v := search.QuantityValue{NumberValue: search.NumberValue{Low: n, High: n}, System: "http://unitsofmeasure.org", Code: "Cel"}
	for b.Loop() {
		if !c.Match(v) {
			b.Fatal("37.1 Cel is not above 98.6 [degF]")
		}
	}
}
