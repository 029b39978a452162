package fhir_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/search/searchtest"
	"kiln/store"
	"kiln/store/pebble"
)

// answerParameters draws parameters of the answer for a type, each at most once.
func answerParameters(r *rand.Rand, params *search.Parameters, typ string) []string {
	var references []string
	for _, p := range params.Of(typ) {
		if p.Type == search.TypeReference {
			references = append(references, "_include="+typ+":"+p.Code)
		}
	}
	var list []string
	for _, choice := range [][]string{
		{"_count=0", "_count=1", "_count=7", "_count=0012", "_count=5000"},
		{"_maxresults=1", "_maxresults=30", "_maxresults=007"},
		{"_total=none", "_total=estimate", "_total=accurate"},
		{"_summary=true", "_summary=data", "_summary=false", "_summary=count"},
		{"_elements=id", "_elements=meta,id", "_elements=language"},
		{"_explain=true", "_explain=false"},
		append(references, "_include=*", "_include="+typ+":*"),
		{"_revinclude=*", "_revinclude=Provenance:target"},
	} {
		if r.IntN(3) == 0 {
			list = append(list, choice[r.IntN(len(choice))])
		}
	}
	return list
}

// nonsense is what no search understands.
var nonsense = []string{"nonsense=1", "_lastUpdated:exactly=2020", "_count=few", "_total=maybe", "_id.name=x", "_maxresults=0", "_lastUpdated=soon", "_sort=nonsense"}

// https://hl7.org/fhir/R4/search.html#conformance: the self link holds what was used
func TestTheSelfLinkIsTheQueryThatWasApplied(t *testing.T) {
	h := open(t)
	r := rand.New(rand.NewPCG(11, 12))
	types := definitions.R4().ResourceNames()
	accepted := 0
	for i := range 1500 {
		typ := types[i%len(types)]
		parts := append(answerParameters(r, h.Parameters(), typ), strings.Split(searchtest.RandomQuery(r, h.Parameters(), typ, nil), "&")...)
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		query := strings.Join(parts, "&")
		b, err := h.Search(t.Context(), fhir.SearchRequest{Type: typ, Query: query})
		if err != nil {
			continue // a code that this server cannot tell of, or what cannot be mixed
		}
		accepted++
		self := address(b, "self")
		want, given := parsed(t, h, typ, query, false), parsed(t, h, typ, self, false)
		if !reflect.DeepEqual(want, given) {
			t.Fatalf("%s?%s\nbecomes %s,\nwhich is %+v;\nwant %+v", typ, query, self, given, want)
		}
		wrong := nonsense[r.IntN(len(nonsense))] + "&" + query
		if name, _, _ := strings.Cut(wrong, "="); strings.Contains("&"+query, "&"+name+"=") {
			continue
		}
		if _, err := h.Search(t.Context(), fhir.SearchRequest{Type: typ, Query: wrong}); err == nil {
			t.Fatalf("%s?%s is taken", typ, wrong)
		}
		lenient, err := h.Search(t.Context(), fhir.SearchRequest{Type: typ, Query: wrong, Lenient: true})
		if err != nil {
			t.Fatalf("%s?%s: %v", typ, wrong, err)
		}
		equal(t, "self of the lenient search", address(lenient, "self"), self)
	}
	if accepted < 700 {
		t.Errorf("only %d searches were accepted", accepted)
	}
}

// parsed is a query that can be compared: its filters and order by the fingerprint.
func parsed(t *testing.T, h harness, typ, text string, lenient bool) search.Query {
	t.Helper()
	pairs, err := search.ReadQueryString(text)
	if err != nil {
		t.Fatal(err)
	}
	q, _, err := h.Parameters().Parse([]string{typ}, pairs, search.ParseOptions{Lenient: lenient, Terminology: searchtest.Terminology{}})
	if err != nil {
		t.Fatalf("%s?%s: %v", typ, text, err)
	}
	plain := *q
	plain.Branches, plain.Sort = []search.Branch{{Type: fmt.Sprint(store.Fingerprint(q))}}, nil
	return plain
}

