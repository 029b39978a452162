package search_test

import (
	"errors"
	"strings"
	"testing"

	"kiln/resources/outcome"
	"kiln/search"
)

// fixed is a terminology of a few codes.
type fixed struct{}

var errFixed = errors.New("the store is gone")

func (fixed) In(valueSet string, limit int) ([]search.Code, error) {
	switch valueSet {
	case "urn:set:pressure":
		return []search.Code{{"http://loinc.org", "8480-6"}, {"http://loinc.org", "8462-4"}}, nil
	case "urn:set:final":
		return []search.Code{{"http://hl7.org/fhir/observation-status", "final"}}, nil
	case "urn:set:empty":
		return nil, nil
	case "urn:set:large":
		return make([]search.Code, limit), nil
	case "urn:set:broken":
		return nil, errFixed
	}
	return nil, outcome.New(outcome.NotFound, "The value set %s is not known here.", valueSet)
}

func (fixed) Below(system, code string, _ int) ([]search.Code, error) {
	return []search.Code{{system, code}, {system, code + ".1"}}, nil
}

func (fixed) Above(system, code string, _ int) ([]search.Code, error) {
	return []search.Code{{system, code}, {system, strings.TrimSuffix(code, ".1")}}, nil
}

func TestSetsOfCodesAreRead(t *testing.T) {
	p, options := newParameters(t), search.ParseOptions{Terminology: fixed{}}
	for query, want := range map[string]string{
		"code:in=urn:set:pressure":               "code=http://loinc.org|8480-6 or http://loinc.org|8462-4",
		"code:not-in=urn:set:pressure":           "not(code=http://loinc.org|8480-6 or http://loinc.org|8462-4)",
		"code:in=urn:set:empty,urn:set:pressure": "code=http://loinc.org|8480-6 or http://loinc.org|8462-4",
		"status:in=urn:set:final":                "status=http://hl7.org/fhir/observation-status|final or |final",
		"code:below=urn:x|a":                     "code=urn:x|a or urn:x|a.1",
		"code:above=urn:x|a.1":                   "code=urn:x|a.1 or urn:x|a",
		"code:in=urn:set:empty":                  "code=",
	} {
		q, _, err := parse(t, p, "Observation", query, options)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := showTree(q.Branches[0].Filter); got != want {
			t.Errorf("%s is read as %s; want %s", query, got, want)
		}
		if len(q.Applied) != 1 || q.Applied[0].Name+"="+q.Applied[0].Value != query {
			t.Errorf("%s is applied as %v", query, q.Applied)
		}
	}
}

func TestSetsOfCodesThatCannotBeRead(t *testing.T) {
	p, options := newParameters(t), search.ParseOptions{Terminology: fixed{}}
	for query, want := range map[string]string{
		"code:in=urn:set:none":                `"code:in" is wrong: The value set urn:set:none is not known here.`,
		"code:in=":                            "a value is empty",
		`code:in=a\b`:                         "escapes nothing",
		"code:below=a":                        `"a" does not name a code with its system; expected system|code`,
		"code:above=urn:x|":                   "expected system|code",
		"code:below=a|b|c":                    "more than one |",
		"code:in=urn:set:large,urn:set:final": "stands for more than 5000 codes",
		"subject:in=urn:set:final":            "The modifier :in is not one of reference parameters",
	} {
		if _, _, err := parse(t, p, "Observation", query, options); outcome.As(err) == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v; want %s", query, err, want)
		}
	}
	options.Lenient = true
	if _, _, err := parse(t, p, "Observation", "code:in=urn:set:broken", options); !errors.Is(err, errFixed) {
		t.Errorf("a fault of the terminology gives %v", err)
	}
}

func TestChainsDoNotMultiplySetsWithoutEnd(t *testing.T) {
	_, _, err := parse(t, newParameters(t), "List", "item.focus._tag:in=urn:set:large", search.ParseOptions{Terminology: fixed{}})
	if !outcome.Is(err, outcome.TooCostly) {
		t.Errorf("the error is %v", err)
	}
}

func TestSetsOfCodesAreMatched(t *testing.T) {
	p := newParameters(t)
	entries := func(text string) []search.Entry {
		entries, err := p.Extract(t.Context(), document(t, text))
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
	coded := entries(`{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"urn:x","code":"other"},{"system":"http://loinc.org","code":"8480-6"}]}}`)
	cased := entries(`{"resourceType":"Observation","status":"Final","code":{"coding":[{"system":"http://loinc.org","code":"8480-6X"},{"code":"8480-6"}]}}`)
	text := entries(`{"resourceType":"Observation","code":{"text":"pressure"}}`)
	for query, want := range map[string][3]bool{
		"code:in=urn:set:pressure":     {true, false, false},
		"code:not-in=urn:set:pressure": {false, true, true},
		"status:in=urn:set:final":      {true, false, false},
		"status:not-in=urn:set:final":  {false, true, true},
		"code:in=urn:set:empty":        {false, false, false},
		"code:not-in=urn:set:empty":    {true, true, true},
	} {
		q, _, err := parse(t, p, "Observation", query, search.ParseOptions{Terminology: fixed{}})
		if err != nil {
			t.Fatal(err)
		}
		for i, entries := range [][]search.Entry{coded, cased, text} {
			if got, err := q.Match(t.Context(), search.Resource{Type: "Observation", Entries: entries}, nil); got != want[i] || err != nil {
				t.Errorf("%s on resource %d is %t, %v", query, i, got, err)
			}
		}
	}
}
