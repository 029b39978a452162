package definitions_test

import (
	"slices"
	"testing"

	"kiln/resources/definitions"
)

func TestTerminologyHasEveryDefinition(t *testing.T) {
	terms := definitions.R4Terminology()
	systems, concepts, valueSets, includes, excludes := 0, 0, 0, 0, 0
	for cs := range terms.CodeSystems {
		systems++
		concepts += len(cs.Concepts)
	}
	for vs := range terms.ValueSets {
		valueSets++
		includes += len(vs.Include)
		excludes += len(vs.Exclude)
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"code systems", systems, 1064},
		{"concepts, those of DICOM left out", concepts, 20_790 - 3_156},
		{"value sets", valueSets, 1317},
	} {
		if c.got != c.want {
			t.Errorf("%d %s; R4 has %d", c.got, c.what, c.want)
		}
	}
	if includes < 1317 || excludes < 23 {
		t.Errorf("%d includes and %d excludes", includes, excludes)
	}
}

func TestCodeSystemHasItsHierarchy(t *testing.T) {
	cs := definitions.R4Terminology().CodeSystem("http://terminology.hl7.org/CodeSystem/v3-ActMood")
	if cs == nil || cs.HierarchyMeaning != "is-a" || !cs.CaseSensitive || cs.Content != "complete" {
		t.Fatalf("v3-ActMood is %+v", cs)
	}
	i := slices.IndexFunc(cs.Concepts, func(c definitions.CodeSystemConcept) bool { return c.Code == "EVN.CRT" })
	if i < 0 || len(cs.Concepts[i].Parents) != 1 || cs.Concepts[cs.Concepts[i].Parents[0]].Code != "CRT" {
		t.Errorf("EVN.CRT is not right below CRT in %+v", cs.Concepts)
	}
}

func TestCodesOfOthersAreLeftOut(t *testing.T) {
	dicom := definitions.R4Terminology().CodeSystem("http://dicom.nema.org/resources/ontology/DCM")
	if dicom == nil || dicom.Content != "not-present" || len(dicom.Concepts) != 0 {
		t.Errorf("DICOM is %+v", dicom)
	}
}

func TestValueSetIsAsComposed(t *testing.T) {
	vs := definitions.R4Terminology().ValueSet("http://hl7.org/fhir/ValueSet/account-type")
	if vs == nil || len(vs.Include) != 1 || len(vs.Include[0].Filters) != 1 || vs.Include[0].Filters[0] != (definitions.ValueSetFilter{Property: "concept", Op: "is-a", Value: "_ActAccountCode"}) {
		t.Errorf("account-type is %+v", vs)
	}
}

func BenchmarkDecodeTerminology(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		definitions.DecodeTerminology()
	}
}
