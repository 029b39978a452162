package validation_test

import (
	"context"
	"testing"

	"kiln/conformance/validation"
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

func typeNamed(name string) *definitions.Type { return definitions.R4().Type(name) }

// FuzzValidate looks for panics, and for results that no caller could use: unordered, without
// sentence or place, or another verdict by Check than by Validate.
func FuzzValidate(f *testing.F) {
	for _, seed := range []string{
		patient2KB, observation, containing,
		`{"resourceType":"Patient","name":[{"given":["x",null],"_given":[null,{"id":"y"}]}],"_active":{},"x":[]}`,
		`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:x","resource":{"resourceType":"Patient","link":[{"other":{"reference":"urn:x"}}]}}]}`,
		`{"resourceType":"Basic","text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">\u0000</div>"},"contained":[{}]}`,
		`{"resourceType":"ServiceRequest","occurrenceTiming":{"repeat":{"offset":1,"when":["AC","C"]}},"quantityQuantity":{"system":"http://unitsofmeasure.org","code":"mg/(10*3.{x})"}}`,
		`{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"#q","contained":[{"resourceType":"Questionnaire","id":"q","status":"active","item":[{"linkId":"a","type":"boolean","required":true,"enableWhen":[{"question":"b","operator":"!=","answerBoolean":true},{"question":"a","operator":"exists","answerBoolean":false}],"enableBehavior":"any"},{"linkId":"b","type":"choice","repeats":true,"answerOption":[{"valueCoding":{"code":"x"}}],"enableWhen":[{"question":"a","operator":"=","answerBoolean":true}],"item":[{"linkId":"a","type":"group","item":[{"linkId":"c","type":"quantity","extension":[{"url":"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-maxQuantity","valueQuantity":{"value":1e99,"system":"http://unitsofmeasure.org","code":"km"}}]}]}]}]}],"item":[{"linkId":"b","answer":[{"valueCoding":{"code":"x"},"item":[{"linkId":"a","item":[{"linkId":"c","answer":[{"valueQuantity":{"value":3,"system":"http://unitsofmeasure.org","code":"m"}}]}]}]},{"valueString":"y"}]},{"linkId":"a","answer":[{"valueBoolean":true}]}]}`,
		`{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"#q","contained":[{"resourceType":"Questionnaire","id":"q","status":"active","item":[{"linkId":"a","type":"date","extension":[{"url":"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression","valueExpression":{"language":"text/fhirpath","expression":"%resource.repeat(descendants() | $this)"}},{"url":"http://hl7.org/fhir/StructureDefinition/maxValue","valueDate":"2020-13"}]}]}],"item":[{"linkId":"a","answer":[{"valueDate":"2021"}]}]}`,
		`{"resourceType":"MeasureReport","status":"complete","type":"subject-list","measure":"#m","period":{"start":"2026"},"contained":[{"resourceType":"Measure","id":"m","status":"active","library":["#l"],"group":[{"population":[{"code":{"text":"x"},"criteria":{"language":"text/cql","expression":"l.x"}}],"stratifier":[{"component":[{"code":{"text":"y"},"criteria":{}}]}]}]},{"resourceType":"Library","id":"l","name":"l","content":[{"contentType":"text/cql","data":"ZGVmaW5lIHg6IDE="}]}],"group":[{"population":[{"code":{"text":"z"},"subjectResults":{"reference":"#l"}}],"stratifier":[{"stratum":[{"component":[{"code":{"text":"y"}}]}]}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	v := newValidator(f, validation.Options{})
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := resources.Parse(text)
		if err != nil {
			return
		}
		resource, err := doc.Resource()
		if err != nil {
			return
		}
		issues := v.Validate(context.Background(), resource)
		line, column := 0, 0
		for _, issue := range issues {
			if issue.Severity == outcome.SeverityInformation {
				continue
			}
			if issue.Diagnostics == "" || len(issue.Expression) == 0 || issue.Line == 0 {
				t.Fatalf("%+v says not enough", issue)
			}
			if issue.Line < line || issue.Line == line && issue.Column < column {
				t.Fatalf("%+v is out of order", issue)
			}
			line, column = issue.Line, issue.Column
		}
		if refused := v.Check(context.Background(), resource) != nil; refused != (outcome.Of(issues...) != nil) {
			t.Fatalf("Check refuses: %v; Validate lists %v", refused, issues)
		}
	})
}
