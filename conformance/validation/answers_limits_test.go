package validation_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"kiln/conformance/validation"
	"kiln/resources"
	"kiln/resources/outcome"
)

// many joins n texts, each made from its number.
func many(n int, format string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = strings.ReplaceAll(format, "%", fmt.Sprint(i))
	}
	return strings.Join(parts, ",")
}

// A response to a questionnaire that asks for more comparisons than anyone would make is refused,
// once, as too costly.
func TestHostileQuestionnaires(t *testing.T) {
	response := `{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"#q",` +
		`"contained":[{"resourceType":"Questionnaire","id":"q","status":"active","item":[%s]}],"item":[%s]}`
	report := `{"resourceType":"MeasureReport","status":"complete","type":"summary","measure":"#m","period":{"start":"2026"},` +
		`"contained":[{"resourceType":"Measure","id":"m","status":"active","group":[%s]}],"group":[%s]}`
	answers := `{"linkId":"a","answer":[` + many(2000, `{"valueInteger":%}`) + `]}`
	for name, text := range map[string]string{
		"conditions": fmt.Sprintf(response,
			`{"linkId":"a","type":"integer","repeats":true},{"linkId":"b","type":"string","required":true,"enableBehavior":"any","enableWhen":[`+
				many(2000, `{"question":"a","operator":"=","answerInteger":-%}`)+`]}`, answers),
		"options": fmt.Sprintf(response,
			`{"linkId":"a","type":"choice","repeats":true,"answerOption":[`+many(2000, `{"valueInteger":-%}`)+`]}`, answers),
		"units": fmt.Sprintf(response,
			`{"linkId":"a","type":"quantity","repeats":true,"extension":[`+
				many(2000, `{"url":"http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption","valueCoding":{"code":"a%"}}`)+`]}`,
			`{"linkId":"a","answer":[`+many(2000, `{"valueQuantity":{"value":1,"code":"b%"}}`)+`]}`),
		"repeated group": fmt.Sprintf(response,
			`{"linkId":"g","type":"group","repeats":true,"item":[`+many(2000, `{"linkId":"a%","type":"integer"}`)+`]}`,
			many(2000, `{"linkId":"g","item":[{"linkId":"a1","answer":[{"valueInteger":%}]}]}`)),
		"groups":  fmt.Sprintf(report, many(2000, `{"code":{"text":"a%"}}`), many(2000, `{"code":{"text":"b%"}}`)),
		"codings": fmt.Sprintf(report, `{"code":{"coding":[`+many(2000, `{"code":"a%"}`)+`]}}`, `{"code":{"coding":[`+many(2000, `{"code":"b%"}`)+`]}}`),
	} {
		t.Run(name, func(t *testing.T) {
			costly := 0
			for _, issue := range newValidator(t, validation.Options{MaxIssues: 10_000}).Validate(context.Background(), element(t, []byte(text))) {
				if issue.Code == outcome.TooCostly {
					costly++
				}
			}
			if costly != 1 {
				t.Errorf("%d issues say that it is too costly; expected 1", costly)
			}
		})
	}
}

// A questionnaire that many resources of a bundle answer is fetched once, and not too many are.
func TestDefinitionsFetchedOnce(t *testing.T) {
	questionnaire := element(t, []byte(`{"resourceType":"Questionnaire","url":"http://example.org/q","status":"active","item":[{"linkId":"a","type":"integer"}]}`))
	fetched := 0
	v := newValidator(t, validation.Options{Definition: func(context.Context, string, string) (resources.Element, bool) {
		fetched++
		return questionnaire, true
	}})
	entry := `{"resource":{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"http://example.org/q"}}`
	bundle := func(entries string) resources.Element {
		return element(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[`+entries+`]}`))
	}
	v.Validate(context.Background(), bundle(many(50, entry)))
	if fetched != 1 {
		t.Errorf("one questionnaire was fetched %d times", fetched)
	}
	fetched = 0
	v.Validate(context.Background(), bundle(many(500, strings.Replace(entry, "org/q", "org/q%", 1))))
	if fetched != 100 {
		t.Errorf("of 500 questionnaires %d were fetched; expected 100", fetched)
	}
}
