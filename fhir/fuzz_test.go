package fhir_test

import (
	"errors"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/resources"
	"kiln/resources/outcome"
)

// FuzzProcess sends anything as a batch and as a transaction: what comes back is an answer that is a
// valid Bundle or a refusal, never a fault.
func FuzzProcess(f *testing.F) {
	entry := func(url, method, resource string) string {
		return `{"fullUrl":"urn:uuid:1","resource":` + resource + `,"request":{"method":"` + method + `","url":"` + url + `","ifMatch":"W/\"1\"","ifNoneExist":"identifier=1"}}`
	}
	for _, entries := range []string{
		newPatient, newPatient + "," + observation("urn:uuid:2", patientURN),
		entry("Patient?identifier=1", "PUT", `{"resourceType":"Patient"}`), entry("Patient/a", "PATCH", `{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W10="}`),
		entry("Patient?_has:Observation:subject:code=x", "DELETE", `{}`), entry("_history?_at=2024", "GET", `null`), entry("Patient/a/*?_count=0", "HEAD", `[]`),
		observation("urn:uuid:2", "Patient?identifier=1"), basic(`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href='`+patientURN+`'>x</a></div>"}`) + "," + newPatient,
		`{"request":{"method":"POST","url":"Patient/$validate"},"resource":{"resourceType":"Patient"}}`, `{"request":{"method":"GET","url":"metadata"}}`, `7`, `{"request":[]}`,
	} {
		f.Add("transaction", entries)
		f.Add("batch", entries)
	}
	f.Fuzz(func(t *testing.T, kind, entries string) {
		doc, err := resources.Parse([]byte(`{"resourceType":"Bundle","type":"` + kind + `","entry":[` + entries + `]}`))
		if err != nil {
			t.Skip()
		}
		h := open(t)
		bundle, err := h.Process(t.Context(), fhir.BundleRequest{Bundle: doc, Status: statusOf, Return: fhir.ReturnRepresentation})
		if err != nil {
			fault(t, err)
			return
		}
		if text := string(bundle.AppendJSON(nil)); strings.Contains(text, `"code":"exception"`) {
			t.Errorf("a fault: %s", text)
		}
	})
}

// FuzzSearch sends anything as a search and a history.
func FuzzSearch(f *testing.F) {
	for _, query := range []string{"name=a&_count=1", "_include=*&_revinclude=*", "_page=AAAA", "_since=2024&_at=2023", "_summary=text", "%", "_elements=name&_sort=-birthdate", "_id=a,b&_has:Observation:subject:code=x"} {
		f.Add(query, true)
	}
	f.Fuzz(func(t *testing.T, query string, lenient bool) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"a"}`)
		if _, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Patient", Query: query, Lenient: lenient}); err != nil {
			fault(t, err)
		}
		if _, err := h.History(t.Context(), fhir.HistoryRequest{Type: "Patient", Query: query, Lenient: lenient}); err != nil {
			fault(t, err)
		}
	})
}

// fault reports an error that is none for people.
func fault(t *testing.T, err error) {
	t.Helper()
	var refused *outcome.Error
	if !errors.As(err, &refused) || refused.Code() == outcome.Exception {
		t.Errorf("a fault: %v", err)
	}
}
