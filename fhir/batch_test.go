package fhir_test

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"kiln/fhir"
)

// TestBatchWithFault: a panic in an entry reaches whoever asked for the batch, who can catch it. In
// a goroutine of its own it would end the process, and with it the requests of everybody.
func TestBatchWithFault(t *testing.T) {
	const secret = "Ada Sample, born 1970"
	h := with(t, fhir.Options{Operations: []fhir.Operation{{
		Name: "fail", Levels: fhir.LevelSystem,
		Handler: func(context.Context, *fhir.Service, fhir.OperationRequest) (fhir.OperationResult, error) {
			panic(secret)
		},
	}}})
	defer func() {
		fault, ok := recover().(runtime.Error)
		if !ok || !strings.Contains(fault.Error(), "batch_test.go") || strings.Contains(fault.Error(), secret) {
			t.Errorf("caught %v", fault)
		}
	}()
	_, err := h.process("batch", `{"request":{"method":"GET","url":"$fail"}}`, newPatient)
	t.Errorf("got the error %v, want a panic", err)
}

// TestFormatOfEntries: an entry is written as its Bundle is, whatever its URL asks for.
func TestFormatOfEntries(t *testing.T) {
	h := open(t)
	h.put(`{"resourceType":"Patient","id":"a","active":true}`)
	for _, kind := range []string{"batch", "transaction"} {
		b, err := h.process(kind,
			`{"request":{"method":"GET","url":"Patient/_history?_pretty=true&_count=5&_format=json"}}`,
			`{"request":{"method":"GET","url":"Patient?_format=xml&active=true"}}`,
			`{"resource":{"resourceType":"Patient","active":true},"request":{"method":"PUT","url":"Patient?active=true&_format=json"}}`)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, kind, statuses(decode(t, b)), "200 200 200")
		if text := string(b.AppendJSON(nil)); !strings.Contains(text, "/Patient/_history?_count=5\"") {
			t.Errorf("the self link of the history is not what was applied: %s", text)
		}
	}
}
