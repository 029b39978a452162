package fhirpath_test

import (
	"context"
	"testing"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/outcome"
)

// fuzzEnvironment has limits so low that every expression ends at once.
func fuzzEnvironment() *fhirpath.Environment {
	env := tableEnvironment()
	env.MaxSteps, env.MaxItems, env.MaxText = 50_000, 1_000, 10_000
	return env
}

// FuzzCompile: no text makes the compiler panic, and the canonical form of an expression means
// the same: it compiles, is its own canonical form and gives the same result.
func FuzzCompile(f *testing.F) {
	for _, c := range tableCases(f) {
		f.Add(c.expression)
	}
	patient := tablePatient(f)
	f.Fuzz(func(t *testing.T, source string) {
		if strict, err := fhirpath.Compile(source, fhirpath.Strict(), fhirpath.AsOfType()); err == nil {
			_, err := strict.Evaluate(context.Background(), patient, fuzzEnvironment())
			expectOutcome(t, err)
		}
		x, err := fhirpath.Compile(source)
		if err != nil {
			expectOutcome(t, err)
			return
		}
		again, err := fhirpath.Compile(x.String())
		if err != nil {
			t.Fatalf("%q is written as %q, which is no expression: %v", source, x, err)
		}
		if x.String() != again.String() {
			t.Fatalf("%q is written as %q, and that as %q", source, x, again)
		}
		a, errA := x.Evaluate(context.Background(), patient, fuzzEnvironment())
		b, errB := again.Evaluate(context.Background(), patient, fuzzEnvironment())
		if (errA == nil) != (errB == nil) || errA == nil && string(a.AppendJSON(nil)) != string(b.AppendJSON(nil)) {
			t.Fatalf("%q gives %s (%v), its canonical form %q gives %s (%v)", source, a.AppendJSON(nil), errA, x, b.AppendJSON(nil), errB)
		}
		expectOutcome(t, errA)
	})
}

// FuzzEvaluate: no expression on any document makes the evaluator panic or go beyond its limits.
func FuzzEvaluate(f *testing.F) {
	for i, c := range tableCases(f) {
		f.Add(c.expression, fuzzDocuments[i%len(fuzzDocuments)])
	}
	f.Fuzz(func(t *testing.T, source, document string) {
		x, err := fhirpath.Compile(source, fhirpath.AsOfType())
		if err != nil {
			return
		}
		d, err := resources.Parse([]byte(document))
		if err != nil {
			return
		}
		inputs := fhirpath.Collection{fhirpath.FromJSON(d, 0)}
		if resource, err := d.Resource(); err == nil {
			inputs = append(inputs, fhirpath.FromElement(resource))
		}
		for _, input := range inputs {
			result, err := x.EvaluateCollection(context.Background(), fhirpath.Collection{input}, fuzzEnvironment())
			expectOutcome(t, err)
			if len(result) > 1_000 {
				t.Fatalf("%q made %d items, the limit is 1,000", source, len(result))
			}
			for _, v := range result {
				_, isElement := v.Element()
				if !isElement && v.TypeName() == "System.String" && len(v.Text()) > 10_000+len(source)+len(document) {
					t.Fatalf("%q made a text of %d bytes, the limit is 10,000", source, len(v.Text()))
				}
				if _, err := resources.Parse(v.AppendJSON(nil)); err != nil {
					t.Fatalf("%q: %s is no JSON: %v", source, v.AppendJSON(nil), err)
				}
			}
		}
	})
}

var fuzzDocuments = []string{
	`{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"x"}]}],"birthDate":"1970-13-99","deceasedBoolean":"x"}`,
	`{"resourceType":"Observation","valueQuantity":{"value":1e2000,"system":"http://unitsofmeasure.org","code":"mg"},"component":[{"valueString":1}]}`,
	`{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"1","link":[{"other":{"reference":"urn:uuid:1"}}]}}]}`,
	`{"a":[1,2.5,"x",null,true,{"b":[[1]]}],"_a":[{"id":"1"}]}`,
	`[1,"2",{"c":3}]`,
	`"text"`,
	`{"resourceType":"Nothing","extension":"x","contained":[1]}`,
}

func expectOutcome(t *testing.T, err error) {
	t.Helper()
	if err != nil && (outcome.Is(err, outcome.Exception) || outcome.As(err).Code() == outcome.Exception) {
		t.Fatalf("an error that is no outcome: %v", err)
	}
}
