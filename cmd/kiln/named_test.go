package main

import (
	"net/http"
	"strings"
	"testing"
)

// What is assembled judges answers by the questionnaires of its own store.
func TestAssembledServiceFindsQuestionnaires(t *testing.T) {
	s := startServer(t, "base")
	if status, text := ask(t, http.MethodPost, s.url+"/Questionnaire", `{"resourceType":"Questionnaire","url":"http://x.test/q","status":"active","item":[{"linkId":"a","type":"integer"}]}`); status != http.StatusCreated {
		t.Fatal(status, text)
	}
	response := `{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"http://x.test/q","item":[{"linkId":"a","answer":[%]}]}`
	for value, want := range map[string]int{`{"valueInteger":1}`: http.StatusCreated, `{"valueString":"x"}`: http.StatusUnprocessableEntity} {
		if status, text := ask(t, http.MethodPost, s.url+"/QuestionnaireResponse", strings.Replace(response, "%", value, 1)); status != want {
			t.Errorf("%s gives %d %s; expected %d", value, status, text, want)
		}
	}
}
