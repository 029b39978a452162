package search_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"kiln/search"
)

// recent is a named query: the observations of a patient with a code, since a day.
var recent = search.NamedQuery{
	Name: "recent", Types: []string{"Observation"}, Definition: "http://kiln.example/OperationDefinition/recent",
	Parameters: []search.QueryParameter{{Name: "who", Required: true}, {Name: "code", Repeats: true}, {Name: "since"}},
	Lower: func(arguments []search.NameValue) ([]search.NameValue, error) {
		var filters []search.NameValue
		for _, a := range arguments {
			switch {
			case a.Name == "who" && a.Value == "me":
				return nil, errors.New(`"me" is nobody`)
			case a.Name == "who":
				filters = append(filters, search.NameValue{Name: "patient", Value: a.Value})
			case a.Name == "since":
				filters = append(filters, search.NameValue{Name: "date", Value: "ge" + a.Value})
			default:
				filters = append(filters, search.NameValue{Name: "code", Value: "http://loinc.org|" + a.Value})
			}
		}
		return filters, nil
	},
}

var anything = search.NamedQuery{
	Name: "new", Definition: "http://kiln.example/OperationDefinition/new",
	Lower: func([]search.NameValue) ([]search.NameValue, error) {
		return []search.NameValue{{Name: "_lastUpdated", Value: "ge2020"}}, nil
	},
}

func queried(t *testing.T, queries ...search.NamedQuery) *search.Parameters {
	t.Helper()
	p, err := search.NewParameters(search.Options{BaseURL: "http://kiln.example/fhir", Queries: queries})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNamedQueries(t *testing.T) {
	p := queried(t, recent, anything)
	for query, same := range map[string]string{
		"_query=recent&who=p1": "patient=p1",
		"who=p1&code=8480-6&since=2024&_query=recent&status=final": "patient=p1&code=http://loinc.org|8480-6&date=ge2024&status=final",
		"_query=recent&who=p1&code=a&code=b&_sort=-date&_count=5":  "patient=p1&code=http://loinc.org|a&code=http://loinc.org|b&_sort=-date&_count=5",
		"_query=new&code=a": "_lastUpdated=ge2020&code=a",
		"_query=recent&who=p1&code:text=pressure&_include=*": "patient=p1&code:text=pressure&_include=*",
	} {
		got, _, err := parse(t, p, "Observation", query, search.ParseOptions{})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		want, _, err := parse(t, p, "Observation", same, search.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if shown, as := showTree(got.Branches[0].Filter), showTree(want.Branches[0].Filter); shown != as {
			t.Errorf("%s stands for\n%s\nwant\n%s", query, shown, as)
		}
		again, _, err := p.Parse([]string{"Observation"}, got.Applied, search.ParseOptions{})
		if err != nil || !reflect.DeepEqual(again.Branches, got.Branches) || !reflect.DeepEqual(again.Applied, got.Applied) {
			t.Errorf("%s: what was applied, %v, does not read the same: %v", query, got.Applied, err)
		}
	}
}

func TestNamedQueriesAreRefused(t *testing.T) {
	p := queried(t, recent, anything)
	for _, c := range []struct{ typ, query, says string }{
		{"Observation", "_query=x", `The parameter _query names "x", which is no query of Observation. Valid are: new, recent.`},
		{"Patient", "_query=recent&who=p1", `which is no query of Patient. Valid are: new.`},
		{"", "_query=recent", `which is no query of all resource types. Valid are: new.`},
		{"", "_type=Observation,Patient&_query=recent&who=p1", `which is no query of Observation, Patient. Valid are: new.`},
		{"Observation", "_query=recent", `The query "recent" needs the parameter "who".`},
		{"Observation", "_query=recent&who=a&who=b", `The parameter "who" of the query "recent" is given twice.`},
		{"Observation", "_query=recent&who=me", `The query "recent" is wrong: "me" is nobody.`},
		{"Observation", "_query=recent&who=p1&since=soon", `The date parameter "date" is wrong`},
		{"Observation", "_query=recent&_query=new&who=p1", `The parameter _query is given twice`},
		{"Observation", "_query:not=recent", `The parameter _query has no modifier.`},
		{"Observation", "_query=new&who=p1", `"who" is not a search parameter of Observation`},
		{"Observation", "subject._query=new", `"_query" is not a search parameter of Group (in subject._query)`},
	} {
		_, _, err := parse(t, p, c.typ, c.query, search.ParseOptions{})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s?%s: %v; expected %s", c.typ, c.query, err, c.says)
		}
	}
	if _, _, err := parse(t, newParameters(t), "Patient", "_query=q", search.ParseOptions{}); err == nil || !strings.Contains(err.Error(), `_query names "q", which is no query of Patient. Valid are: none.`) {
		t.Errorf("without named queries: %v", err)
	}
	// https://hl7.org/fhir/R4/search.html#query has no answer to a query that is not known, lenient or not.
	if _, _, err := parse(t, p, "Observation", "_query=x", search.ParseOptions{Lenient: true}); err == nil {
		t.Error("a lenient search by an unknown query is answered")
	}
}

func TestNamedQueriesAreChecked(t *testing.T) {
	for name, change := range map[string]func(*search.NamedQuery){
		"lacks its name":        func(q *search.NamedQuery) { q.Definition = "" },
		"unknown resource type": func(q *search.NamedQuery) { q.Types = []string{"Horse"} },
		`the parameter "_id"`:   func(q *search.NamedQuery) { q.Name, q.Parameters = "other", []search.QueryParameter{{Name: "_id"}} },
		"are called":            func(q *search.NamedQuery) {},
	} {
		q := recent
		change(&q)
		if _, err := search.NewParameters(search.Options{Queries: []search.NamedQuery{recent, q}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v; expected %s", err, name)
		}
	}
}
