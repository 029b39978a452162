package validation_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"kiln/conformance/validation"
	"kiln/resources"
	"kiln/resources/outcome"
)

func TestProblemsAreListedUpToTheLimit(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Patient"`)
	for i := range 250 {
		fmt.Fprintf(&b, `,"x%d":1`, i)
	}
	b.WriteString(`}`)
	issues := newValidator(t, validation.Options{}).Validate(context.Background(), element(t, []byte(b.String())))
	if len(issues) != 101 {
		t.Fatalf("%d issues are listed", len(issues))
	}
	last := issues[100]
	if last.Severity != outcome.SeverityInformation || last.Diagnostics != "There are 151 more problems, which are not listed." {
		t.Errorf("the last issue is %+v", last) // 250 names and dom-6, less 100
	}
	if issues[0].Expression[0] != "Patient.x0" || issues[99].Expression[0] != "Patient.x99" {
		t.Errorf("listed from %v to %v", issues[0], issues[99])
	}
}

func TestErrorsAreListedBeforeWarnings(t *testing.T) {
	text := `{"resourceType":"Basic","code":{"text":"x"},"extension":[` + strings.Repeat(`{"url":"urn:x","valueString":" "},`, 300) +
		`{"url":"urn:x","valueDate":"1"},{"url":"urn:x","valueDate":"2"}],"zzz":1}`
	v := newValidator(t, validation.Options{MaxIssues: 3})
	var got []string
	for _, issue := range v.Validate(context.Background(), element(t, []byte(text))) {
		got = append(got, string(issue.Severity)+" "+strings.Join(issue.Expression, ""))
	}
	want := "error Basic.extension[300].value.ofType(date),error Basic.extension[301].value.ofType(date),error Basic.zzz,information "
	if strings.Join(got, ",") != want {
		t.Errorf("listed %v", got)
	}
}

func TestIssuesComeInTheOrderOfTheDocument(t *testing.T) {
	text := "{\"resourceType\":\"Observation\",\n\"component\":[{\"zzz\":1}],\n\"status\":\"x\"}"
	var got []string
	for _, issue := range newValidator(t, validation.Options{}).Validate(context.Background(), element(t, []byte(text))) {
		got = append(got, fmt.Sprintf("%d:%d %s", issue.Line, issue.Column, issue.Expression[0]))
	}
	want := []string{"1:1 Observation.code", "1:1 Observation", "2:14 Observation.component[0].code", "2:21 Observation.component[0].zzz", "3:10 Observation.status"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("listed\n%s", strings.Join(got, "\n"))
	}
}

func TestCheckRefusesWithStageContent(t *testing.T) {
	v := newValidator(t, validation.Options{})
	err := v.Check(context.Background(), element(t, []byte(`{"resourceType":"Patient","gender":"x"}`)))
	refusal := outcome.As(err)
	if refusal == nil || refusal.Stage != outcome.StageContent || len(refusal.Issues) != 1 {
		t.Errorf("refused with %+v", refusal)
	}
	if err := v.Check(context.Background(), element(t, []byte(`{"resourceType":"Patient"}`))); err != nil {
		t.Errorf("a good resource is refused: %v", err)
	}
}

