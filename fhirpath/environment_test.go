package fhirpath_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/datatypes"
	"kiln/resources/outcome"
)

func Example() {
	doc, err := resources.Parse([]byte(`{"resourceType":"Patient","name":[{"use":"official","given":["Ada","Augusta"]}]}`))
	if err != nil {
		panic(err)
	}
	patient, err := doc.Resource()
	if err != nil {
		panic(err)
	}
	x := fhirpath.MustCompile("name.where(use = 'official').given")
	names, err := x.Evaluate(context.Background(), patient, nil)
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		fmt.Println(name.Text(), name.TypeName(), name.Path())
	}
	// Output:
	// Ada string Patient.name[0].given[0]
	// Augusta string Patient.name[0].given[1]
}

// with evaluates an expression in an environment and gives the result as JSON.
func with(t *testing.T, env *fhirpath.Environment, input resources.Element, source string, options ...fhirpath.Option) string {
	t.Helper()
	x, err := fhirpath.Compile(source, options...)
	if err != nil {
		return "error: " + err.Error()
	}
	result, err := x.Evaluate(context.Background(), input, env)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(result.AppendJSON(nil))
}

func resource(t *testing.T, src string) resources.Element {
	t.Helper()
	r, err := parse(t, []byte(src)).Resource()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if strings.HasPrefix(want, "error: ") && strings.HasPrefix(got, "error: ") && strings.Contains(got, want[len("error: "):]) {
		return
	}
	if got != want {
		t.Errorf("got %s, expected %s", got, want)
	}
}

func TestResolveAsksForWhatIsNotInTheDocument(t *testing.T) {
	var asked []string
	practitioner := resource(t, `{"resourceType":"Practitioner","id":"p1","active":true}`)
	env := &fhirpath.Environment{Resolve: func(_ context.Context, reference string) (resources.Element, bool) {
		asked = append(asked, reference)
		return practitioner, reference == "Practitioner/p1"
	}}
	expect(t, with(t, env, tablePatient(t), "generalPractitioner.resolve().id"), `["dr","p1"]`)
	want := "Practitioner/p1 http://example.org/fhir/Organization/o1/_history/3 urn:uuid:0d5a1f7c-2a3b-4c5d-8e9f-000000000001"
	expect(t, strings.Join(asked, " "), want)

	asked = nil
	expect(t, with(t, env, tablePatient(t), "generalPractitioner.where(resolve() is Practitioner).count()"), `[2]`)
	if len(asked) > 0 {
		t.Errorf("the type alone was asked, but %v was fetched", asked)
	}
	expect(t, with(t, env, tablePatient(t), "generalPractitioner.select((resolve() as Practitioner).active)"), `[true]`)
	expect(t, with(t, env, tablePatient(t), "generalPractitioner.select(resolve().ofType(Practitioner).active)"), `[true]`)
	expect(t, with(t, env, tablePatient(t), "'Practitioner/p1'.resolve().active"), `[true]`)
}

func TestResolveInBundles(t *testing.T) {
	bundle := resource(t, `{"resourceType":"Bundle","type":"collection","entry":[
		{"fullUrl":"http://example.org/fhir/Observation/o","resource":{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/a"},
			"performer":[{"reference":"urn:uuid:0d5a1f7c-2a3b-4c5d-8e9f-000000000002"},{"reference":"http://other.example/fhir/Patient/a"}]}},
		{"fullUrl":"http://other.example/fhir/Patient/a","resource":{"resourceType":"Patient","id":"a","meta":{"versionId":"2"},"gender":"male"}},
		{"fullUrl":"http://example.org/fhir/Patient/a","resource":{"resourceType":"Patient","id":"a","gender":"female"}},
		{"fullUrl":"urn:uuid:0d5a1f7c-2a3b-4c5d-8e9f-000000000002","resource":{"resourceType":"Practitioner","id":"b","gender":"other"}}]}`)
	for source, want := range map[string]string{
		"entry.resource.subject.resolve().gender":                                  `["female"]`,
		"entry.resource.performer.resolve().gender":                                `["other","male"]`,
		"entry.resource.performer.where(resolve() is Practitioner).count()":        `[1]`,
		"entry[0].resource.subject.resolve().id":                                   `["a"]`,
		"'http://other.example/fhir/Patient/a'.resolve().gender":                   `["male"]`,
		"('http://other.example/fhir/Patient/' & 'a/_history/2').resolve().gender": `["male"]`,
		"'http://other.example/fhir/Patient/a/_history/3'.resolve().gender":        `[]`,
	} {
		expect(t, with(t, nil, bundle, source), want)
	}
}

