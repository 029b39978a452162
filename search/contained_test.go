package search_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiln/resources/outcome"
	"kiln/search"
	"kiln/search/searchtest"
)

// prescription has two medications and a practitioner inside, who refers to its patient and back to it.
const prescription = `{"resourceType":"MedicationRequest","id":"r","status":"active","intent":"order",
	"contained":[
		{"resourceType":"Medication","id":"m1","code":{"coding":[{"code":"x"}]},"status":"active"},
		{"resourceType":"Medication","id":"m2","code":{"coding":[{"code":"y"}]},"status":"inactive","ingredient":[{"itemReference":{"reference":"#s"}}]},
		{"resourceType":"Substance","id":"s","code":{"coding":[{"code":"salt"}]}},
		{"resourceType":"Provenance","id":"p","target":[{"reference":"#"}],"agent":[{"who":{"reference":"Practitioner/d"}}]}],
	"medicationReference":{"reference":"#m1"},"subject":{"reference":"Patient/p"},"supportingInformation":[{"reference":"#m2"}]}`

// inside are searches and the matches of prescription: "r" is the resource, else the contained one.
var inside = []struct{ search, alone, container string }{
	{"Medication?", "", ""},
	{"Medication?_contained=false", "", ""},
	{"Medication?_contained=true", "m1 m2", "r"},
	{"Medication?_contained=both", "m1 m2", "r"},
	{"MedicationRequest?_contained=true", "", ""},
	{"MedicationRequest?_contained=both", "r", "r"},
	{"Medication?code=x&_contained=true", "m1", "r"},
	{"Medication?code=x&status=inactive&_contained=true", "", ""},
	{"Medication?code=y&status=inactive&_contained=true", "m2", "r"},
	{"Medication?code=x,y&_contained=true", "m1 m2", "r"},
	{"Medication?status:not=active&_contained=true", "m2", "r"},
	{"Medication?status:missing=true&_contained=true", "", ""},
	{"Medication?ingredient:missing=true&_contained=true", "m1", "r"},
	{"Medication?_id=m2&_contained=true", "m2", "r"},
	{"Medication?_id=r&_contained=both", "", ""},
	{"Medication?_lastUpdated:missing=true&_contained=true", "m1 m2", "r"},
	{"Medication?_lastUpdated=ge2000&_contained=true", "", ""},
	{"MedicationRequest?_lastUpdated=ge2000&_contained=both", "r", "r"},
	{"?_contained=true", "m1 m2 s p", "r"},
	{"?_contained=both", "r m1 m2 s p", "r"},
	{"?_type=Substance,Medication&_contained=true", "m1 m2 s", "r"},
	{"?_id=s,m1,r&_contained=both", "r m1 s", "r"},
	// chains are evaluated inside, whatever _contained says
	{"MedicationRequest?medication.code=x", "r", "r"},
	{"MedicationRequest?medication.code=y", "", ""},
	{"MedicationRequest?medication.code=x&status=active", "r", "r"},
	{"MedicationRequest?medication.status:not=inactive", "r", "r"},
	{"MedicationRequest?medication._id=m1", "r", "r"},
	{"Medication?ingredient:Substance.code=salt&_contained=true", "m2", "r"},
	{"Provenance?target:MedicationRequest.status=active&_contained=true", "p", "r"},
	{"Provenance?target:MedicationRequest.medication.code=x&_contained=true", "p", "r"},
	{"Provenance?target:MedicationRequest.medication.code=y&_contained=true", "", ""},
	{"Provenance?agent:Practitioner.family=doc&_contained=true", "p", "r"},
	// nothing refers to what is inside
	{"Medication?_has:MedicationRequest:medication:status=active&_contained=true", "", ""},
	{"Substance?_has:Medication:ingredient:code=y&_contained=true", "", ""},
	{"Medication?_filter=not+(code+eq+x)&_contained=true", "m2", "r"},
}

