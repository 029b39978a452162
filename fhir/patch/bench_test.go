package patch_test

import (
	"strings"
	"testing"

	"kiln/fhir/patch"
)

// BenchmarkApply changes one element of a small resource by each kind of patch.
func BenchmarkApply(b *testing.B) {
	for _, c := range []struct {
		name string
		kind patch.Kind
		body string
	}{
		{"JSON", patch.JSON, `[{"op":"replace","path":"/name/0/family","value":"Berg"}]`},
		{"Merge", patch.Merge, `{"gender":"female"}`},
		{"XML", patch.XML, diff(`<replace sel="f:Patient/f:name[1]/f:family/@value">Berg</replace>`)},
		{"FHIRPath", patch.FHIRPath, operation("replace", "Patient.name[0].family", "value", `"valueString":"Berg"`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			target := document(b, patient)
			b.ReportAllocs()
			for b.Loop() {
				p, err := patch.Parse(c.kind, []byte(c.body))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := p.Apply(b.Context(), target); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHostile applies patches that are made to be slow; none may take longer than the
// bounds of work allow, well below a second each.
func BenchmarkHostile(b *testing.B) {
	list := func(item string, n int) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	long := `{"resourceType":"Patient","name":[` + list(`{"family":"a"}`, 20_000) + `]}`
	for _, c := range []struct {
		name   string
		kind   patch.Kind
		body   string
		target string
	}{
		{"JSONInsertAtFront", patch.JSON, "[" + list(`{"op":"add","path":"/name/0","value":{}}`, patch.MaxOperations) + "]", long},
		{"JSONMove", patch.JSON, "[" + list(`{"op":"move","from":"/name/0","path":"/name/-"}`, patch.MaxOperations) + "]", long},
		{"JSONTest", patch.JSON, "[" + list(`{"op":"copy","from":"/name","path":"/a"},{"op":"test","path":"/a","value":[]}`, patch.MaxOperations/2) + "]", long},
		{"JSONCopy", patch.JSON, "[" + list(`{"op":"copy","from":"/name","path":"/x/-"}`, patch.MaxOperations) + "]", strings.Replace(long, `{`, `{"x":[],`, 1)},
		{"Merge", patch.Merge, `{"x":` + strings.Repeat(`{"x":`, 50) + "1" + strings.Repeat("}", 50) + `}`, patient},
		{"XMLSelect", patch.XML, diff(strings.Repeat(`<replace sel="*/*[f:family='b' ]">x</replace>`, patch.MaxOperations)), long},
		{"XMLReplace", patch.XML, diff(strings.Repeat(`<replace sel="f:Patient/f:name[20000]/f:family/@value">x</replace>`, patch.MaxOperations)), long},
		{"FHIRPathInsert", patch.FHIRPath, `{"resourceType":"Parameters","parameter":[` + list(strings.TrimSuffix(strings.TrimPrefix(operation("insert", "Patient.name", "index", `"valueInteger":0`, "value", `"valueHumanName":{"text":"A"}`), `{"resourceType":"Parameters","parameter":[`), `]}`), patch.MaxOperations) + `]}`, long},
		{"FHIRPathParts", patch.FHIRPath, operation("add", "Patient", "name", `"valueString":"contact"`, "value", `"part":[`+list(`{"name":"telecom","valueContactPoint":{"value":"1"}}`, 100_000)+`]`), long},
	} {
		b.Run(c.name, func(b *testing.B) {
			target := document(b, c.target)
			for b.Loop() {
				p, err := patch.Parse(c.kind, []byte(c.body))
				if err != nil {
					b.Fatal(err)
				}
				_, err = p.Apply(b.Context(), target)
				if b.N == 1 {
					b.Logf("%v", err)
				}
			}
		})
	}
}
