package fhir_test

import (
	"encoding/json"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/search"
)

// A named query is asked for by _query, its other parameters narrow it, its links repeat it, and the
// CapabilityStatement names it where R4 has named queries: among the operations of its types.
func TestNamedQuery(t *testing.T) {
	parameters, err := search.NewParameters(search.Options{BaseURL: fhirtest.BaseURL, Queries: []search.NamedQuery{{
		Name: "of-clinic", Types: []string{"Patient"}, Definition: "http://kiln.example/OperationDefinition/of-clinic",
		Parameters: []search.QueryParameter{{Name: "clinic", Required: true}},
		Lower: func(arguments []search.NameValue) ([]search.NameValue, error) {
			return []search.NameValue{{Name: "organization.name", Value: arguments[0].Value}}, nil
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	h := with(t, fhir.Options{Parameters: parameters})
	ward(h)
	found := decode(t, h.search("Patient", "clinic=sample&_query=of-clinic&name=birch"))
	equal(t, "entries", len(found.Entry), 1)
	equal(t, "full URL", found.Entry[0].FullURL, fhirtest.BaseURL+"/Patient/b")
	equal(t, "self", found.Link[0].URL, fhirtest.BaseURL+"/Patient?clinic=sample&_query=of-clinic&name=birch")
	if _, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Patient", Query: "_query=all", Lenient: true}); err == nil || !strings.Contains(err.Error(), "Valid are: of-clinic.") {
		t.Errorf("an unknown query: %v", err)
	}

	body, err := h.Capabilities(t.Context(), fhir.CapabilitiesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	type operations []struct{ Name, Definition string }
	var statement struct {
		Rest []struct {
			Operation operations
			Resource  []struct {
				Type        string
				Operation   operations
				SearchParam []struct{ Name, Definition string }
			}
		}
	}
	if err := json.Unmarshal(body, &statement); err != nil {
		t.Fatal(err)
	}
	listed := map[string]int{}
	for _, r := range statement.Rest[0].Resource {
		for _, o := range r.Operation {
			if o.Name == "of-clinic" && o.Definition == "http://kiln.example/OperationDefinition/of-clinic" {
				listed[r.Type]++
			}
		}
		for _, p := range r.SearchParam {
			if p.Name == "_query" && p.Definition == "http://hl7.org/fhir/SearchParameter/Resource-query" {
				listed[r.Type]++
			}
		}
	}
	equal(t, "types with the query and _query", len(listed), 1)
	equal(t, "entries of Patient", listed["Patient"], 2)
	for _, o := range statement.Rest[0].Operation {
		if o.Name == "of-clinic" {
			t.Error("a query of one type is among the operations of the system")
		}
	}
}

// A hierarchy does not lead through resources that the caller may not see.
func TestAccessToHierarchies(t *testing.T) {
	h, _, a, b := guarded(t)
	encounter := func(id, patient, of string) {
		h.put(`{"resourceType":"Encounter","id":"` + id + `","status":"in-progress","class":{"code":"IMP"},"subject":{"reference":"Patient/` + patient + `"},"partOf":{"reference":"Encounter/` + of + `"}}`)
	}
	encounter("direct", "a", "e")
	encounter("hidden", "b", "e")
	encounter("through", "a", "hidden")
	for query, want := range map[string]string{
		"part-of:below=e":       "Encounter/direct",
		"part-of:above=through": "Encounter/through", // not direct, which is over it by the hidden one
		"part-of:below=hidden":  "Encounter/through", // as a reference to it is found, which says as much
	} {
		found, err := h.Search(a, fhir.SearchRequest{Type: "Encounter", Query: query})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, query, names(found), want)
	}
	found, err := h.Search(as(t.Context(), ""), fhir.SearchRequest{Type: "Encounter", Query: "part-of:below=e"})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "below, of all", names(found), "Encounter/direct, Encounter/hidden, Encounter/through")
	if found, err = h.Search(b, fhir.SearchRequest{Type: "Encounter", Query: "part-of:below=e"}); err != nil {
		t.Fatal(err)
	}
	equal(t, "below, of b", names(found), "Encounter/hidden")
}
