package search_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kiln/resources/outcome"
	"kiln/search"
	"kiln/search/searchtest"
)

func FuzzParse(f *testing.F) {
	for _, c := range parseCases {
		f.Add(c.typ, c.query)
	}
	for _, c := range refusals {
		f.Add(c.typ, c.query)
	}
	f.Add("Observation", "_include:iterate=*&_sort=-date&_elements=code&_count=7&_total=none&_summary=text")
	f.Add("Observation", "code:in=urn:set:77,http://hl7.org/fhir/ValueSet/observation-status&code:below=urn:x|A&status:not-in=urn:set:0&code:above=urn:x")
	p := newParameters(f)
	r := search.Resource{Type: "Patient", ID: "p", Entries: p.Own("p", searchtest.Start)}
	f.Fuzz(func(t *testing.T, typ, query string) {
		pairs, err := search.ReadQueryString(query)
		if err != nil {
			return
		}
		var types []string
		if typ != "" {
			types = strings.Split(typ, ",")
		}
		q, issues, err := p.Parse(types, pairs, search.ParseOptions{Terminology: searchtest.Terminology{}})
		if err == nil {
			if len(issues) > 0 {
				t.Errorf("%q has no error and the issues %v", query, issues)
			}
			readAgain(t, p, types, q)
			if _, err := q.Match(context.Background(), r, brokenSource{}); err != nil && !errors.Is(err, errBroken) {
				t.Errorf("%q on a resource gives %v", query, err)
			}
			return
		}
		lenient, warnings, err := p.Parse(types, pairs, search.ParseOptions{Lenient: true, Terminology: searchtest.Terminology{}})
		if err == nil {
			if len(warnings) == 0 {
				t.Errorf("%q is dropped from without a warning", query)
			}
			readAgain(t, p, types, lenient)
		}
	})
}

func FuzzFilterExpression(f *testing.F) {
	for _, text := range []string{
		`given eq "peter" and birthdate ge 2014-10-10`, `name co "pet"`, `code eq http://loinc.org|1234-5`, `subject:Patient[gender eq male or not (active eq true)].name co "p\u00e9t"`,
		`_has:Observation:patient:code in urn:set:7 or organization.name pr false`, `((`, `a[b[c[d eq e].f eq g`, `name eq "\ud800"`, "_id eq a and\u00a0_id eq b",
	} {
		f.Add(text)
	}
	p := newParameters(f)
	r := search.Resource{Type: "Patient", ID: "p", Entries: p.Own("p", searchtest.Start)}
	f.Fuzz(func(t *testing.T, text string) {
		for _, types := range [][]string{{"Patient"}, {"Observation"}, nil} {
			q, _, err := p.Parse(types, []search.NameValue{{Name: "_filter", Value: text}}, search.ParseOptions{Terminology: searchtest.Terminology{}})
			if err != nil {
				if refused := (*outcome.Error)(nil); errors.As(err, &refused) && !strings.Contains(err.Error(), "_filter") && !strings.Contains(err.Error(), "more than") {
					t.Errorf("%q gives %v", text, err)
				}
				continue
			}
			readAgain(t, p, types, q)
			if _, err := q.Match(context.Background(), r, brokenSource{}); err != nil && !errors.Is(err, errBroken) {
				t.Errorf("%q on a resource gives %v", text, err)
			}
		}
	})
}

func readAgain(t *testing.T, p *search.Parameters, types []string, q *search.Query) {
	t.Helper()
	if q.Count < 1 || q.Count > search.MaxCount {
		t.Errorf("the count is %d", q.Count)
	}
	again, issues, err := p.Parse(types, q.Applied, search.ParseOptions{Terminology: searchtest.Terminology{}})
	if err != nil || len(issues) > 0 || !reflect.DeepEqual(q, again) {
		t.Errorf("applied as %q and read again as %+v, %v, %v; it was %+v", q.Applied, again, issues, err, q)
	}
	if slices.ContainsFunc(q.Branches, func(b search.Branch) bool { return len(showTree(b.Filter)) == 0 }) {
		t.Error("a filter says nothing")
	}
}
