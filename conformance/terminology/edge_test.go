package terminology_test

import (
	"testing"

	"kiln/conformance/terminology"
)

// Of two concepts with one code the first counts, for what names it as its parent too.
func TestParentsByPropertyAreTheFirstOfTheirCode(t *testing.T) {
	s := shelf{}
	s.put(t, `{"resourceType":"CodeSystem","url":"urn:test:twice","status":"active","content":"complete","concept":[
		{"code":"a"},{"code":"b","concept":[{"code":"a"}]},{"code":"c","property":[{"code":"parent","valueCode":"a"}]},
		{"code":"d","property":[{"code":"child","valueCode":"a"}]}]}`)
	service := terminology.New(s, terminology.Limits{})
	for _, c := range []struct{ a, b string }{{"a", "c"}, {"d", "a"}} {
		if got, err := service.Subsumes(t.Context(), "urn:test:twice", c.a, c.b); got != terminology.Subsuming || err != nil {
			t.Errorf("%s to %s is %s, %v", c.a, c.b, got, err)
		}
	}
}

// What is excluded of a code system that is known in part leaves those codes open that are not of that
// part: they may be excluded too.
func TestExcludingAPartLeavesTheRestOpen(t *testing.T) {
	s := shelf{}
	s.put(t, `{"resourceType":"CodeSystem","url":"urn:test:part","status":"active","content":"fragment","concept":[{"code":"in"},{"code":"out"}]}`)
	s.put(t, composed("urn:test:less", `"compose":{"include":[{"system":"urn:test:part","concept":[{"code":"in"},{"code":"out"},{"code":"beyond"}]}],
		"exclude":[{"system":"urn:test:part","filter":[{"property":"code","op":"=","value":"out"}]}]}`))
	service := terminology.New(s, terminology.Limits{})
	for code, want := range map[string]struct{ in, known bool }{"in": {true, true}, "out": {false, false}, "beyond": {false, false}} {
		got, err := service.Contains(t.Context(), "urn:test:less", "urn:test:part", code)
		if got != want.in || (err == nil) != want.known {
			t.Errorf("%s: %v, %v; want %+v", code, got, err, want)
		}
	}
}
