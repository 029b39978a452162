package fhir_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/resources/outcome"
	"kiln/store"
)

// An order tells of what it is made from: what the caller may not see has no place in one.
func TestSortingShowsNothingThatIsHidden(t *testing.T) {
	h, _, a, b := guarded(t)
	// two tasks on the list of a, about observations of both patients, against the order of their creation
	h.put(`{"resourceType":"Basic","id":"x","code":{"text":"x"},"subject":{"reference":"Patient/b"},"author":{"reference":"Patient/a"}}`)
	h.put(`{"resourceType":"Basic","id":"y","code":{"text":"y"},"subject":{"reference":"Patient/a"},"author":{"reference":"Patient/a"}}`)
	sorted := func(rule string) string {
		t.Helper()
		found, err := h.Search(a, fhir.SearchRequest{Type: "Basic", Query: "_sort=" + rule})
		if err != nil {
			t.Fatal(err)
		}
		return names(found)
	}
	equal(t, "everything is seen", names(h.search("Basic", "_sort=-subject:Patient.family")), "Basic/x, Basic/y")
	equal(t, "what is hidden has no value", sorted("-subject:Patient.family"), "Basic/y, Basic/x")
	equal(t, "in either direction", sorted("subject:Patient.family"), "Basic/y, Basic/x")
	equal(t, "nor what lies behind it", sorted("-subject:Patient.organization.name"), "Basic/y, Basic/x")
	_, err := h.Search(a, fhir.SearchRequest{Type: "Patient", Query: "_sort=general-practitioner:Practitioner.family"})
	wantRefusal(t, err, outcome.Forbidden, outcome.StageDefault)
	if _, err := h.Search(b, fhir.SearchRequest{Type: "Basic", Query: "_sort=subject:Patient.family"}); err != nil {
		t.Error(err)
	}
}

// The plan counts rows of what is hidden as well: who may not see all is told the legs alone.
func TestExplainCountsNothingThatIsHidden(t *testing.T) {
	h, _, a, _ := guarded(t)
	numbers := regexp.MustCompile(`[0-9]+ (expected|examined|rows)`)
	told := func(found *fhir.Bundle, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		last := found.Entries[len(found.Entries)-1]
		equal(t, "mode", last.Mode, "outcome")
		return string(last.Resource)
	}
	for _, query := range []string{"name=birch", "_has:Observation:subject:value-quantity=101", "_id=a,b&_sort=-organization.name"} {
		request := fhir.SearchRequest{Type: "Patient", Query: query + "&_explain=true"}
		if text := told(h.Search(a, request)); numbers.MatchString(text) || !strings.Contains(text, `"diagnostics"`) {
			t.Errorf("%s: told %s", query, text)
		}
		if text := told(h.Search(t.Context(), request)); !numbers.MatchString(text) {
			t.Errorf("%s: there are no numbers for one who sees all: %s", query, text)
		}
	}
	if text := told(h.Search(a, fhir.SearchRequest{Type: "Organization", Query: "name=sample&_explain=true"})); !numbers.MatchString(text) {
		t.Errorf("there are no numbers for a type of which all is seen: %s", text)
	}
}

// Whether something that may not be searched refers to a match must make no difference.
func TestIncludesOfForbiddenTypesAreEmpty(t *testing.T) {
	h, _, a, _ := guarded(t)
	h.put(`{"resourceType":"Practitioner","id":"second","qualification":[{"code":{"text":"x"},"issuer":{"reference":"Organization/org"}}]}`)
	h.put(`{"resourceType":"PractitionerRole","id":"role","practitioner":{"reference":"Practitioner/doc"},"organization":{"reference":"Organization/org"}}`)
	for query, want := range map[string]string{
		"Organization?_revinclude=Patient:organization": "Organization/org, include Patient/a",
		"Patient?_include=Patient:general-practitioner": "Patient/a",
		"Patient?_revinclude=Practitioner:*":            "Patient/a",
		"Patient?_include=*":                            "Patient/a, include Organization/org",
		"?_type=Practitioner,Patient&_revinclude=*":     "Patient/a, include Encounter/e, include Observation/o0, include Observation/o2, include Observation/o4",
	} {
		typ, q, _ := strings.Cut(query, "?")
		found, err := h.Search(a, fhir.SearchRequest{Type: typ, Query: q})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		equal(t, query, names(found), want)
	}
}