func TestContainedResourcesAreFoundOnTheirOwn(t *testing.T) {
	w, err := searchtest.NewWorld(nil, newParameters(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		prescription, `{"resourceType":"Practitioner","id":"d","name":[{"family":"Doc"}]}`,
		`{"resourceType":"MedicationRequest","id":"other","status":"active","medicationReference":{"reference":"Medication/m1"}}`,
	} {
		e := document(t, text)
		if err := w.Add(e.Document(), e.First("id").Text()); err != nil {
			t.Fatal(err)
		}
	}
	r := w.Resources[0].Resource
	for _, c := range inside {
		for containedType, want := range map[string]string{"contained": c.alone, "container": c.container} {
			typ, text, _ := strings.Cut(c.search, "?")
			q, err := w.Parse(typ, text+"&_containedType="+containedType)
			if err != nil {
				t.Fatalf("%s: %v", c.search, err)
			}
			places, err := q.Places(t.Context(), r, w)
			if err != nil {
				t.Fatal(err)
			}
			if got := placeNames(r, places); got != want {
				t.Errorf("%s as %s finds %q; expected %q", c.search, containedType, got, want)
			}
			if ok, err := q.Match(t.Context(), r, w); err != nil || ok != (want != "") {
				t.Errorf("%s: Match says %t, %v, and Places %q", c.search, ok, err, want)
			}
		}
	}
}

func placeNames(r search.Resource, places []search.Place) string {
	var ids []string
	for _, e := range r.Entries {
		if v, ok := e.Value.(search.ContainedValue); ok {
			ids = append(ids, v.ID)
		}
	}
	var names []string
	for _, p := range places {
		if p.At == search.Whole {
			names = append(names, r.ID)
		} else {
			names = append(names, ids[p.At])
		}
	}
	return strings.Join(names, " ")
}

// A container is sorted by the values of what matches in it, and by no others.
func TestContainersAreSortedByWhatMatchesInThem(t *testing.T) {
	p := newParameters(t)
	entries, err := p.Extract(t.Context(), document(t, prescription))
	if err != nil {
		t.Fatal(err)
	}
	r := search.Resource{Type: "MedicationRequest", ID: "r", Entries: entries}
	for text, want := range map[string]string{
		"_contained=true&_sort=code": "x", "_contained=true&_sort=-code": "y", "status=inactive&_contained=true&_sort=code": "y",
	} {
		q, _, err := parse(t, p, "Medication", text, search.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		places, err := q.Places(t.Context(), r, nil)
		if err != nil || len(places) != 1 {
			t.Fatalf("%s: %d places, %v", text, len(places), err)
		}
		if v, _ := search.SortValue(places[0].Entries, q.Sort[0]); v != search.Value(search.TokenValue{Code: want}) {
			t.Errorf("%s is sorted by %v; expected %s", text, v, want)
		}
	}
}

func TestWhatIsContainedIsExtractedInItsOrder(t *testing.T) {
	p := newParameters(t)
	entries, err := p.Extract(context.Background(), document(t, `{"resourceType":"Observation","contained":[
		{"resourceType":"Patient","id":"a","gender":"male"},null,{"resourceType":"Horse"},
		{"resourceType":"Observation","subject":{"reference":"#a"},"contained":[{"resourceType":"Patient","id":"deep"}]}],"status":"final"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		v, ok := e.Value.(search.ContainedValue)
		if !ok {
			continue
		}
		if e.Param != search.Containment() {
			t.Error("a contained resource is of another parameter than Containment")
		}
		var codes []string
		for _, inner := range v.Entries {
			codes = append(codes, inner.Param.Code)
		}
		slices.Sort(codes)
		got = append(got, fmt.Sprint(v.Type, " ", v.ID, " ", strings.Join(codes, ",")))
	}
	want := []string{"Patient a _id,deceased,gender", "  ", "Observation  patient,subject"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contained values differ (- wanted):\n%s", diff)
	}
}

// A resource cannot have more values by having them inside.
func TestContainedValuesAreBounded(t *testing.T) {
	p := newParameters(t)
	given := strings.Repeat(`"x",`, 260_000) + `"x"`
	one := `{"resourceType":"Patient","name":[{"given":[` + given + `]}]}`
	_, err := p.Extract(t.Context(), document(t, `{"resourceType":"Observation","contained":[`+one+`,`+one+`]}`))
	if !outcome.Is(err, outcome.TooCostly) {
		t.Errorf("a million values inside give %v; expected too-costly", err)
	}
}

func TestContainedIsRefusedInACompartment(t *testing.T) {
	p := newParameters(t)
	_, _, err := parse(t, p, "Observation", "_contained=both", search.ParseOptions{Compartment: search.Compartment{Name: "Patient", ID: "p"}})
	if err == nil || !strings.Contains(err.Error(), "in a search of a compartment") {
		t.Errorf("_contained in a compartment gives %v", err)
	}
}
