package definitions_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kiln/resources/definitions"
)

func TestR4HasEveryDefinition(t *testing.T) {
	d := definitions.R4()
	kinds := map[definitions.Kind]int{}
	for typ := range d.Types {
		kinds[typ.Kind]++
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"resource types", kinds[definitions.KindResource], 148},
		{"complex types", kinds[definitions.KindComplex], 41},
		{"primitive types", kinds[definitions.KindPrimitive], 20},
		{"concrete resource types", len(d.ResourceNames()), 146},
		{"elements", d.Rows(), 7675},
		{"search parameters", len(d.AllSearchParameters()), 1376},
		{"types in the Patient compartment", len(d.Compartment("Patient").Types), 66},
		{"types in the Encounter compartment", len(d.Compartment("Encounter").Types), 25},
		{"types in the Practitioner compartment", len(d.Compartment("Practitioner").Types), 59},
		{"types in the RelatedPerson compartment", len(d.Compartment("RelatedPerson").Types), 32},
		{"types in the Device compartment", len(d.Compartment("Device").Types), 32},
	} {
		if c.got != c.want {
			t.Errorf("%d %s; R4 has %d", c.got, c.what, c.want)
		}
	}
}

func TestConstraints(t *testing.T) {
	d := definitions.R4()
	seen := map[*definitions.Constraint]bool{}
	errors, warnings := 0, 0
	count := func(list []*definitions.Constraint) {
		for _, c := range list {
			if seen[c] {
				continue
			}
			seen[c] = true
			if c.Error {
				errors++
			} else {
				warnings++
			}
		}
	}
	var walk func(typ *definitions.Type)
	walk = func(typ *definitions.Type) {
		count(typ.Constraints)
		for _, e := range typ.Elements {
			count(e.Constraint)
			if e.Content != nil && e.Content.Kind == definitions.KindBackbone && e.Content.Name == e.Path {
				walk(e.Content)
			}
		}
	}
	count(d.Everywhere())
	for typ := range d.Types {
		walk(typ)
	}
	if errors != 781 || warnings != 177 {
		t.Errorf("%d errors and %d warnings are reachable; R4 has 781 and 177", errors, warnings)
	}
}

func TestMember(t *testing.T) {
	observation := definitions.R4().Type("Observation")
	for _, c := range []struct {
		name, element, typ string
		shadow             bool
	}{
		{"status", "Observation.status", "code", false},
		{"_status", "Observation.status", "code", true},
		{"valueQuantity", "Observation.value[x]", "Quantity", false},
		{"_valueString", "Observation.value[x]", "string", true},
		{"component", "Observation.component", "Observation.component", false},
		{"contained", "Observation.contained", "Resource", false},
	} {
		m, ok := observation.Member(c.name)
		if !ok || m.Element.Path != c.element || m.Type.Name != c.typ || m.Shadow != c.shadow {
			t.Errorf("%s means %+v", c.name, m)
		}
	}
	for _, name := range []string{"value", "value[x]", "_valueQuantity", "valueAddress", "Status", "resourceType"} {
		if m, ok := observation.Member(name); ok {
			t.Errorf("%s means %s", name, m.Element.Path)
		}
	}
}

func TestContentReferenceHasTheChildrenOfItsTarget(t *testing.T) {
	d := definitions.R4()
	m, _ := d.Type("Observation.component").Member("referenceRange")
	if m.Type != d.Type("Observation.referenceRange") || !m.Element.List() {
		t.Errorf("Observation.component.referenceRange is %+v", m)
	}
}

func TestReferenceTargets(t *testing.T) {
	subject := definitions.R4().Type("Observation").Element("subject")
	if got := subject.Types[0].Targets; len(got) != 4 || got[0] != "Patient" || got[3] != "Location" {
		t.Errorf("Observation.subject refers to %v", got)
	}
}

func TestType(t *testing.T) {
	d := definitions.R4()
	if !d.Type("Age").Is("Quantity") || !d.Type("Patient").Is("Resource") || d.Type("Patient").Is("Element") {
		t.Error("the bases of Age and Patient are wrong")
	}
	if d.Resource("Resource") != nil || d.Resource("HumanName") != nil || d.Resource("Patient") == nil {
		t.Error("Resource must find concrete resource types only")
	}
}

func TestSearchParameter(t *testing.T) {
	d := definitions.R4()
	p := d.SearchParameter("Observation", "code-value-quantity")
	if p == nil || len(p.Components) != 2 || d.SearchParameterByURL(p.Components[0].URL) == nil {
		t.Fatalf("code-value-quantity is %+v", p)
	}
	if d.SearchParameter("Patient", "_id") == nil || d.SearchParameter("Patient", "nonsense") != nil {
		t.Error("parameters of Resource belong to Patient, and only those that exist")
	}
}

func TestValueSet(t *testing.T) {
	vs := definitions.R4().ValueSet("http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1")
	if vs == nil || !vs.Contains("female") || vs.Contains("Female") || !vs.ContainsCoding("http://hl7.org/fhir/administrative-gender", "other") {
		t.Errorf("administrative-gender is %+v", vs)
	}
	if mime := definitions.R4().ValueSet("http://hl7.org/fhir/ValueSet/mimetypes"); mime == nil || len(mime.Open) != 1 {
		t.Errorf("mimetypes is %+v; want one open code system", mime)
	}
}

// TestTablesAreAsGenerated runs the generator again where its input is present.
func TestTablesAreAsGenerated(t *testing.T) {
	data := filepath.Join("..", "..", "..", "shared", "data", "fhir-r4")
	if _, err := os.Stat(data); err != nil {
		t.Skip("skipped comparing the embedded tables with the definitions: they are not beside the checkout")
	}
	out := t.TempDir()
	if text, err := exec.Command("go", "run", "./generate", "-data", data, "-out", out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	files, _ := filepath.Glob("r4/*")
	if len(files) == 0 {
		t.Fatal("there are no tables")
	}
	for _, name := range files {
		want, _ := os.ReadFile(filepath.Join(out, filepath.Base(name)))
		if got, _ := os.ReadFile(name); string(got) != string(want) {
			t.Errorf("%s is not what go generate makes", name)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for b.Loop() {
		definitions.DecodeR4()
	}
}
