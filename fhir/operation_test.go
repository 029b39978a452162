package fhir_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// https://hl7.org/fhir/R4/resource-operation-validate.html
func TestValidate(t *testing.T) {
	h := open(t)
	h.put(`{"resourceType":"Patient","id":"a"}`)
	h.put(`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"}}`)
	const good, bad = `{"resourceType":"Patient","id":"a","active":true}`, `{"resourceType":"Patient","gender":"x","birthDate":"1"}`
	for name, test := range map[string]struct {
		id, query, body string
		want            []string // in the outcome
		errors          bool
	}{
		"a good resource":                                  {body: good},
		"a bad one, all problems":                          {body: bad, want: []string{"Patient.gender", "Patient.birthDate"}, errors: true},
		"as a parameter, places are those of the resource": {body: `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":` + bad + `}]}`, want: []string{`"Patient.gender"`}, errors: true},
		"another type than the address":                    {body: `{"resourceType":"Group","type":"person","actual":true}`, want: []string{"Group"}, errors: true},
		"what is stored":                                   {id: "a"},
		"mode update without id":                           {query: "mode=update", body: `{"resourceType":"Patient"}`, want: []string{"Patient.id"}, errors: true},
		"mode update with another id":                      {id: "b", query: "mode=update", body: good, want: []string{"Patient.id"}, errors: true},
		"mode update":                                      {id: "a", query: "mode=update", body: good},
		"mode create":                                      {body: `{"resourceType":"Parameters","parameter":[{"name":"mode","valueCode":"create"},{"name":"resource","resource":` + good + `}]}`},
		"mode delete of what is held":                      {id: "a", query: "mode=delete", want: []string{"1 resource refers"}, errors: true},
		"the profile of the type itself":                   {query: "profile=http://hl7.org/fhir/StructureDefinition/Patient", body: good},
		"the profile of another type":                      {query: "profile=http://hl7.org/fhir/StructureDefinition/Group", body: good, want: []string{"not Group"}, errors: true},
		"a profile that is not known":                      {query: "profile=http://x.test/p", body: good, want: []string{"not-supported", "http://x.test/p"}, errors: true},
	} {
		t.Run(name, func(t *testing.T) {
			call := fhir.OperationRequest{Name: "validate", Type: "Patient", ID: test.id, Query: test.query, Post: true}
			if test.body != "" {
				call.Body = h.doc(test.body)
			}
			result, err := h.Operate(t.Context(), call)
			if err != nil {
				t.Fatal(err)
			}
			got := string(result.Resource)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %s; want %s in it", got, want)
				}
			}
			equal(t, "errors", strings.Contains(got, `"severity":"error"`), test.errors)
		})
	}
	for name, test := range map[string]struct {
		request fhir.ValidateRequest
		code    outcome.Code
	}{
		"nothing to validate":     {fhir.ValidateRequest{Type: "Patient"}, outcome.Required},
		"an unknown mode":         {fhir.ValidateRequest{Type: "Patient", Mode: "guess"}, outcome.Value},
		"mode profile without it": {fhir.ValidateRequest{Type: "Patient", ID: "a", Mode: "profile"}, outcome.Required},
		"mode delete of a type":   {fhir.ValidateRequest{Type: "Patient", Mode: "delete"}, outcome.Required},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, err := h.Validate(t.Context(), test.request)
			wantRefusal(t, err, test.code, outcome.StageSyntax)
		})
	}
	t.Run("what is not there is not found", func(t *testing.T) {
		for _, mode := range []string{"", "delete"} {
			_, err := h.Validate(t.Context(), fhir.ValidateRequest{Type: "Patient", ID: "z", Mode: mode})
			wantRefusal(t, err, outcome.NotFound, outcome.StageDefault)
		}
	})
}

