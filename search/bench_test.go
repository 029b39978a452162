package search_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"kiln/search"
	"kiln/search/searchtest"
)

// observation has the shape and size (1.6 KB) of a blood pressure as hospitals send it.
const observation = `{"resourceType":"Observation","id":"4d5b7fbd-3a6f-4b6d-9c7d-2f1c0f0a9e11","meta":{"versionId":"1","lastUpdated":"2024-05-06T07:08:09.123Z","profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-blood-pressure"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel with all children optional"}],"text":"Blood pressure panel with all children optional"},"subject":{"reference":"Patient/0a1f3c5e-0d2b-4c8d-8b4e-5a6f7c8d9e0f"},"encounter":{"reference":"Encounter/5c8d9e0f-3c5e-4c8d-8b4e-0a1f0d2b5a6f"},"effectiveDateTime":"2024-05-06T07:00:00+02:00","issued":"2024-05-06T07:00:00.123+02:00","performer":[{"reference":"Practitioner/7c8d9e0f-3c5e-4c8d-8b4e-0a1f0d2b5a6f","display":"Dr. Ada Lind"}],"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic Blood Pressure"}],"text":"Diastolic Blood Pressure"},"valueQuantity":{"value":81,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic Blood Pressure"}],"text":"Systolic Blood Pressure"},"valueQuantity":{"value":121.50,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`

// patient has the shape of a Patient (1.2 KB).
const patient = `{"resourceType":"Patient","id":"0a1f3c5e-0d2b-4c8d-8b4e-5a6f7c8d9e0f","identifier":[{"system":"urn:oid:1.2.36.146.595.217.0.1","value":"12345","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical Record Number"}],"text":"Medical Record Number"}},{"system":"http://hl7.org/fhir/sid/us-ssn","value":"999-55-1234"}],"active":true,"name":[{"use":"official","family":"Lind","given":["Ada","Märta"],"prefix":["Ms."]},{"use":"maiden","family":"Berg","given":["Ada"]}],"telecom":[{"system":"phone","value":"555-0101","use":"home"},{"system":"email","value":"ada@lind.example"}],"gender":"female","birthDate":"1970-02-28","address":[{"line":["1 High Street"],"city":"Örebro","state":"Närke","postalCode":"70110","country":"SE"}],"maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"Married"}],"text":"Married"},"multipleBirthBoolean":false,"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"sv-SE","display":"Swedish"}],"text":"Swedish"}}],"generalPractitioner":[{"reference":"Practitioner/7c8d9e0f-3c5e-4c8d-8b4e-0a1f0d2b5a6f"}],"managingOrganization":{"reference":"Organization/o1"}}`

func BenchmarkNewParameters(b *testing.B) {
	for b.Loop() {
		newParameters(b)
	}
}

func BenchmarkExtract(b *testing.B) {
	for name, text := range map[string]string{"Observation": observation, "Patient": patient} {
		b.Run(name, func(b *testing.B) {
			p, e := newParameters(b), document(b, text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Extract(context.Background(), e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	p := newParameters(b)
	for _, c := range []struct{ name, typ, query string }{
		{"identifier", "Patient", "identifier=urn:oid:1.2|12345"},
		{"chart", "Observation", "subject=Patient/1&code=http://loinc.org|8480-6&date=ge2024-01-01&_sort=-date&_count=20"},
		{"chained", "Observation", "subject:Patient.name=lind&_include=Observation:subject"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := parse(b, p, c.typ, c.query, search.ParseOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFold(b *testing.B) {
	for name, text := range map[string]string{"folded": "ada lovelace", "ASCII": "Ada Lovelace, Ph.D.", "accents": "Zoë Märta Ångström"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				search.Fold(text)
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	p := newParameters(b)
	r := rand.New(rand.NewPCG(1, 1))
	w, err := searchtest.NewWorld(r, p, 500)
	if err != nil {
		b.Fatal(err)
	}
	q, err := w.Parse("Observation", "code=http://loinc.org|8480-6&date=ge2020&subject:Patient.name=ada")
	if err != nil {
		b.Fatal(err)
	}
	var observations []int
	for i := range w.Resources {
		if w.Resources[i].Type == "Observation" {
			observations = append(observations, i)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := q.Match(context.Background(), w.Resources[observations[i%len(observations)]].Resource, w); err != nil {
			b.Fatal(err)
		}
	}
}
