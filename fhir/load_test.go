package fhir_test

import (
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

func (h harness) load(texts ...string) ([]fhir.Result, error) {
	h.Helper()
	var request fhir.LoadRequest
	for _, text := range texts {
		request.Resources = append(request.Resources, h.doc(text))
	}
	return h.Load(h.Context(), request)
}

func TestLoad(t *testing.T) {
	const a, b = `{"resourceType":"Patient","id":"a","active":true}`, `{"resourceType":"Observation","id":"b","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"}}`

	t.Run("everything lands under its id, and is found", func(t *testing.T) {
		h := open(t)
		results, err := h.load(b, a)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "results", len(results), 2)
		equal(t, "key", results[0].Version.Key, store.Key{Type: "Observation", ID: "b"})
		equal(t, "created", results[0].Created && results[1].Created, true)
		equal(t, "found by what it refers to", h.count("Observation", "subject=Patient/a"), 1)
	})
	t.Run("what is stored already makes no version, what differs one more", func(t *testing.T) {
		h := open(t)
		h.put(a)
		h.put(`{"resourceType":"Patient","id":"c","active":true}`)
		results, err := h.load(a, `{"resourceType":"Patient","id":"c","active":false}`)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "same changed", results[0].Changed, false)
		equal(t, "same version", results[0].Version.VersionID, 1)
		equal(t, "other changed", results[1].Changed, true)
		equal(t, "other version", results[1].Version.VersionID, 2)
	})
	t.Run("records land with the resources", func(t *testing.T) {
		engine := newEngine(t, fhirtest.Clock(), fhirtest.Parameters(t))
		h := harness{t, fhirtest.NewService(t, engine, fhir.Options{})}
		change := store.RecordChange{Bucket: "load", Key: "once", Value: []byte{1}, Revision: store.AnyRevision}
		request := fhir.LoadRequest{Resources: []*resources.Document{h.doc(a)}, Records: []store.RecordChange{change}}
		if _, err := h.Load(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		if _, err := engine.Records("load").Get(t.Context(), "once"); err != nil {
			t.Error(err)
		}
	})
	for name, c := range map[string]struct {
		texts []string
		code  outcome.Code
		place string
	}{
		"an invalid resource lets none land":        {[]string{a, `{"resourceType":"Patient","id":"c","active":"no"}`}, outcome.Structure, "Bundle.entry[1].resource.active"},
		"a resource without an id lets none land":   {[]string{a, `{"resourceType":"Patient"}`}, outcome.Value, ""},
		"an id that is none lets none land":         {[]string{a, `{"resourceType":"Patient","id":"a_b"}`}, outcome.Value, ""},
		"the same resource twice lets none land":    {[]string{a, a}, outcome.Invalid, ""},
		"a type that there is not lets none land":   {[]string{a, `{"resourceType":"Ghost","id":"c"}`}, "", ""},
		"a document that is nothing lets none land": {[]string{a, `{}`}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			_, err := h.load(c.texts...)
			refused := outcome.As(err)
			if err == nil || c.code != "" && refused.Code() != c.code {
				t.Fatalf("refused with %v, want %s", err, c.code)
			}
			if expressions := refused.Issues[0].Expression; c.place != "" && (len(expressions) == 0 || !strings.HasPrefix(expressions[0], c.place)) {
				t.Errorf("the place is %v", expressions)
			}
			equal(t, "patients", h.count("Patient", ""), 0)
		})
	}
}