func TestResourceVariablesFollowTheInput(t *testing.T) {
	patient := tablePatient(t)
	name := patient.First("name")
	dr, err := fhirpath.MustCompile("contained.where(id = 'dr').name").Evaluate(context.Background(), patient, nil)
	if err != nil {
		t.Fatal(err)
	}
	inner, _ := dr[0].Element()
	expect(t, with(t, nil, name, "%resource.id | %context.use"), `["ada","official"]`)
	expect(t, with(t, nil, inner, "%resource.id"), `["dr"]`)
	expect(t, with(t, nil, inner, "%rootResource.id"), `["ada"]`)
	other := resource(t, `{"resourceType":"Basic","id":"other"}`)
	expect(t, with(t, &fhirpath.Environment{Resource: other}, name, "%resource.id | %rootResource.id"), `["other"]`)
	expect(t, with(t, &fhirpath.Environment{Resource: other, RootResource: patient}, name, "%resource.id | %rootResource.id"), `["other","ada"]`)
}

func TestHooks(t *testing.T) {
	refused := outcome.New(outcome.NotSupported, "Not here.")
	env := &fhirpath.Environment{
		MemberOf: func(_ context.Context, coded fhirpath.Value, valueSet string) (bool, error) {
			switch valueSet {
			case "known":
				return coded.Text() == "female", nil
			case "broken":
				return false, refused
			}
			return false, outcome.New(outcome.NotFound, "There is no such value set.")
		},
		ConformsTo: func(_ context.Context, v fhirpath.Value, profile string) (bool, error) {
			if profile == "broken" {
				return false, refused
			}
			return profile == "mine", nil
		},
	}
	for source, want := range map[string]string{
		"gender.memberOf('known')":  `[true]`,
		"gender.memberOf('none')":   `[]`,
		"gender.memberOf('broken')": `error: Not here.`,
		"photo.memberOf('known')":   `[]`,
		"conformsTo('mine')":        `[true]`,
		"conformsTo('other')":       `[false]`,
		"conformsTo('broken')":      `error: Not here.`,
		"conformsTo('http://hl7.org/fhir/StructureDefinition/Observation')": `[false]`,
	} {
		expect(t, with(t, env, tablePatient(t), source), want)
	}
	_, err := fhirpath.MustCompile("gender.memberOf('broken')").Evaluate(context.Background(), tablePatient(t), env)
	if !errors.Is(err, refused) {
		t.Errorf("the hook's own error is lost: %v", err)
	}
}

func TestTraceHandsOverValues(t *testing.T) {
	var traced []string
	env := &fhirpath.Environment{Trace: func(name string, c fhirpath.Collection) {
		traced = append(traced, name+"="+string(c.AppendJSON(nil)))
	}}
	with(t, env, tablePatient(t), "name.given.first().trace('first').combine(name.trace('uses', use).family)")
	expect(t, strings.Join(traced, " "), `first=["Ada"] uses=["official","usual","maiden"]`)
}

func TestNowIsShownInTheZone(t *testing.T) {
	zone := time.FixedZone("", 2*60*60)
	env := &fhirpath.Environment{Now: time.Date(2024, 12, 31, 23, 30, 0, 0, time.UTC), Zone: zone}
	expect(t, with(t, env, tablePatient(t), "now() | today() | timeOfDay()"), `["2025-01-01T01:30:00.000+02:00","2025-01-01","01:30:00.000"]`)
	result, err := fhirpath.MustCompile("now() = now() and now() > @2024-01-01").Evaluate(context.Background(), tablePatient(t), nil)
	if value, ok := result.Truth(); err != nil || !value || !ok {
		t.Errorf("without a time of its own now() gave %v, %v", result, err)
	}
}

func TestVariablesCannotReplaceTheSpecifications(t *testing.T) {
	env := &fhirpath.Environment{Variables: map[string]fhirpath.Collection{
		"ucum": {fhirpath.FromString("x")}, "a": {fhirpath.FromInteger(1), fhirpath.FromInteger(2)}, "patient": {fhirpath.FromElement(tablePatient(t))},
	}}
	expect(t, with(t, env, tablePatient(t), "%ucum"), `["http://unitsofmeasure.org"]`)
	expect(t, with(t, env, tablePatient(t), "%a.count()"), `[2]`)
	expect(t, with(t, env, resources.Element{}, "%patient.name.count()"), `[3]`)
}