// A transaction asks its own entries too whether they meet criteria: chains lead from these to what is stored.
func TestCriteriaOverEntriesSeeNothingThatIsHidden(t *testing.T) {
	h, _, a, _ := guarded(t)
	bundle := func(name string) string {
		return `{"resourceType":"Bundle","type":"transaction","entry":[` +
			`{"resource":{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"Patient/b"},"author":{"reference":"Patient/a"}},"request":{"method":"POST","url":"Basic"}},` +
			`{"resource":{"resourceType":"Basic","code":{"text":"y"},"subject":{"reference":"Basic?subject:Patient.name=` + name + `"},"author":{"reference":"Patient/a"}},"request":{"method":"POST","url":"Basic"}}]}`
	}
	var told []string
	for _, name := range []string{"birch", "nobody"} {
		_, err := h.Process(a, fhir.BundleRequest{Bundle: h.doc(bundle(name))})
		wantRefusal(t, err, outcome.NotFound, outcome.StagePrecondition)
		told = append(told, err.Error())
	}
	equal(t, "the answer", told[0], told[1])
	if _, err := h.Process(t.Context(), fhir.BundleRequest{Bundle: h.doc(bundle("birch"))}); err != nil {
		t.Errorf("one who sees the patient: %v", err)
	}
}

// Every form of a filter is narrowed: what it could lead to and the caller may not see is not there.
func TestFiltersFindNothingByWhatIsHidden(t *testing.T) {
	h, _, a, _ := guarded(t)
	for _, text := range []string{
		`{"resourceType":"List","id":"ofb","status":"current","mode":"working","subject":{"reference":"Patient/b"},"entry":[{"item":{"reference":"Observation/o0"}}]}`,
		`{"resourceType":"List","id":"ofa","status":"current","mode":"working","subject":{"reference":"Patient/a"},"entry":[{"item":{"reference":"Observation/o0"}},{"item":{"reference":"Observation/o1"}}]}`,
		`{"resourceType":"Encounter","id":"eb","status":"finished","class":{"code":"IMP"},"subject":{"reference":"Patient/b"},"partOf":{"reference":"Encounter/e"}}`,
		`{"resourceType":"Encounter","id":"below","status":"finished","class":{"code":"IMP"},"subject":{"reference":"Patient/a"},"partOf":{"reference":"Encounter/eb"}}`,
		`{"resourceType":"Observation","id":"ob","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/b"},"hasMember":[{"reference":"Observation/o0"}],"contained":[{"resourceType":"Patient","id":"in","name":[{"family":"Secret"}]}],"performer":[{"reference":"#in"}]}`,
		`{"resourceType":"Basic","id":"basic","code":{"text":"x"},"author":{"reference":"Patient/a"},"subject":{"reference":"#o"},"contained":[{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/b"}}]}`,
	} {
		h.put(text)
	}
	for query, counts := range map[string][2]int{ // what one who sees all finds, and what the caller does
		"Observation?_list=ofb":                                               {1, 0},
		"Observation?_list=ofa":                                               {2, 1},
		"Encounter?part-of:below=Encounter/e":                                 {2, 0},
		"Observation?encounter:above=Encounter/below":                         {5, 0},
		"Patient?_contained=true&name=secret":                                 {1, 0},
		"Patient?_contained=both&_containedType=contained&name=secret":        {1, 0},
		"?_contained=true&_type=Patient,Observation":                          {2, 1},
		"Observation?_contained=true":                                         {1, 1},
		"Observation?_contained=true&subject:Patient.name=birch":              {1, 0},
		"Observation?_has:Observation:has-member:status=final":                {1, 0},
		"Observation?_filter=subject:Patient.name eq \"birch\"":               {3, 0},
		"Patient?_has:Encounter:subject:part-of:Encounter.status=in-progress": {1, 0},
		"Encounter?part-of.subject:Patient.name=birch":                        {1, 0},
		"Patient/a/*?_id=o0,ob":                                               {1, 1},
		"Patient/b/Observation?":                                              {3, 0},
		"?_has:List:item:status=current&_type=Observation":                    {2, 1},
	} {
		address, q, _ := strings.Cut(query, "?")
		request := fhir.SearchRequest{Type: address, Query: strings.ReplaceAll(q, " ", "+") + "&_total=accurate"}
		if parts := strings.Split(address, "/"); len(parts) == 3 {
			request.Compartment, request.Type = store.Key{Type: parts[0], ID: parts[1]}, strings.Trim(parts[2], "*")
		}
		for i, ctx := range []context.Context{t.Context(), a} {
			found, err := h.Search(ctx, request)
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			if found.Total != int64(counts[i]) || len(found.Entries) != counts[i] {
				t.Errorf("%s (limited: %t) finds %s of %d; want %d", query, i == 1, names(found), found.Total, counts[i])
			}
		}
	}
	_, err := h.Search(a, fhir.SearchRequest{Type: "Practitioner", Query: "_contained=true"})
	wantRefusal(t, err, outcome.Forbidden, outcome.StageDefault)
}
