package fhir_test

import (
	"context"
	"strings"
	"testing"

	"kiln/conformance/validation"
	"kiln/fhir"
	"kiln/resources"
	"kiln/resources/outcome"
)

// judging is a service whose validator looks for questionnaires in its store.
func judging(t *testing.T) harness {
	t.Helper()
	var service *fhir.Service
	v, err := validation.New(validation.Options{Definition: func(ctx context.Context, typ, canonical string) (resources.Element, bool) {
		return service.Definition(ctx, typ, canonical)
	}})
	if err != nil {
		t.Fatal(err)
	}
	h := with(t, fhir.Options{Validator: v})
	service = h.Service
	return h
}

func TestAnswersAreJudgedByTheStoredQuestionnaire(t *testing.T) {
	h := judging(t)
	for _, q := range []string{
		`{"resourceType":"Questionnaire","id":"old","url":"http://x.test/q,1","version":"1","status":"active","item":[{"linkId":"a","type":"string"}]}`,
		`{"resourceType":"Questionnaire","id":"new","url":"http://x.test/q,1","version":"2","status":"active","item":[{"linkId":"a","type":"integer"}]}`,
	} {
		h.put(q)
	}
	for canonical, wrong := range map[string]bool{
		"http://x.test/q,1|1":                    false,
		"http://x.test/q,1|2":                    true,
		"http://x.test/q,1":                      true, // the newest
		"Questionnaire/old":                      false,
		"Questionnaire/new":                      true,
		h.BaseURL() + "/Questionnaire/new":       true,
		"http://x.test/other":                    false, // not known, so not judged
		"http://x.test/q,1|3":                    false,
		"Questionnaire/none":                     false,
		"http://x.test/q,1,http://x.test/others": false,
	} {
		response := `{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"` + canonical + `","item":[{"linkId":"a","answer":[{"valueString":"x"}]}]}`
		_, err := h.Create(t.Context(), fhir.CreateRequest{Type: "QuestionnaireResponse", Resource: h.doc(response)})
		if wrong != (err != nil) {
			t.Errorf("%s: a write gives %v; expected to be refused: %v", canonical, err, wrong)
		}
		if err != nil && !strings.Contains(outcome.As(err).Issues[0].Diagnostics, `The question "a" is answered by valueInteger`) {
			t.Errorf("%s: refused with %v", canonical, err)
		}
		result, err := h.Operate(t.Context(), fhir.OperationRequest{Name: "validate", Type: "QuestionnaireResponse", Post: true, Body: h.doc(response)})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, canonical+": $validate finds an error", strings.Contains(string(result.Resource), `"severity":"error"`), wrong)
	}
}
