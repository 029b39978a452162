package access_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/resources/outcome"
)

// Ways around the rules that somebody with rights of their own might think of. Nobody but p2's own people may see o2 and b2.
func guileful(h *hospital) {
	h.put(`{"resourceType":"Practitioner","id":"d"}`, `{"resourceType":"Patient","id":"p1","generalPractitioner":[{"reference":"Practitioner/d"}]}`, `{"resourceType":"Patient","id":"p2"}`,
		`{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p1"}}`,
		`{"resourceType":"Observation","id":"o2","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p2"}}`,
		`{"resourceType":"Binary","id":"b2","contentType":"text/plain","data":"c2VjcmV0"}`,
		`{"resourceType":"DocumentReference","id":"d2","status":"current","subject":{"reference":"Patient/p2"},"content":[{"attachment":{"url":"Binary/b2"}}]}`)
}

func deniedBy(status, provision string) string {
	return `{"resourceType":"Consent","id":"c","status":"` + status + `","scope":{"text":"x"},"category":[{"text":"x"}],"patient":{"reference":"Patient/p1"},"policyRule":{"text":"x"},"provision":` + provision + `}`
}

func TestDenialsAreNotLiftedByWhomTheyDeny(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		guileful(h)
		const deny = `{"type":"deny"}`
		h.put(`{"resourceType":"RelatedPerson","id":"mother","patient":{"reference":"Patient/p1"}}`, deniedBy("active", deny))
		update := func(ctx context.Context, text string) error {
			_, err := h.Update(ctx, fhir.UpdateRequest{Key: key("Consent/c"), Resource: h.doc(text)})
			return err
		}
		nurse := func() context.Context { return h.person("nurse", "Practitioner/d") } // of one request, so anew each time
		clinician := func() context.Context { return h.person("clinician", "Practitioner/d") }
		proxy := func() context.Context { return h.person("proxy", "RelatedPerson/mother") }
		for name, request := range map[string]func() context.Context{"nurse": nurse, "clinician": clinician, "proxy": proxy} {
			for _, text := range []string{deniedBy("inactive", deny), deniedBy("active", `{"type":"permit"}`), deniedBy("active", `{"type":"deny","period":{"end":"2001-01-01"}}`)} {
				if err := update(request(), text); !outcome.Is(err, outcome.Forbidden) {
					t.Errorf("%s makes of it %s: %v", name, text, err)
				}
			}
			if h.reads(request(), "Observation/o1") {
				t.Errorf("%s reads what is denied", name)
			}
		}
		if _, err := h.Delete(clinician(), deleting("Consent/c")); !outcome.Is(err, outcome.Forbidden) {
			t.Errorf("it is deleted: %v", err)
		}
		// A denial of tomorrow is one too, and what does not deny the writer is theirs to change.
		h.put(deniedBy("active", `{"type":"deny","period":{"start":"2024-05-07"}}`))
		if err := update(nurse(), deniedBy("inactive", deny)); !outcome.Is(err, outcome.Forbidden) {
			t.Errorf("a denial of tomorrow: %v", err)
		}
		h.put(deniedBy("active", `{"type":"deny","actor":[{"role":{"text":"x"},"reference":{"reference":"Practitioner/other"}}]}`))
		if err := update(nurse(), deniedBy("inactive", deny)); err != nil {
			t.Errorf("one that denies another: %v", err)
		}
		h.put(deniedBy("active", deny))
		if err := update(h.person("patient", "Patient/p1"), deniedBy("inactive", deny)); err != nil || !h.reads(nurse(), "Observation/o1") {
			t.Errorf("the patient takes it back: %v", err)
		}
	})
}

