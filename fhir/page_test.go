package fhir

import (
	"net/url"
	"strings"
	"testing"

	"kiln/search"
)

func TestLinksHoldTheQueryAsItWasUnderstood(t *testing.T) {
	var all strings.Builder
	for c := range 0x180 {
		all.WriteRune(rune(c))
	}
	pairs := []search.NameValue{{Name: "code:not", Value: "http://loinc.org|1-8,a b/$*"}, {Name: "ünï=&c", Value: all.String()}, {Name: "_elements", Value: ""}}
	text := encodeQuery(pairs)
	if want := "code:not=http://loinc.org%7C1-8,a+b/$*&"; !strings.HasPrefix(text, want) {
		t.Errorf("%s; expected %s…", text, want)
	}
	back, err := search.ReadQueryString(text)
	if err != nil || len(back) != len(pairs) {
		t.Fatal(back, err)
	}
	for i := range pairs {
		if back[i] != pairs[i] {
			t.Errorf("%q came back as %q", pairs[i], back[i])
		}
	}
	if _, err := url.ParseRequestURI("http://127.0.0.1/fhir/Observation?" + text); err != nil {
		t.Error(err)
	}
}