func TestAsOfTypeReadsListsAsR4MeansThem(t *testing.T) {
	observation := resource(t, `{"resourceType":"Observation","component":[{"valueQuantity":{"value":1}},{"valueString":"a"},{"valueQuantity":{"value":2}}]}`)
	const source = "(Observation.component.value as Quantity).value"
	expect(t, with(t, nil, observation, source), "error: 'as' needs a single item, found 3")
	expect(t, with(t, nil, observation, source, fhirpath.AsOfType()), "[1,2]")
	expect(t, with(t, nil, observation, "Observation.component.value.as(string)", fhirpath.AsOfType()), `["a"]`)

	m := resource(t, `{"resourceType":"ConceptMap","sourceCanonical":"http://example.org/a"}`)
	expect(t, with(t, nil, m, "(ConceptMap.source as uri)"), "[]")
	expect(t, with(t, nil, m, "(ConceptMap.source as uri)", fhirpath.AsOfType()), `["http://example.org/a"]`)

	q := resource(t, `{"resourceType":"Questionnaire","item":[{"enableWhen":[{"operator":"exists","answerBoolean":true}]}]}`)
	const que7 = "Questionnaire.item.enableWhen.all(operator = 'exists' implies (answer is Boolean))"
	expect(t, with(t, nil, q, que7), "[false]")
	expect(t, with(t, nil, q, que7, fhirpath.AsOfType()), "[true]")
}

func TestStrictRefusesMistakes(t *testing.T) {
	for source, want := range map[string]string{
		"Patient.name.given":                `["Ada","Augusta","Ada",{"id":"unknown","extension":[{"url":"http://example.org/reason","valueCode":"asked"}]},"Ada"]`,
		"Patient.naem":                      `error: Patient has no element "naem"`,
		"Patient.deceasedDateTime":          `error: Patient has no element "deceasedDateTime"; a path names it "deceased"`,
		"(deceased as Period).unit":         `error: Period has no element "unit"`,
		"Encounter.where(id = 'x')[0].stat": `error: Encounter has no element "stat"`,
		"Patient.deceased.start":            `error: boolean has no element "start"`,
		"Patient.extension.value.unit":      `["kilograms","years","tablets"]`,
		"Bundle.entry.resource.anything":    `error: a path that begins with Bundle finds nothing`,
		"Encounter.status":                  `error: a path that begins with Encounter finds nothing`,
		"name.where(giver = 'x')":           `error: HumanName has no element "giver"`,
		"children().skip(1)":                `error: skip() depends on an order`,
		"descendants()[0]":                  `error: an index depends on an order`,
		"children().first()":                `error: first() depends on an order`,
		"name.children().count()":           `[10]`,
		"1.value":                           `error: A System.Integer has no element "value"`,
		"contained.first().resourceType":    `error: Organization has no element "resourceType"`,
	} {
		expect(t, with(t, nil, tablePatient(t), source, fhirpath.Strict()), want)
	}
}

func TestErrorsSayWhereTheyAre(t *testing.T) {
	_, err := fhirpath.Compile("name.where(\n  use = )")
	issue := outcome.As(err).Issues[0]
	if issue.Line != 2 || issue.Column != 9 || issue.Code != outcome.Invalid {
		t.Errorf("gave %+v", issue)
	}
	_, err = fhirpath.MustCompile("1 +\n name.single()").Evaluate(context.Background(), tablePatient(t), nil)
	issue = outcome.As(err).Issues[0]
	if issue.Line != 2 || issue.Column != 7 || issue.Code != outcome.Processing {
		t.Errorf("gave %+v", issue)
	}
}

