package terminology_test

import (
	"strings"
	"testing"

	"kiln/conformance/terminology"
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// TestEveryValueSetOfR4IsComposed: what cannot be is for want of a code system of others.
func TestEveryValueSetOfR4IsComposed(t *testing.T) {
	service := terminology.New(terminology.Embedded(), terminology.Limits{})
	composed, lacking, other := 0, 0, 0
	for vs := range definitions.R4Terminology().ValueSets {
		codes, err := service.Expand(t.Context(), vs.URL, 0)
		switch {
		case err == nil:
			composed++
			for _, c := range codes {
				if in, err := service.Contains(t.Context(), vs.URL, c.System, c.Code); !in || err != nil {
					t.Fatalf("%s expands to %v, which it does not contain: %v", vs.URL, c, err)
				}
			}
		case outcome.Is(err, outcome.NotSupported) && strings.Contains(err.Error(), "not available here"):
			lacking++
		default:
			other++
			t.Logf("%v", err)
		}
	}
	t.Logf("%d composed, %d lack a code system, %d cannot be composed", composed, lacking, other)
	if composed < 1200 || other > 2 {
		t.Errorf("%d value sets are composed, %d cannot be for other reasons than a code system that is not here", composed, other)
	}
}

// TestRequiredBindings compares with the codes of the required bindings, which were listed by others.
func TestRequiredBindings(t *testing.T) {
	service, compared := terminology.New(terminology.Embedded(), terminology.Limits{}), 0
	for vs := range definitions.R4Terminology().ValueSets {
		want := definitions.R4().ValueSet(vs.URL)
		if want == nil || len(want.Open) > 0 {
			continue
		}
		codes, err := service.Expand(t.Context(), vs.URL, 0)
		if err != nil {
			t.Errorf("%s: %v", vs.URL, err)
			continue
		}
		n := 0
		for _, concepts := range want.Codes {
			n += len(concepts)
		}
		for _, c := range codes {
			if !want.ContainsCoding(c.System, c.Code) {
				t.Errorf("%s has %s|%s, which is not listed", vs.URL, c.System, c.Code)
			}
		}
		if len(codes) != n {
			t.Errorf("%s has %d codes; listed are %d", vs.URL, len(codes), n)
		}
		compared++
	}
	if compared < 200 {
		t.Errorf("only %d value sets were compared", compared)
	}
}

func TestMemberOf(t *testing.T) {
	doc, err := resources.Parse([]byte(`{"resourceType":"Patient","gender":"male","maritalStatus":{"coding":[{"system":"urn:x","code":"M"},
		{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M"}]},"birthDate":"1970-01-01","name":[{"family":"Lind"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	patient, _ := doc.Resource()
	service := terminology.New(terminology.Embedded(), terminology.Limits{})
	const valueSet = "http://hl7.org/fhir/ValueSet/"
	for expression, want := range map[string]string{
		"gender.memberOf('" + valueSet + "administrative-gender')":              "[true]",
		"gender.memberOf('" + valueSet + "observation-status')":                 "[false]",
		"gender.memberOf('" + valueSet + "nonsense')":                           "[]",
		"gender.memberOf('" + valueSet + "observation-codes')":                  "error",
		"'male'.memberOf('" + valueSet + "administrative-gender|4.0.1')":        "[true]",
		"maritalStatus.memberOf('" + valueSet + "marital-status')":              "[true]",
		"maritalStatus.coding[0].memberOf('" + valueSet + "marital-status')":    "[false]",
		"maritalStatus.coding[1].memberOf('" + valueSet + "marital-status')":    "[true]",
		"maritalStatus.memberOf('" + valueSet + "administrative-gender|9.9.9')": "[]",
		"name.memberOf('" + valueSet + "marital-status')":                       "error",
	} {
		if got := evaluate(t, patient, expression, service.MemberOf); got != want {
			t.Errorf("%s is %s; want %s", expression, got, want)
		}
	}
}