func TestValidateTakesValuesOfDataTypes(t *testing.T) {
	v := newValidator(t, validation.Options{})
	for _, c := range []struct{ typ, text, want string }{
		{"HumanName", `{"family":"Example"}`, ""},
		{"HumanName", `{"famly":"Example"}`, "famly"},
		{"HumanName", `["x"]`, ""},
		{"date", `"2026-02-30"`, ""},
	} {
		doc, err := resources.Parse([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		issues := v.Validate(context.Background(), doc.As(0, typeNamed(c.typ)))
		if valid := c.text == `{"family":"Example"}`; valid != (len(issues) == 0) || c.want != "" && issues[0].Expression[0] != c.want {
			t.Errorf("%s %s has the issues %v", c.typ, c.text, issues)
		}
	}
	if issues := v.Validate(context.Background(), resources.Element{}); len(issues) != 1 {
		t.Errorf("nothing has the issues %v", issues)
	}
}

func TestValidateStopsWhenItsContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	text := `{"resourceType":"Basic","code":{"text":"x"},"extension":[` + strings.Repeat(`{"url":"urn:x","valueString":"x"},`, 1000) + `{"url":"urn:x"}]}`
	issues := newValidator(t, validation.Options{}).Validate(ctx, element(t, []byte(text)))
	stopped := false
	for _, issue := range issues {
		stopped = stopped || issue.Code == outcome.TooCostly && issue.Severity == outcome.SeverityError
	}
	if !stopped {
		t.Errorf("listed %v", issues)
	}
}

func TestInvariantsHaveALimit(t *testing.T) {
	text := `{"resourceType":"Questionnaire","status":"draft","item":[` + strings.Repeat(`{"linkId":"x","type":"string"},`, 1000) + `{"linkId":"x","type":"string"}]}`
	issues := newValidator(t, validation.Options{MaxSteps: 100}).Validate(context.Background(), element(t, []byte(text)))
	for _, issue := range issues {
		if issue.Code == outcome.TooCostly && strings.Contains(issue.Diagnostics, "que-2") {
			return
		}
	}
	t.Errorf("listed %v", issues)
}

// TestHostileResources are large where something could take quadratic time; the test ends.
func TestHostileResources(t *testing.T) {
	v := newValidator(t, validation.Options{})
	const n = 5_000
	list := func(format string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for _, c := range []struct{ name, text string }{
		{"contained", `{"resourceType":"Basic","code":{"text":"x"},"contained":[` + list(`{"resourceType":"Patient","id":"p%[1]d","link":[{"other":{"reference":"#p%[1]d"},"type":"refer"}]}`) + `]}`},
		{"bundle", `{"resourceType":"Bundle","type":"collection","entry":[` + list(`{"fullUrl":"urn:x:%[1]d","resource":{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"urn:x:%[1]d"}}}`) + `]}`},
		{"unknown", `{"resourceType":"Patient",` + list(`"birthdat%d":"x"`) + `}`},
		{"link ids", `{"resourceType":"Questionnaire","status":"draft","item":[` + list(`{"linkId":"%d","type":"string"}`) + `]}`},
		{"codes", `{"resourceType":"CodeSystem","status":"draft","content":"complete","concept":[` + list(`{"code":"%d"}`) + `]}`},
		{"snapshot", `{"resourceType":"StructureDefinition","status":"draft","kind":"resource","type":"x","differential":{"element":[` + list(`{"id":"x.%[1]d","path":"x.x%[1]d"}`) + `]}}`},
		{"shadows", `{"resourceType":"Patient","name":[{"given":[` + list(`"x%d"`) + `],"_given":[` + list(`{"id":"%d"}`) + `]}]}`},
		{"broken items", `{"resourceType":"Patient","name":[` + list(`"%d"`) + `]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			resource := element(t, []byte(c.text))
			if issues := v.Validate(context.Background(), resource); len(issues) > 101 {
				t.Errorf("%d issues are listed", len(issues))
			}
		})
	}
}

func TestOneValidatorServesAll(t *testing.T) {
	v := newValidator(t, validation.Options{})
	good := []resources.Element{element(t, []byte(patient2KB)), element(t, []byte(observation)), element(t, []byte(containing))}
	bad := element(t, []byte(`{"resourceType":"Patient","contact":[{"gender":"x"}]}`))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, e := range good {
				if err := v.Check(context.Background(), e); err != nil {
					t.Errorf("a good resource is refused: %v", err)
				}
			}
			if got := outcome.As(v.Check(context.Background(), bad)); got == nil || len(got.Issues) != 2 {
				t.Errorf("a bad resource is refused with %v", got)
			}
		})
	}
	group.Wait()
}
