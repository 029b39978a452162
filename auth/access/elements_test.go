package access

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/resources/definitions"
	"kiln/search"
	"kiln/search/searchtest"
)

// Two tables tell whose a resource is: CompartmentDefinition, by search parameters, and elements. They tell the same.
func TestElementsAreThoseOfTheCompartment(t *testing.T) {
	parameters, err := search.NewParameters(search.Options{BaseURL: searchtest.BaseURL})
	if err != nil {
		t.Fatal(err)
	}
	a := &Authorizer{options: Options{Parameters: parameters, BaseURL: searchtest.BaseURL}}
	r := rand.New(rand.NewPCG(1, 2))
	for _, typ := range definitions.R4().ResourceNames() {
		d := &decision{view: &view{Authorizer: a}, action: fhir.Action{Type: typ}}
		params := d.membership()
		if members := len(params) > 0 || typ == "Patient"; members != (len(elements[typ]) > 0 || typ == "Patient") {
			t.Errorf("%s: by parameters it is %v that resources belong to patients; the elements are %v", typ, members, elements[typ])
		}
		found := 0
		for range 300 {
			e, err := searchtest.RandomResource(r, typ, "r1").Resource()
			if err != nil {
				t.Fatal(err)
			}
			entries, err := parameters.Extract(t.Context(), e)
			if err != nil {
				continue
			}
			var ids []string
			for _, entry := range entries {
				if v, ok := entry.Value.(search.ReferenceValue); ok && v.Type == "Patient" && v.ID != "" && slices.Contains(params, entry.Param) && !slices.Contains(ids, v.ID) {
					ids = append(ids, v.ID)
				}
			}
			if typ == "Patient" {
				ids = append(ids, "r1")
			}
			found += len(ids)
			got := a.patientsOf(e, "r1")
			slices.Sort(ids)
			slices.Sort(got)
			if !slices.Equal(ids, got) {
				t.Fatalf("%s: by parameters %s, by elements %s: %s", typ, strings.Join(ids, " "), strings.Join(got, " "), e.Document().Source())
			}
			if got, want := nobodys(e), unowned[typ] && !slices.ContainsFunc(entries, func(x search.Entry) bool { return x.Param == params[0] }); got != want {
				t.Fatalf("%s: belongs to nobody: %v; want %v: %s", typ, got, want, e.Document().Source())
			}
		}
		if len(params) > 0 && found == 0 {
			t.Errorf("%s: no resource named a patient", typ)
		}
	}
}
