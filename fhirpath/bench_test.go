package fhirpath_test

import (
	"context"
	"testing"

	"kiln/fhirpath"
	"kiln/resources"
)

// benchPatient is an invented patient of about 2 KB.
const benchPatient = `{"resourceType":"Patient","id":"ada","meta":{"versionId":"1","lastUpdated":"2024-05-01T10:00:00.000Z","profile":["http://example.org/StructureDefinition/patient"]},
"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Ada Byron, born 1815-12-10, of the town of Example, under the care of the example clinic since 1840.</div>"},
"extension":[{"url":"http://example.org/birthplace","valueAddress":{"city":"Example","country":"XX"}},{"url":"http://example.org/count","valueInteger":3}],
"identifier":[{"use":"usual","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"urn:oid:1.2.3.4","value":"12345","period":{"start":"2001-05-06"},"assigner":{"display":"Example clinic"}},{"system":"http://example.org/ids","value":"abc-1"}],
"active":true,
"name":[{"use":"official","family":"Byron","given":["Ada","Augusta"]},{"use":"usual","given":["Ada"]},{"use":"maiden","family":"Byron","given":["Ada","Augusta"],"period":{"end":"1835"}}],
"telecom":[{"use":"home"},{"system":"phone","value":"(00) 5555 0001","use":"work","rank":1},{"system":"phone","value":"(00) 5555 0002","use":"mobile","rank":2},{"system":"email","value":"ada@example.org"}],
"gender":"female","birthDate":"1815-12-10","_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"1815-12-10T14:35:45-05:00"}]},
"deceasedBoolean":false,
"address":[{"use":"home","type":"both","text":"1 Example Street, Example","line":["1 Example Street"],"city":"Example","district":"North","state":"EX","postalCode":"0001","period":{"start":"1835-07-08"}}],
"contact":[{"relationship":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0131","code":"N"}]}],"name":{"family":"King","given":["William"]},"telecom":[{"system":"phone","value":"(00) 5555 0003"}],"gender":"male"}],
"managingOrganization":{"reference":"Organization/1"}}`

func BenchmarkEvaluate(b *testing.B) {
	patient, err := parse(b, []byte(benchPatient)).Resource()
	if err != nil {
		b.Fatal(err)
	}
	for name, source := range map[string]string{
		"path":      "Patient.name.given",
		"leaf":      "Patient.birthDate",
		"choice":    "(Patient.deceased as boolean)",
		"where":     "Patient.telecom.where(system='phone')",
		"extension": "Patient.extension('http://example.org/count').value",
		"resolve":   "Patient.managingOrganization.where(resolve() is Organization)",
		"union":     "Patient.name.family | Patient.name.given",
		"foreign":   "Observation.code | Condition.code | Encounter.class | Patient.gender",
		"condition": "name.exists() and (telecom.exists() or address.exists())",
		"compare":   "identifier.period.start <= @2020-01-01",
		"invariant": "hasValue() or (children().count() > id.count())",
		"descend":   "descendants().count()",
	} {
		b.Run(name, func(b *testing.B) { benchmark(b, source, patient) })
	}
}

func benchmark(b *testing.B, source string, input resources.Element) {
	x := fhirpath.MustCompile(source, fhirpath.AsOfType())
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Evaluate(ctx, input, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppend is how an indexer evaluates: into a buffer that it keeps.
func BenchmarkAppend(b *testing.B) {
	patient, err := parse(b, []byte(benchPatient)).Resource()
	if err != nil {
		b.Fatal(err)
	}
	for _, source := range []string{"Patient.name.given", "Patient.birthDate", "Patient.telecom.where(system='phone')"} {
		b.Run(source, func(b *testing.B) {
			x, ctx := fhirpath.MustCompile(source), context.Background()
			var buffer fhirpath.Collection
			b.ReportAllocs()
			for b.Loop() {
				if buffer, err = x.Append(ctx, buffer[:0], patient, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fhirpath.Compile("Patient.telecom.where(system = 'phone' and use != 'old').value | Patient.name.given.first()"); err != nil {
			b.Fatal(err)
		}
	}
}
