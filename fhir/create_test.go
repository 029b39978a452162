package fhir_test

import (
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/resources/outcome"
)

// https://hl7.org/fhir/R4/http.html#create
func TestCreate(t *testing.T) {
	t.Run("the server chooses the id and sets version and time", func(t *testing.T) {
		h := open(t)
		made, err := h.Create(t.Context(), fhir.CreateRequest{Type: "Patient", Resource: h.doc(`{"resourceType":"Patient","id":"mine","meta":{"versionId":"9","tag":[{"code":"a"}]},"active":true}`)})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "created", made.Created && made.Changed, true)
		equal(t, "key", made.Version.String(), "Patient/id-1")
		equal(t, "version", made.Version.VersionID, 1)
		if got := h.body(made.Version.Key); !strings.HasPrefix(got, `{"resourceType":"Patient","id":"id-1","meta":{`) || !strings.Contains(got, `"versionId":"1"`) || !strings.Contains(got, `"tag":[{"code":"a"}]`) {
			t.Errorf("stored %s", got)
		}
	})
	t.Run("the resource must be of the type in the address", func(t *testing.T) {
		h := open(t)
		_, err := h.Create(t.Context(), fhir.CreateRequest{Type: "Patient", Resource: h.doc(`{"resourceType":"Group"}`)})
		wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax, "Group", "Patient")
	})
	t.Run("content that breaks a rule is refused with all problems at once", func(t *testing.T) {
		h := open(t)
		_, err := h.Create(t.Context(), fhir.CreateRequest{Type: "Patient", Resource: h.doc(`{"resourceType":"Patient","gender":"x","birthDate":"1970-13-01"}`)})
		refused := outcome.As(err)
		if refused.Stage != outcome.StageContent || len(refused.Issues) < 2 {
			t.Errorf("got %v", err)
		}
		equal(t, "patients", h.count("Patient", ""), 0)
	})
	t.Run("warnings come with what was written when asked for", func(t *testing.T) {
		h := open(t)
		made, err := h.Create(t.Context(), fhir.CreateRequest{Type: "Patient", Resource: h.doc(`{"resourceType":"Patient"}`), Warnings: true})
		if err != nil || len(made.Issues) == 0 {
			t.Errorf("got %v, %v; a resource without narrative is worth a warning (dom-6)", made.Issues, err)
		}
	})
}

// https://hl7.org/fhir/R4/http.html#ccreate
func TestConditionalCreate(t *testing.T) {
	const patient = `{"resourceType":"Patient","identifier":[{"system":"urn:x","value":"1"}]}`
	create := func(h harness, criteria string) (fhir.Result, error) {
		return h.Create(h.Context(), fhir.CreateRequest{Type: "Patient", Resource: h.doc(patient), IfNoneExist: criteria})
	}
	t.Run("no match creates", func(t *testing.T) {
		h := open(t)
		made, err := create(h, "identifier=urn:x|1")
		if err != nil || !made.Created {
			t.Errorf("got %+v, %v", made, err)
		}
	})
	t.Run("one match answers with it and changes nothing", func(t *testing.T) {
		h := open(t)
		first, _ := create(h, "identifier=urn:x|1")
		for _, criteria := range []string{"identifier=urn:x|1", "?identifier=urn:x|1", "Patient?identifier=urn%3Ax%7C1"} {
			second, err := create(h, criteria)
			if err != nil || second.Created || second.Changed || second.Version.Key != first.Version.Key {
				t.Errorf("%s: got %+v, %v", criteria, second, err)
			}
		}
		equal(t, "patients", h.count("Patient", ""), 1)
	})
	t.Run("several matches are refused", func(t *testing.T) {
		h := open(t)
		h.create(patient)
		h.create(patient)
		_, err := create(h, "identifier=1")
		wantRefusal(t, err, outcome.MultipleMatches, outcome.StagePrecondition)
	})
	t.Run("what was deleted does not match", func(t *testing.T) {
		h := open(t)
		h.remove(h.create(patient))
		made, err := create(h, "identifier=1")
		if err != nil || !made.Created {
			t.Errorf("got %+v, %v", made, err)
		}
	})
	t.Run("criteria that say nothing are refused", func(t *testing.T) {
		h := open(t)
		for criteria, code := range map[string]outcome.Code{"?": outcome.Invalid, "_sort=name": outcome.Invalid, "_format=json": outcome.Invalid} {
			_, err := create(h, criteria)
			wantRefusal(t, err, code, outcome.StageSyntax)
		}
	})
	t.Run("unknown criteria are refused", func(t *testing.T) {
		h := open(t)
		if _, err := create(h, "shoe-size=42"); err == nil || outcome.As(err).Stage != outcome.StageSyntax {
			t.Errorf("got %v", err)
		}
	})
}
