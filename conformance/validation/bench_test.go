package validation_test

import (
	"context"
	"testing"

	"kiln/conformance/validation"
	"kiln/resources"
)

// BenchmarkParseAndCheck is what every write costs before storage: parse and validate.
func BenchmarkParseAndCheck(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"Patient2KB", patient2KB},
		{"Observation", observation},
	} {
		b.Run(c.name, func(b *testing.B) {
			v := newValidator(b, validation.Options{})
			src := []byte(c.text)
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				doc, err := resources.Parse(src)
				if err != nil {
					b.Fatal(err)
				}
				resource, err := doc.Resource()
				if err != nil {
					b.Fatal(err)
				}
				if err := v.Check(context.Background(), resource); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkExamples validates all official examples, warnings included.
func BenchmarkExamples(b *testing.B) {
	var list []resources.Element
	size := 0
	for _, examples := range exampleFiles(b) {
		for _, e := range examples {
			list = append(list, element(b, e.text))
			size += len(e.text)
		}
	}
	v := newValidator(b, validation.Options{})
	for _, c := range []struct {
		name string
		run  func(resources.Element)
	}{
		{"Check", func(e resources.Element) { _ = v.Check(context.Background(), e) }},
		{"Validate", func(e resources.Element) { v.Validate(context.Background(), e) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, e := range list {
					c.run(e)
				}
			}
		})
	}
}

// An invented person, about 2 KB.
const patient2KB = `{"resourceType":"Patient","id":"p1","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000Z"},` +
	`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p><b>Ada Example</b>, an invented patient, born <i>1970-05-17</i></p></div>"},` +
	`"extension":[{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3","display":"White"}},{"url":"text","valueString":"White"}]},` +
	`{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthPlace","valueAddress":{"city":"Example","country":"XX"}}],` +
	`"identifier":[{"system":"https://example.org/patients","value":"4711"},{"use":"official","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical Record Number"}],"text":"Medical Record Number"},"system":"http://hospital.example.org","value":"A-4711-1","period":{"start":"2020-01-01","end":"2030-12-31"}}],` +
	`"active":true,"name":[{"use":"official","family":"Example","given":["Ada","Maria"],"prefix":["Dr."]},{"use":"maiden","family":"Muster","period":{"end":"1999-06-01"}}],` +
	`"telecom":[{"system":"phone","value":"+49 30 0000000","use":"home"},{"system":"email","value":"ada@example.org"}],` +
	`"gender":"female","birthDate":"1970-05-17","_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"1970-05-17T14:35:45+01:00"}]},"deceasedBoolean":false,` +
	`"address":[{"use":"home","line":["Example Street 1","Floor 2"],"city":"Example","postalCode":"00000","country":"XX","period":{"start":"2001"}}],` +
	`"maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"Married"}]},"multipleBirthInteger":2,` +
	`"contact":[{"relationship":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0131","code":"N"}]}],"name":{"family":"Example","given":["Bob"]},"telecom":[{"system":"phone","value":"+49 30 0000001"}]}],` +
	`"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"de"}]},"preferred":true}],"generalPractitioner":[{"reference":"Practitioner/gp1"}],"managingOrganization":{"reference":"Organization/o1"}}`

const observation = `{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}]}],` +
	`"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel"}],"text":"Blood pressure"},"subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/e1"},` +
	`"effectiveDateTime":"2026-01-01T10:00:00+01:00","issued":"2026-01-01T10:00:00.123+01:00","component":[` +
	`{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic blood pressure"}]},"valueQuantity":{"value":71.5,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},` +
	`{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic blood pressure"}]},"valueQuantity":{"value":112.0,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`
