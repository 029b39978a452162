package search_test

import (
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"kiln/search"
)

func TestTheSearchesInTheDocsAreValid(t *testing.T) {
	text, err := os.ReadFile("../docs/search.md")
	if err != nil {
		t.Fatal(err)
	}
	p, found := newParameters(t), 0
	for _, line := range regexp.MustCompile(`(?m)^curl.*$`).FindAllString(string(text), -1) {
		address, err := url.Parse(regexp.MustCompile(`http[^']*`).FindString(line))
		if err != nil {
			t.Fatal(err)
		}
		typ := strings.TrimPrefix(strings.TrimPrefix(address.Path, "/fhir"), "/")
		var options search.ParseOptions
		if id, ok := strings.CutPrefix(typ, "Patient/"); ok {
			typ, options.Compartment = "", search.Compartment{Name: "Patient", ID: strings.TrimSuffix(id, "/*")}
		}
		_, _, err = parse(t, p, typ, address.RawQuery, options)
		if refused := strings.Contains(line, "nam=x"); (err != nil) != refused {
			t.Errorf("%s gives %v", line, err)
		}
		found++
	}
	if found < 9 {
		t.Errorf("only %d lines were found", found)
	}
}
