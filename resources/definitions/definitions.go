// Package definitions holds the FHIR R4 (4.0.1) definitions as tables: types and
// their elements, invariants, search parameters, compartments and the codes of
// required bindings.
//
// The tables under r4/ are derived by go generate from the official package
// hl7.fhir.r4.core 4.0.1 (CC0-1.0) and embedded; [R4] decodes them once, in a
// few milliseconds. Everything here is read-only and safe for concurrent use.
//
//	patient := definitions.R4().Type("Patient")
//	birthDate, _ := patient.Member("birthDate")
//	fmt.Println(birthDate.Type.Name) // date
package definitions

import (
	"sync"
)

//go:generate go run ./generate -data ../../../shared/data/fhir-r4 -out r4

// Version is the version of FHIR that the tables describe.
const Version = "4.0.1"

// Definitions is one set of definition tables.
type Definitions struct {
	types       map[string]*Type
	resources   []string
	constraints map[string][]*Constraint // by "structure path"
	parameters  []*SearchParameter
	byType      map[string][]*SearchParameter
	byCode      map[parameterKey]*SearchParameter
	byURL       map[string]*SearchParameter
	compartment map[string]*Compartment
	valueSets   map[string]*ValueSet
	rows        int
}

// Rows is the number of rows of the element table.
func (d *Definitions) Rows() int { return d.rows }

// R4 returns the embedded tables, decoding them on first use.
var R4 = sync.OnceValue(decodeR4)

// Type returns the type named name ("Patient", "HumanName", "code", or the path of a
// backbone element such as "Patient.contact"), nil if R4 has none.
func (d *Definitions) Type(name string) *Type { return d.types[name] }

// Resource returns the concrete resource type named name, nil if R4 has none.
func (d *Definitions) Resource(name string) *Type {
	if t := d.types[name]; t != nil && t.Kind == KindResource && !t.Abstract {
		return t
	}
	return nil
}

// ResourceNames lists the 146 concrete resource types in alphabetical order. The
// slice is shared and must not be changed.
func (d *Definitions) ResourceNames() []string { return d.resources }

// Types calls yield for every named type (not backbone elements), in no fixed order.
func (d *Definitions) Types(yield func(*Type) bool) {
	for _, t := range d.types {
		if t.Kind != KindBackbone && !yield(t) {
			return
		}
	}
}
