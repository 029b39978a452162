package resources_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"kiln/resources"
)

// samplePatient is an invented patient of about 2 KB.
func samplePatient() []byte {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Patient","id":"p1","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000Z"},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Ada Example</div>"},"extension":[`)
	for i := range 4 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"url":"http://example.org/fhir/StructureDefinition/extension-%d","valueCodeableConcept":{"coding":[{"system":"http://example.org/codes","code":"c%d","display":"Display %d"}],"text":"Text"}}`, i, i, i)
	}
	b.WriteString(`],"identifier":[{"use":"official","system":"http://hospital.example/mrn","value":"12345678"},{"system":"urn:oid:1.2.3.4","value":"x"}],"active":true,"name":[{"use":"official","family":"Example","given":["Ada","Bea"],"prefix":["Dr."]}],"telecom":[{"system":"phone","value":"+1 555 0100","use":"home"},{"system":"email","value":"ada@example.org"}],"gender":"female","birthDate":"1970-05-12","deceasedBoolean":false,"address":[{"line":["1 Example Street"],"city":"Exampleton","state":"EX","postalCode":"00001","country":"XX","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/geolocation","extension":[{"url":"latitude","valueDecimal":42.3250},{"url":"longitude","valueDecimal":-71.0875}]}]}],"maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M"}]},"multipleBirthBoolean":false,"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"en"}]},"preferred":true}]}`)
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	patient := samplePatient()
	bundle := []byte(`{"resourceType":"Bundle","entry":[{"resource":` + strings.Repeat(string(patient)+`},{"resource":`, 500) + string(patient) + `}]}`)
	for _, c := range []struct {
		name string
		src  []byte
	}{{"Patient", patient}, {"Bundle", bundle}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := resources.Parse(c.src); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"EncodingJSON", func(b *testing.B) {
			b.SetBytes(int64(len(c.src)))
			b.ReportAllocs()
			for b.Loop() {
				var v any
				if err := json.Unmarshal(c.src, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkStamp(b *testing.B) {
	doc := parse(b, string(samplePatient()))
	b.ReportAllocs()
	for b.Loop() {
		doc.Stamp("p2").Bytes(2, moment)
	}
}