func TestFHIRPathOperation(t *testing.T) {
	const patient = `{"resourceType":"Patient","name":[{"given":["Ada","Bea"],"family":"Alder"},{"given":["Cleo"]}],"birthDate":"1970-01-02","contact":[{"gender":"male"}],"maritalStatus":{"text":"m"},"multipleBirthInteger":2}`
	evaluate := func(h harness, parameters ...string) (string, error) {
		body := `{"resourceType":"Parameters","parameter":[` + strings.Join(append(parameters, `{"name":"resource","resource":`+patient+`}`), ",") + `]}`
		result, err := h.Operate(t.Context(), fhir.OperationRequest{Name: "fhirpath", Post: true, Body: h.doc(body)})
		if err == nil && !json.Valid(result.Resource) {
			t.Errorf("the answer is no JSON: %s", result.Resource)
		}
		return string(result.Resource), err
	}
	expression := func(x string) string { return `{"name":"expression","valueString":` + quote(x) + `}` }
	h := open(t)
	for x, want := range map[string]string{
		"Patient.name.given":      `{"name":"result","part":[{"name":"string","extension":[{"url":"http://fhir.forms-lab.com/StructureDefinition/resource-path","valueString":"Patient.name[0].given[0]"}],"valueString":"Ada"},`,
		"birthDate":               `"name":"date","extension":[{"url":"http://fhir.forms-lab.com/StructureDefinition/resource-path","valueString":"Patient.birthDate"}],"valueDate":"1970-01-02"}`,
		"name.first()":            `"valueHumanName":{"given":["Ada","Bea"],"family":"Alder"}`,
		"contact":                 `{"name":"BackboneElement","extension":[{"url":"http://fhir.forms-lab.com/StructureDefinition/resource-path","valueString":"Patient.contact[0]"},{"url":"http://fhir.forms-lab.com/StructureDefinition/json-value","valueString":"{\"gender\":\"male\"}"}]}`,
		"Patient":                 `{"name":"Patient","extension":[{"url":"http://fhir.forms-lab.com/StructureDefinition/resource-path","valueString":"Patient"}],"resource":{"resourceType":"Patient"`,
		"1 + 1":                   `"part":[{"name":"integer","valueInteger":2}]`,
		"1.50":                    `{"name":"decimal","valueDecimal":1.50}`,
		"true and false":          `{"name":"boolean","valueBoolean":false}`,
		"'a' + 'b'":               `{"name":"string","valueString":"ab"}`,
		"''":                      `{"name":"empty-string"}`,
		"@2024-02":                `{"name":"date","valueDate":"2024-02"}`,
		"@T12:30":                 `{"name":"time","valueTime":"12:30"}`,
		"10 'mg'":                 `{"name":"Quantity","valueQuantity":{"value":10,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}`,
		"{}":                      `,{"name":"result"}]}`,
		"today()":                 `{"name":"date","valueDate":"2024-05-06"}`,
		"name.trace('n').count()": `{"name":"integer","valueInteger":2},{"name":"trace","valueString":"n","part":[{"name":"HumanName"`,
	} {
		t.Run(x, func(t *testing.T) {
			got, err := evaluate(h, expression(x))
			if err != nil || !strings.Contains(got, want) {
				t.Errorf("got %s, %v; want %s in it", got, err, want)
			}
		})
	}
	t.Run("on each item of the context", func(t *testing.T) {
		got, err := evaluate(h, expression("given.first()"), `{"name":"context","valueString":"Patient.name"}`)
		for _, want := range []string{`{"name":"result","valueString":"Patient.name[0]","part":[{"name":"string"`, `{"name":"result","valueString":"Patient.name[1]"`, `{"name":"context","valueString":"Patient.name"}`, `"evaluator","valueString":"Kiln"`} {
			if err != nil || !strings.Contains(got, want) {
				t.Errorf("got %s, %v; want %s in it", got, err, want)
			}
		}
	})
	t.Run("with variables", func(t *testing.T) {
		got, err := evaluate(h, expression("%x & '!'"), `{"name":"variables","part":[{"name":"x","valueString":"hi"}]}`)
		if err != nil || !strings.Contains(got, `"valueString":"hi!"`) || !strings.Contains(got, `"name":"variables"`) {
			t.Errorf("got %s, %v", got, err)
		}
	})
	t.Run("on JSON text in an extension", func(t *testing.T) {
		body := `{"resourceType":"Parameters","parameter":[` + expression("active") + `,{"name":"resource","extension":[{"url":"http://fhir.forms-lab.com/StructureDefinition/json-value","valueString":"{\"resourceType\":\"Patient\",\"active\":true}"}]}]}`
		result, err := h.Operate(t.Context(), fhir.OperationRequest{Name: "fhirpath", Post: true, Body: h.doc(body)})
		if err != nil || !strings.Contains(string(result.Resource), `"valueBoolean":true`) {
			t.Errorf("got %s, %v", result.Resource, err)
		}
	})
	t.Run("an expression that cannot be read is refused with its place", func(t *testing.T) {
		_, err := evaluate(h, expression("name.given[("))
		if refused := outcome.As(err); refused == nil || refused.Code() != outcome.Invalid || refused.Issues[0].Line != 1 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an expression that fails is refused", func(t *testing.T) {
		_, err := evaluate(h, expression("name.single()"))
		if outcome.As(err).Code() != outcome.Processing {
			t.Errorf("got %v", err)
		}
	})
	t.Run("validate finds elements that there are not", func(t *testing.T) {
		if _, err := evaluate(h, expression("Patient.nmae"), `{"name":"validate","valueBoolean":true}`); err == nil {
			t.Error("a misspelt element was taken")
		}
	})
	t.Run("an expression without end is too costly", func(t *testing.T) {
		h := with(t, fhir.Options{Limits: fhir.Limits{Evaluation: 50 * time.Millisecond}})
		start := time.Now()
		_, err := evaluate(h, expression("(1|2|3|4|5).select((1|2|3|4|5|6|7|8|9)).repeat($this + 1)"))
		wantRefusal(t, err, outcome.TooCostly, outcome.StageContent)
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
	})
	t.Run("what trace is given is bounded too", func(t *testing.T) {
		large := `{"resourceType":"Basic","code":{"text":"` + strings.Repeat("x", 1<<20) + `"}}`
		for _, x := range []string{
			"(1|2|3|4|5|6|7).select((1|2|3|4|5|6|7)).select(%resource).trace('all').count()",
			"(1|2|3|4|5|6|7).select((1|2|3|4|5|6|7)).select(%resource.trace('each').count()).count()",
		} {
			body := `{"resourceType":"Parameters","parameter":[` + expression(x) + `,{"name":"resource","resource":` + large + `}]}`
			_, err := h.Operate(t.Context(), fhir.OperationRequest{Name: "fhirpath", Post: true, Body: h.doc(body)})
			wantRefusal(t, err, outcome.TooCostly, outcome.StageContent)
		}
	})
	for name, body := range map[string]string{
		"without expression":                       `{"resourceType":"Parameters","parameter":[{"name":"resource","resource":` + patient + `}]}`,
		"without resource":                         `{"resourceType":"Parameters","parameter":[` + expression("1") + `]}`,
		"with an address in place of the resource": `{"resourceType":"Parameters","parameter":[` + expression("1") + `,{"name":"resource","valueString":"http://x.test/Patient/1"}]}`,
	} {
		t.Run(name+" it is refused", func(t *testing.T) {
			_, err := h.Operate(t.Context(), fhir.OperationRequest{Name: "fhirpath", Post: true, Body: h.doc(body)})
			wantRefusal(t, err, outcome.Required, outcome.StageSyntax)
		})
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// https://hl7.org/fhir/R4/operations.html
func TestOperations(t *testing.T) {
	echo := func(_ context.Context, _ *fhir.Service, call fhir.OperationRequest) (fhir.OperationResult, error) {
		return fhir.OperationResult{Resource: []byte(call.Text("word"))}, nil
	}
	h := with(t, fhir.Options{Operations: []fhir.Operation{
		{Name: "echo", Levels: fhir.LevelSystem | fhir.LevelInstance, Types: []string{"Patient"}, Handler: echo},
		{Name: "change", Levels: fhir.LevelSystem, AffectsState: true, Handler: echo},
	}})
	t.Run("take their parameters from the query or the body", func(t *testing.T) {
		for _, call := range []fhir.OperationRequest{
			{Name: "echo", Query: "word=hi%21"},
			{Name: "echo", Type: "Patient", ID: "a", Query: "word=hi!"},
			{Name: "echo", Post: true, Body: h.doc(`{"resourceType":"Parameters","parameter":[{"name":"word","valueString":"hi!"}]}`)},
		} {
			result, err := h.Operate(t.Context(), call)
			if err != nil || string(result.Resource) != "hi!" {
				t.Errorf("%+v: got %s, %v", call, result.Resource, err)
			}
		}
	})
	for name, call := range map[string]fhir.OperationRequest{
		"an unknown one": {Name: "none"}, "another level": {Name: "echo", Type: "Patient"}, "another type": {Name: "echo", Type: "Group", ID: "a"},
	} {
		t.Run(name+" is not supported", func(t *testing.T) {
			_, err := h.Operate(t.Context(), call)
			wantRefusal(t, err, outcome.NotSupported, outcome.StageDefault, "$"+call.Name)
		})
	}
	t.Run("GET of one that changes something is not allowed", func(t *testing.T) {
		_, err := h.Operate(t.Context(), fhir.OperationRequest{Name: "change"})
		wantRefusal(t, err, outcome.NotSupported, outcome.StageMethod)
	})
	t.Run("one that changes something cannot be part of a transaction", func(t *testing.T) {
		_, err := h.process("transaction", `{"request":{"method":"POST","url":"$change"}}`)
		wantRefusal(t, err, outcome.NotSupported, outcome.StageSyntax, "Bundle.entry[0]")
	})
}

// https://hl7.org/fhir/R4/http.html#capabilities
func TestCapabilities(t *testing.T) {
	h := open(t)
	body, err := h.Capabilities(t.Context(), fhir.CapabilitiesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var statement struct {
		FHIRVersion string
		Rest        []struct {
			Interaction []struct{ Code string }
			Operation   []struct{ Name string }
			Resource    []struct {
				Type              string
				Interaction       []struct{ Code string }
				SearchParam       []struct{ Name, Type string }
				SearchInclude     []string
				SearchRevInclude  []string
				ConditionalDelete string
				Operation         []struct{ Name string }
			}
		}
	}
	if err := json.Unmarshal(body, &statement); err != nil {
		t.Fatal(err)
	}
	rest := statement.Rest[0]
	equal(t, "FHIR version", statement.FHIRVersion, "4.0.1")
	equal(t, "types", len(rest.Resource), len(definitions.R4().ResourceNames()))
	equal(t, "system interactions", fmt.Sprint(rest.Interaction), "[{history-system} {search-system} {transaction} {batch}]")
	equal(t, "system operations", fmt.Sprint(rest.Operation), "[{fhirpath} {reindex}]")
	for _, r := range rest.Resource {
		equal(t, r.Type, fmt.Sprint(r.Interaction), "[{read} {vread} {update} {patch} {delete} {history-instance} {history-type} {create} {search-type}]")
		equal(t, r.Type, len(r.SearchParam), len(h.Parameters().Of(r.Type))+1)
		equal(t, r.Type, fmt.Sprint(r.SearchParam[len(r.SearchParam)-1]), "{_list special}")
		if r.Type == "Patient" && (!slices.Contains(r.SearchInclude, "Patient:organization") || !slices.Contains(r.SearchRevInclude, "Observation:subject") || r.Operation[0].Name != "validate") {
			t.Errorf("Patient: %+v", r)
		}
	}
	issues, err := h.Validate(t.Context(), fhir.ValidateRequest{Type: "CapabilityStatement", Resource: h.doc(string(body))})
	if refused := outcome.Of(issues...); err != nil || refused != nil {
		t.Errorf("the statement is not valid: %v, %v", refused, err)
	}
	terminology, err := h.Capabilities(t.Context(), fhir.CapabilitiesRequest{Mode: "terminology"})
	if err != nil {
		t.Fatal(err)
	}
	issues, err = h.Validate(t.Context(), fhir.ValidateRequest{Type: "TerminologyCapabilities", Resource: h.doc(string(terminology))})
	if refused := outcome.Of(issues...); err != nil || refused != nil {
		t.Errorf("the terminology capabilities are not valid: %v, %v", refused, err)
	}
	_, err = h.Capabilities(t.Context(), fhir.CapabilitiesRequest{Mode: "guess"})
	wantRefusal(t, err, outcome.Value, outcome.StageSyntax)
}
