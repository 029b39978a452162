package sample_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"kiln/cmd/kiln/sample"
	"kiln/conformance/validation"
	"kiln/fhir"
	"kiln/fhir/rest"
	"kiln/resources"
	"kiln/search"
	"kiln/store/memory"
)

func TestTheHospitalIsValidAndWhole(t *testing.T) {
	parameters, err := search.NewParameters(search.Options{BaseURL: "http://127.0.0.1:8080/fhir"})
	if err != nil {
		t.Fatal(err)
	}
	engine := memory.New(memory.Options{Parameters: parameters})
	defer func() { _ = engine.Close() }()
	validator, err := validation.New(validation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	service, err := fhir.New(fhir.Options{Store: engine, Parameters: parameters, Validator: validator, Integrity: fhir.IntegrityFull})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, bundle := range sample.Bundles(day) {
		doc, err := resources.Parse(bundle)
		if err != nil {
			t.Fatalf("bundle %d: %v", i, err)
		}
		if _, err := service.Process(t.Context(), fhir.BundleRequest{Bundle: doc, Status: rest.Status}); err != nil {
			t.Fatalf("bundle %d: %v", i, err)
		}
	}
	for query, want := range map[string]int64{
		"Patient?": 12, "Encounter?status=in-progress": 6, "Observation?code=http://loinc.org|8867-4": 30, "CareTeam?participant=Practitioner/moreau": 3,
		"Appointment?status=booked": 6, "Location?partof=Location/ward-a": 4, "Practitioner?": 12, "Slot?status=free": 45, "RelatedPerson?patient=ines-jansen": 1,
	} {
		typ, q, _ := strings.Cut(query, "?")
		found, err := service.Search(t.Context(), fhir.SearchRequest{Type: typ, Query: q})
		if err != nil || found.Total != want {
			t.Errorf("%s finds %d, %v; want %d", query, found.Total, err, want)
		}
	}
}

func TestTheHospitalIsTheSameEveryTime(t *testing.T) {
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a, b := sample.Bundles(day), sample.Bundles(day)
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			t.Errorf("bundle %d differs", i)
		}
	}
}

func TestAccountsNameWhoIsThere(t *testing.T) {
	all := bytes.Join(sample.Bundles(time.Now()), nil)
	for _, a := range sample.Accounts() {
		if !bytes.Contains(all, []byte(`"url":"`+a.FHIRUser+`"`)) {
			t.Errorf("%s is %s, who is not in the hospital", a.Name, a.FHIRUser)
		}
	}
}
