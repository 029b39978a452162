package search_test

import (
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"kiln/search"
	"kiln/search/searchtest"
)

// https://hl7.org/fhir/R4/search_filter.html
func TestFilterExpressionsAreLoweredToTheTreeOfQueries(t *testing.T) {
	p := newParameters(t)
	for _, c := range []struct{ typ, expression, want string }{
		{"Patient", `given eq "Peter" and birthdate ge 2014-10-10`, "and(given eq =Peter ~ peter, birthdate=ge 2014-10-10T00:00:00 to 2014-10-11T00:00:00)"},
		{"Patient", "_id eq a or _id eq b and _id eq c", "and(or(_id=a, _id=b), _id=c)"},
		{"Patient", "_id eq a or (_id eq b and _id eq c)", "or(_id=a, and(_id=b, _id=c))"},
		{"Patient", "_id eq a and _id eq b and _id eq c", "and(_id=a, _id=b, _id=c)"},
		{"Patient", "not (_id eq a or _id eq b)", "not(or(_id=a, _id=b))"},
		{"Patient", "family ne b", "or(family lt =b ~ b, family gt =b ~ b)"},
		{"Patient", "family pr false", "not(present(family))"},
		{"Observation", "subject:Patient.name co pet", "subject->Patient(name:contains=pet ~ pet)"},
		{"Observation", "subject:Patient[gender eq male].name pr false", "not(subject->Patient(and(gender=male, present(name))))"},
		{"Observation", "subject.family sw x", "subject->Patient(family=x ~ x)"},
		{"Observation", "subject re Patient/1", "subject=Patient/1"},
		{"Patient", "_has:Observation:patient:code eq x", "has Observation.patient(code=x)"},
		{"Observation", "code eq loinc|1234-5", "code=http://loinc.org|1234-5"},
		{"Observation", "code in urn:set:1", "code=" + codesOfSet(t, p, "code:in=urn:set:1")},
		{"Observation", "code ni urn:set:1", "not(code=" + codesOfSet(t, p, "code:in=urn:set:1") + ")"},
		{"Observation", "code ss urn:x|A", "code=" + codesOfSet(t, p, "code:below=urn:x|A")},
		{"Observation", "code sb urn:x|A", "code=" + codesOfSet(t, p, "code:above=urn:x|A")},
	} {
		q, _, err := p.Parse([]string{c.typ}, []search.NameValue{{Name: "_filter", Value: c.expression}}, search.ParseOptions{Terminology: searchtest.Terminology{}})
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
		} else if got := showTree(q.Branches[0].Filter); got != c.want {
			t.Errorf("%s is read as\n%s\nwant\n%s", c.expression, got, c.want)
		}
	}
}

// https://hl7.org/fhir/R4/search.html#list
func TestListsAreLoweredToWhatRefersHere(t *testing.T) {
	p := newParameters(t)
	for query, want := range map[string]string{
		"_list=42,List/43":         "has List.item(_id=42 or 43)",
		"subject:Patient._list=42": "subject->Patient(has List.item(_id=42))",
		"encounter._list=42&_id=a": "and(encounter->Encounter(has List.item(_id=42))|EpisodeOfCare(has List.item(_id=42)), _id=a)",
	} {
		q, _, err := parse(t, p, "Observation", query, search.ParseOptions{})
		if err != nil {
			t.Errorf("%s: %v", query, err)
		} else if got := showTree(q.Branches[0].Filter); got != want {
			t.Errorf("%s is read as\n%s\nwant\n%s", query, got, want)
		}
	}
}

// codesOfSet shows the criteria that a modifier on sets of codes gives.
func codesOfSet(t *testing.T, p *search.Parameters, query string) string {
	t.Helper()
	pairs, err := search.ReadQueryString(query)
	if err != nil {
		t.Fatal(err)
	}
	q, _, err := p.Parse([]string{"Observation"}, pairs, search.ParseOptions{Terminology: searchtest.Terminology{}})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(showTree(q.Branches[0].Filter), "code=")
}

// What a parameter of its own says, a filter says too; and "not" of it is all the rest.
func TestAFilterExpressionFindsWhatItsParameterFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	w, err := searchtest.NewWorld(r, newParameters(t), 400)
	if err != nil {
		t.Fatal(err)
	}
	asks := func(typ, query string) []string {
		found, err := w.Search(t.Context(), typ, query)
		if err != nil {
			t.Fatalf("%s?%s: %v", typ, query, err)
		}
		return found
	}
	same := map[string]string{
		"_lastUpdated=ge2024-02-29": "_lastUpdated ge 2024-02-29", "_lastUpdated=ne2024-02-29T00:00:00Z": "_lastUpdated ne 2024-02-29T00:00:00Z",
		"_id=r1": "_id eq r1", "_id:not=r1": "not (_id eq r1)", "_tag=A": "_tag eq A", "_profile:missing=true": "_profile pr false", "_tag:missing=false": "_tag pr true",
	}
	for _, typ := range w.Types() {
		all := len(asks(typ, ""))
		for query, expression := range same {
			found := asks(typ, query)
			by := asks(typ, "_filter="+url.QueryEscape(expression))
			if strings.Join(found, " ") != strings.Join(by, " ") {
				t.Errorf("%s?%s finds %v, and by %s it is %v", typ, query, found, expression, by)
			}
			rest := asks(typ, "_filter="+url.QueryEscape("not ("+expression+")"))
			if len(found)+len(rest) != all {
				t.Errorf("%s?%s finds %d and not %d of %d", typ, query, len(found), len(rest), all)
			}
		}
	}
}