func TestValues(t *testing.T) {
	date := datatypes.DateTime{Year: 2024, Month: 5, Day: 1, Precision: datatypes.Month}
	for _, c := range []struct {
		value            fhirpath.Value
		name, text, json string
	}{
		{fhirpath.FromBoolean(true), "System.Boolean", "true", "true"},
		{fhirpath.FromBoolean(false), "System.Boolean", "false", "false"},
		{fhirpath.FromInteger(-3), "System.Integer", "-3", "-3"},
		{fhirpath.FromInteger(1 << 40), "System.Long", "1099511627776", "1099511627776"},
		{fhirpath.FromDecimal(apd.New(150, -2)), "System.Decimal", "1.50", "1.50"},
		{fhirpath.FromString("<a>"), "System.String", "<a>", `"<a>"`},
		{fhirpath.FromDate(date), "System.Date", "2024-05", `"2024-05"`},
		{fhirpath.FromDateTime(date), "System.DateTime", "2024-05", `"2024-05"`},
		{fhirpath.FromTime(datatypes.Time{Hour: 10, Precision: datatypes.Minute}), "System.Time", "10:00", `"10:00"`},
		{fhirpath.FromQuantity(apd.New(5, 0), "mg"), "System.Quantity", "5 'mg'", `{"value":5,"unit":"mg"}`},
		{fhirpath.FromQuantity(apd.New(5, 0), ""), "System.Quantity", "5 '1'", `{"value":5,"unit":"1"}`},
		{fhirpath.FromDuration(apd.New(2, 0), "days"), "System.Quantity", "2 days", `{"value":2,"unit":"day"}`},
		{fhirpath.FromElement(tablePatient(t).First("gender")), "code", "female", `"female"`},
		{fhirpath.Value{}, "", "", "null"},
	} {
		if c.value.TypeName() != c.name || c.value.Text() != c.text || string(c.value.AppendJSON(nil)) != c.json {
			t.Errorf("%s %s %s, expected %s %s %s", c.value.TypeName(), c.value.Text(), c.value.AppendJSON(nil), c.name, c.text, c.json)
		}
		if size := (fhirpath.Collection{c.value}).JSONSize(); size < len(c.json)+2 {
			t.Errorf("%s: JSONSize is %d for %d bytes", c.json, size, len(c.json)+2)
		}
	}
	rank := fhirpath.FromElement(tablePatient(t).First("telecom").First("rank"))
	if i, ok := rank.Integer(); i != 1 || !ok {
		t.Errorf("the rank is %d, %v", i, ok)
	}
	if d, ok := rank.Decimal(); !ok || d.String() != "1" {
		t.Errorf("the rank is %v, %v", d, ok)
	}
	if _, ok := rank.Boolean(); ok {
		t.Error("the rank is a boolean")
	}
	if !(fhirpath.Value{}).IsZero() || rank.IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestTruth(t *testing.T) {
	patient := tablePatient(t)
	for source, want := range map[string]string{
		"true": "true true", "false": "false true", "{}": "false false", "1": "true true", "name": "false false", "name[0]": "true true",
		"active": "true true", "name.given[3]": "false false",
	} {
		result, err := fhirpath.MustCompile(source).Evaluate(context.Background(), patient, nil)
		if err != nil {
			t.Fatal(err)
		}
		value, ok := result.Truth()
		expect(t, source+" "+fmt.Sprint(value, ok), source+" "+want)
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	buffer := fhirpath.Collection{fhirpath.FromString("Ada")}
	x := fhirpath.MustCompile("(name.given | name.family).where($this is string)")
	out, err := x.Append(context.Background(), buffer, tablePatient(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, strings.Join(out.Texts(), ","), "Ada,Ada,Augusta,Byron,Gordon")
	out, err = fhirpath.MustCompile("name.single()").Append(context.Background(), buffer, tablePatient(t), nil)
	if err == nil || len(out) != 1 {
		t.Errorf("gave %d values and %v", len(out), err)
	}
}

func TestPlainJSONHasNoTypes(t *testing.T) {
	d := parse(t, []byte(`{"resourceType":"Thing","a":[1,2.50,"x",null,true],"_a":[{"id":"one"}],"b":{"c":[{"d":1},{"d":2}]},"_e":{"id":"only"}}`))
	for source, want := range map[string]string{
		"a":                          `[1,2.50,"x",true]`,
		"Thing.a.count()":            `[4]`,
		"a[0].id":                    `["one"]`,
		"e.id":                       `["only"]`,
		"e.hasValue()":               `[false]`,
		"b.c.d":                      `[1,2]`,
		"b.c.where(d = 2)":           `[{"d":2}]`,
		"a.ofType(String)":           `["x"]`,
		"a.ofType(Decimal)":          `[2.50]`,
		"a[0] is Integer":            `[true]`,
		"b is Patient":               `[false]`,
		"b.type().name":              `["Object"]`,
		"a.where($this is Boolean)":  `[true]`,
		"children().count()":         `[6]`,
		"b = b and b.c[0] != b.c[1]": `[true]`,
		"b ~ b":                      `[true]`,
		"%resource.b.c.count()":      `[2]`,
		"a[0] + a[1]":                `[3.50]`,
		"b + 1":                      `error: '+' is not defined for a Object`,
	} {
		x := fhirpath.MustCompile(source)
		result, err := x.EvaluateCollection(context.Background(), fhirpath.Collection{fhirpath.FromJSON(d, 0)}, nil)
		got := string(result.AppendJSON(nil))
		if err != nil {
			got = "error: " + err.Error()
		}
		expect(t, got, want)
	}
}