// fillPatients stores patients p0, p1 …, each managed by the organization o.
func fillPatients(h harness, count int) {
	h.put(`{"resourceType":"Organization","id":"o","name":"Sample"}`)
	for i := range count {
		h.put(fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","active":%t,"managingOrganization":{"reference":"Organization/o"}}`, i, i%2 == 0))
	}
}

// pagesOf follows a relation to its end.
func pagesOf(h harness, typ, query, relation string) []*fhir.Bundle {
	h.Helper()
	pages := []*fhir.Bundle{h.search(typ, query)}
	for pages[len(pages)-1].Link(relation) != "" {
		pages = append(pages, h.search(typ, address(pages[len(pages)-1], relation)))
		if len(pages) > 100 {
			h.Fatalf("%s comes to no end", relation)
		}
	}
	return pages
}

func matchNames(b *fhir.Bundle) string {
	matches := *b
	matches.Entries = nil
	for _, e := range b.Entries {
		if e.Mode == "match" {
			matches.Entries = append(matches.Entries, e)
		}
	}
	return names(&matches)
}

func TestTheTotalIsExactOrAbsent(t *testing.T) {
	h := open(t)
	fillPatients(h, 11)
	for _, total := range []string{"", "&_total=none", "&_total=estimate", "&_total=accurate"} {
		for _, more := range []string{"", "&_count=3", "&_count=0", "&_summary=count", "&_count=3&_summary=true", "&_maxresults=4", "&_count=2&_maxresults=5", "&_count=3&_include=*", "&_count=4&_sort=-_id"} {
			countOnly := strings.Contains(more, "_count=0") || strings.Contains(more, "_summary=count")
			for query, want := range map[string]int64{"_id:missing=false": 11, "active=true": 6, "active=true&active=false": 0} {
				for i, page := range pagesOf(h, "Patient", query+more+total, "next") {
					if page.HasTotal && page.Total != want {
						t.Errorf("%s%s%s: the total of page %d is %d; want %d", query, more, total, i, page.Total, want)
					}
					if must, mustNot := countOnly || total == "&_total=accurate", !countOnly && total == "&_total=none"; must && !page.HasTotal || mustNot && page.HasTotal {
						t.Errorf("%s%s%s: page %d has a total: %v", query, more, total, i, page.HasTotal)
					}
					if countOnly && (len(page.Entries) > 0 || len(page.Links) != 1) {
						t.Errorf("%s%s%s has %d entries and %v", query, more, total, len(page.Entries), page.Links)
					}
				}
			}
		}
	}
}

// https://hl7.org/fhir/R5/search.html#maxresults
func TestMaxResults(t *testing.T) {
	h := open(t)
	fillPatients(h, 11)
	for query, want := range map[string]string{
		"_count=3&_maxresults=7":                         "Patient/p0, Patient/p1, Patient/p2 | Patient/p3, Patient/p4, Patient/p5 | Patient/p6",
		"_count=3&_maxresults=6&_sort=-_lastUpdated":     "Patient/p10, Patient/p9, Patient/p8 | Patient/p7, Patient/p6, Patient/p5",
		"_count=3&_maxresults=4&_include=*":              "Patient/p0, Patient/p1, Patient/p2 | Patient/p3",
		"_count=5&_maxresults=100":                       "Patient/p0, Patient/p1, Patient/p2, Patient/p3, Patient/p4 | Patient/p5, Patient/p6, Patient/p7, Patient/p8, Patient/p9 | Patient/p10",
		"_maxresults=2":                                  "Patient/p0, Patient/p1",
		"_count=2&_maxresults=3&active=true&_total=none": "Patient/p0, Patient/p2 | Patient/p4",
	} {
		there := pagesOf(h, "Patient", query, "next")
		var list []string
		for _, page := range there {
			list = append(list, matchNames(page))
			equal(t, query+": last", page.Link("last"), "")
		}
		equal(t, query, strings.Join(list, " | "), want)
		if len(there) == 1 {
			continue
		}
		back := pagesOf(h, "Patient", address(there[len(there)-1], "previous"), "previous")
		for i, page := range back {
			equal(t, query+": backwards", matchNames(page), list[len(list)-2-i])
			equal(t, query+": there is a next page", page.Link("next") != "", true)
		}
	}
	b := h.search("Patient", "_count=3&_maxresults=0004&_total=accurate")
	equal(t, "self", b.Link("self"), fhirtest.BaseURL+"/Patient?_count=3&_maxresults=4&_total=accurate")
	for _, wrong := range []string{"0", "-1", "many", "", "1.5"} {
		_, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Patient", Query: "_maxresults=" + wrong})
		wantRefusal(t, err, outcome.Value, outcome.StageSyntax, "_maxresults", "from 1")
	}
}

func TestTheLastPage(t *testing.T) {
	h := open(t)
	fillPatients(h, 11)
	for _, query := range []string{"_count=3&_total=accurate", "_count=4&active=true&_total=accurate&_sort=-_lastUpdated", "_count=11&_total=accurate", "_count=5&_sort=_id&_total=accurate"} {
		there := pagesOf(h, "Patient", query, "next")
		h.put(`{"resourceType":"Patient","id":"late` + fmt.Sprint(len(query)) + `","active":true}`)
		for _, page := range there {
			if len(there) == 1 {
				equal(t, query+": last of a single page", page.Link("last"), "")
				continue
			}
			last := h.search("Patient", address(page, "last"))
			equal(t, query, names(last), names(there[len(there)-1]))
			equal(t, query+": next of the last", last.Link("next"), "")
		}
	}
	equal(t, "last without a total", h.search("Patient", "_count=2&_total=none").Link("last"), "")
}

func TestALinkWithAnyByteChangedIsRefused(t *testing.T) {
	h := open(t)
	fillPatients(h, 3)
	token := strings.TrimPrefix(follow(t, h.search("Patient", "_count=1"), "next"), "_page=")
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		sealed[i] ^= 1
		_, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Patient", Query: "_page=" + url.QueryEscape(base64.RawURLEncoding.EncodeToString(sealed))})
		wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax)
		sealed[i] ^= 1
	}
}

func TestLinksOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	start := func() (harness, *pebble.Store) {
		s, err := pebble.Open(dir, pebble.Options{Now: time.Now, Parameters: fhirtest.Parameters(t)})
		if err != nil {
			t.Fatal(err)
		}
		return harness{t, fhirtest.NewService(t, s, fhir.Options{Now: time.Now})}, s
	}
	stop := func(s *pebble.Store) {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	before, s := start()
	fillPatients(before, 7)
	first := before.search("Patient", "_count=3&_total=accurate")
	stop(s)
	after, s := start()
	defer stop(s)
	after.put(`{"resourceType":"Patient","id":"late"}`)
	next := after.search("Patient", follow(t, first, "next"))
	equal(t, "next", names(next), "Patient/p3, Patient/p4, Patient/p5")
	equal(t, "last", names(after.search("Patient", follow(t, first, "last"))), "Patient/p6")
	equal(t, "previous", names(after.search("Patient", follow(t, next, "previous"))), names(first))
}