func TestABinaryIsNotClaimedByReferringToIt(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		guileful(h)
		attach := func(ctx context.Context, url string) error {
			_, err := h.Create(ctx, fhir.CreateRequest{Type: "DocumentReference", Resource: h.doc(`{"resourceType":"DocumentReference","status":"current","subject":{"reference":"Patient/p1"},"content":[{"attachment":{"url":"` + url + `"}}]}`)})
			return err
		}
		for name, ctx := range map[string]context.Context{"patient": h.person("patient", "Patient/p1"), "nurse": h.person("nurse", "Practitioner/d"), "clinician": h.person("clinician", "Practitioner/d")} {
			for _, url := range []string{"Binary/b2", "Binary/b2/_history/1"} {
				if err := attach(ctx, url); !outcome.Is(err, outcome.Forbidden) {
					t.Errorf("%s refers to %s: %v", name, url, err)
				}
			}
			if h.reads(ctx, "Binary/b2") {
				t.Errorf("%s reads it", name)
			}
		}
		doctor := h.person("clinician", "Practitioner/d")
		made, err := h.Create(doctor, fhir.CreateRequest{Type: "Binary", Resource: h.doc(`{"resourceType":"Binary","contentType":"text/plain","data":"b3du"}`)})
		if err != nil {
			t.Fatal(err)
		}
		if err := attach(h.person("patient", "Patient/p1"), made.Version.Key.String()); !outcome.Is(err, outcome.Forbidden) {
			t.Errorf("what somebody else just made: %v", err)
		}
		if err := attach(doctor, made.Version.Key.String()); err != nil || !h.reads(doctor, made.Version.Key.String()) {
			t.Errorf("what one made: %v", err)
		}
	})
}

func TestGlassIsNotMadeToLastByARoleOfTomorrow(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		guileful(h)
		h.put(`{"resourceType":"PractitionerRole","id":"r","active":true,"practitioner":{"reference":"Practitioner/d"},"period":{"start":"2024-05-07T00:00:00Z"}}`,
			`{"resourceType":"PractitionerRole","id":"off","active":false,"practitioner":{"reference":"Practitioner/d"}}`)
		nurse := h.person("nurse", "Practitioner/d")
		_, err := h.Operate(nurse, fhir.OperationRequest{Name: "break-glass", Type: "Patient", ID: "p2", Post: true, Body: h.doc(`{"resourceType":"Parameters","parameter":[{"name":"reason","valueCoding":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"ETREAT"}},{"name":"comment","valueString":"x"}]}`)})
		if err != nil || !h.reads(nurse, "Observation/o2") {
			t.Fatalf("the glass: %v", err)
		}
		for _, role := range []string{"PractitionerRole/r", "PractitionerRole/off", "Practitioner/d"} {
			for _, text := range []string{
				`{"resourceType":"CareTeam","status":"active","subject":{"reference":"Patient/p2"},"participant":[{"member":{"reference":"ROLE"}}]}`,
				`{"resourceType":"Consent","status":"active","scope":{"text":"x"},"category":[{"text":"x"}],"patient":{"reference":"Patient/p2"},"policyRule":{"text":"x"},"provision":{"type":"permit","actor":[{"role":{"text":"x"},"reference":{"reference":"ROLE"}}]}}`,
			} {
				doc := h.doc(strings.ReplaceAll(text, "ROLE", role))
				root, err := doc.Resource()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := h.Create(nurse, fhir.CreateRequest{Type: root.Type().Name, Resource: doc}); !outcome.Is(err, outcome.Forbidden) {
					t.Errorf("a %s by %s: %v", root.Type().Name, role, err)
				}
			}
		}
		h.pass(20 * time.Hour)
		if h.reads(h.person("nurse", "Practitioner/d"), "Observation/o2") {
			t.Error("it lasts")
		}
	})
}

func TestHistoriesCountNothingHidden(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		guileful(h)
		for who, ctx := range map[string]context.Context{"clinician": h.person("clinician", "Practitioner/d"), "patient": h.person("patient", "Patient/p1")} {
			for _, r := range []fhir.HistoryRequest{{Type: "Observation", Query: "_count=0"}, {Query: "_count=0"}, {Type: "Observation", Query: "_count=1"}, {Query: "_count=0&_since=2024-01-01"}} {
				bundle, err := h.History(ctx, r)
				if err != nil {
					t.Fatal(err)
				}
				if bundle.HasTotal {
					t.Errorf("the history %+v tells a %s of %d", r, who, bundle.Total)
				}
			}
		}
	})
}
