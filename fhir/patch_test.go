package fhir_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"kiln/fhir"
	"kiln/resources/outcome"
	"kiln/store"
)

const (
	jsonPatch  = "application/json-patch+json"
	fhirPatch  = "application/fhir+json"
	deactivate = `[{"op":"replace","path":"/active","value":false}]`
)

// https://hl7.org/fhir/R4/http.html#patch
func TestPatch(t *testing.T) {
	key := store.Key{Type: "Patient", ID: "a"}
	filled := func(t *testing.T) harness {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"a","identifier":[{"value":"1"}],"active":true}`)
		return h
	}
	for name, test := range map[string]struct{ contentType, body string }{
		"JSON Patch":       {jsonPatch, deactivate},
		"JSON Merge Patch": {"application/merge-patch+json", `{"active":false}`},
		"XML Patch":        {"application/xml-patch+xml", `<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:active/@value">false</replace></diff>`},
		"FHIRPath Patch": {fhirPatch, `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},
			{"name":"path","valueString":"Patient.active"},{"name":"value","valueBoolean":false}]}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			h := filled(t)
			made, err := h.Patch(t.Context(), fhir.PatchRequest{Key: key, ContentType: test.contentType, Body: []byte(test.body)})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "version", made.Version.VersionID, 2)
			equal(t, "method", made.Version.Method, store.Patch)
			if got := h.body(key); !strings.Contains(got, `"active":false`) || !strings.Contains(got, `"versionId":"2"`) {
				t.Errorf("stored %s", got)
			}
		})
	}
	t.Run("that changes nothing makes no version", func(t *testing.T) {
		h := filled(t)
		made, err := h.Patch(t.Context(), fhir.PatchRequest{Key: key, ContentType: jsonPatch, Body: []byte(`[{"op":"replace","path":"/active","value":true}]`)})
		if err != nil || made.Changed || made.Version.VersionID != 1 {
			t.Errorf("got %+v, %v", made, err)
		}
	})
	for name, test := range map[string]struct {
		request fhir.PatchRequest
		code    outcome.Code
		stage   outcome.Stage
	}{
		"of what never was":              {fhir.PatchRequest{Key: store.Key{Type: "Patient", ID: "z"}, ContentType: jsonPatch, Body: []byte(deactivate)}, outcome.NotFound, outcome.StageDefault},
		"of another media type":          {fhir.PatchRequest{Key: key, ContentType: "text/plain", Body: []byte(deactivate)}, outcome.NotSupported, outcome.StageUnsupportedMedia},
		"that cannot be read":            {fhir.PatchRequest{Key: key, ContentType: jsonPatch, Body: []byte(`{`)}, outcome.Structure, outcome.StageSyntax},
		"that does not fit":              {fhir.PatchRequest{Key: key, ContentType: jsonPatch, Body: []byte(`[{"op":"remove","path":"/name/3"}]`)}, outcome.Processing, outcome.StageContent},
		"that makes an invalid resource": {fhir.PatchRequest{Key: key, ContentType: jsonPatch, Body: []byte(`[{"op":"add","path":"/gender","value":"x"}]`)}, outcome.CodeInvalid, outcome.StageContent},
		"that changes the id":            {fhir.PatchRequest{Key: key, ContentType: jsonPatch, Body: []byte(`[{"op":"replace","path":"/id","value":"b"}]`)}, outcome.BusinessRule, outcome.StageContent},
		"with a stale If-Match":          {fhir.PatchRequest{Key: key, ContentType: jsonPatch, Body: []byte(deactivate), IfMatch: fhir.Match{Stated: true, Versions: []int64{7}}}, outcome.Conflict, outcome.StagePrecondition},
		"with criteria that find none":   {fhir.PatchRequest{Key: store.Key{Type: "Patient"}, Criteria: "identifier=2", ContentType: jsonPatch, Body: []byte(deactivate)}, outcome.NotFound, outcome.StageDefault},
		"without criteria":               {fhir.PatchRequest{Key: store.Key{Type: "Patient"}, ContentType: jsonPatch, Body: []byte(deactivate)}, outcome.Invalid, outcome.StageSyntax},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			h := filled(t)
			_, err := h.Patch(t.Context(), test.request)
			wantRefusal(t, err, test.code, test.stage)
		})
	}
	t.Run("of what is deleted is gone", func(t *testing.T) {
		h := filled(t)
		h.remove(key)
		_, err := h.Patch(t.Context(), fhir.PatchRequest{Key: key, ContentType: jsonPatch, Body: []byte(deactivate)})
		wantRefusal(t, err, outcome.Deleted, outcome.StageDefault)
	})
	t.Run("by criteria that find one", func(t *testing.T) {
		h := filled(t)
		made, err := h.Patch(t.Context(), fhir.PatchRequest{Key: store.Key{Type: "Patient"}, Criteria: "identifier=1", ContentType: jsonPatch, Body: []byte(deactivate)})
		if err != nil || made.Version.Key != key || made.Version.VersionID != 2 {
			t.Errorf("got %+v, %v", made, err)
		}
	})
	t.Run("by criteria that find several is refused", func(t *testing.T) {
		h := filled(t)
		h.put(`{"resourceType":"Patient","id":"b","identifier":[{"value":"1"}]}`)
		_, err := h.Patch(t.Context(), fhir.PatchRequest{Key: store.Key{Type: "Patient"}, Criteria: "identifier=1", ContentType: jsonPatch, Body: []byte(deactivate)})
		wantRefusal(t, err, outcome.MultipleMatches, outcome.StagePrecondition)
	})
	t.Run("those that race are all applied", func(t *testing.T) {
		h := filled(t)
		var group sync.WaitGroup
		for i := range 32 {
			group.Go(func() {
				body := fmt.Sprintf(`[{"op":"add","path":"/identifier/-","value":{"value":"x%d"}}]`, i)
				if _, err := h.Patch(t.Context(), fhir.PatchRequest{Key: key, ContentType: jsonPatch, Body: []byte(body)}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		equal(t, "identifiers", strings.Count(h.body(key), `"value":`), 33)
	})
}

func TestPatchInTransaction(t *testing.T) {
	fhirPatchOf := func(path, value string) string {
		return `{"resource":{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},
			{"name":"path","valueString":"Observation"},{"name":"name","valueString":"` + path + `"},{"name":"value",` + value + `}]}]},
			"request":{"method":"PATCH","url":"Observation/o"}}`
	}
	t.Run("as Parameters, with references to other entries", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"}}`)
		a := h.transaction(newPatient, fhirPatchOf("subject", `"valueReference":{"reference":"`+patientURN+`"}`))
		equal(t, "statuses", statuses(a), "201 200")
		equal(t, "observations", h.count("Observation", "subject=Patient/id-1"), 1)
	})
	t.Run("as Binary, by criteria", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"a","identifier":[{"value":"1"}],"active":true}`)
		a := h.transaction(`{"resource":{"resourceType":"Binary","contentType":"` + jsonPatch + `","data":"` + base64.StdEncoding.EncodeToString([]byte(deactivate)) + `"},"request":{"method":"PATCH","url":"Patient?identifier=1","ifMatch":"W/\"1\""}}`)
		equal(t, "ETag", a.Entry[0].Response.ETag, `W/"2"`)
	})
	t.Run("of another resource is refused", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"a"}`)
		for _, resource := range []string{`{"resourceType":"Patient"}`, `{"resourceType":"Binary","contentType":"text/plain","data":"` + "%%%" + `"}`} {
			_, err := h.process("transaction", `{"resource":`+resource+`,"request":{"method":"PATCH","url":"Patient/a"}}`)
			wantRefusal(t, err, outcome.Structure, outcome.StageSyntax, "Bundle.entry[0]")
		}
	})
}
