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
