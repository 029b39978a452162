package search_test

import (
	"testing"

	"kiln/search"
)

func TestRestrictedTellsWhichParametersHaveTheSameValues(t *testing.T) {
	p, err := search.NewParameters(search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		typ, code, other, target string
		want                     bool
	}{
		{"Observation", "patient", "subject", "Patient", true},
		{"Condition", "patient", "subject", "Patient", true},
		{"Procedure", "patient", "subject", "Patient", true},
		{"Observation", "patient", "subject", "Group", false},
		{"Observation", "subject", "patient", "Patient", false},
		{"Observation", "patient", "encounter", "Patient", false},
		{"Observation", "patient", "code", "Patient", false},
		{"Observation", "subject", "subject", "Patient", false},
	} {
		if got := p.Lookup(c.typ, c.code).Restricted(p.Lookup(c.typ, c.other), c.target); got != c.want {
			t.Errorf("that %s of %s is %s restricted to %s: %v, expected %v", c.code, c.typ, c.other, c.target, got, c.want)
		}
	}
}
