package search

import (
	"maps"
	"slices"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// Compartment names one compartment: Patient/123. The zero value is none.
type Compartment struct{ Name, ID string }

// CompartmentTypes lists the resource types that a compartment may hold in alphabetical order; none
// when R4 has no such compartment.
func CompartmentTypes(name string) []string {
	c := definitions.R4().Compartment(name)
	if c == nil {
		return nil
	}
	types := slices.Collect(maps.Keys(c.Types))
	if !slices.Contains(types, name) {
		types = append(types, name)
	}
	slices.Sort(types)
	return types
}

// Compartment is the condition for resources of a type to be in a compartment: one of the
// parameters of the definition refers to its resource, or they are that resource itself. The
// definitions say the latter of some ("{def}"); it holds for all.
//
// The error (not-found) says that there is no such compartment, or that it never holds the type.
// https://hl7.org/fhir/R4/compartmentdefinition.html
func (p *Parameters) Compartment(name, id, typ string) (Expr, error) {
	c := definitions.R4().Compartment(name)
	if c == nil {
		return nil, outcome.New(outcome.NotFound, "FHIR R4 has no compartment %q; expected Patient, Encounter, Practitioner, RelatedPerson or Device.", clip(name))
	}
	codes, ok := c.Types[typ]
	if !ok && typ != name {
		return nil, outcome.New(outcome.NotFound, "The compartment %s holds no resources of the type %q.", name, clip(typ))
	}
	var parts Or
	if typ == name {
		parts = append(parts, Test{Param: p.id, Any: []Criterion{TokenCriterion{Code: id, AnySystem: true}}})
	}
	for _, code := range codes {
		if param := p.Lookup(typ, code); param != nil {
			parts = append(parts, Test{Param: param, Any: []Criterion{ReferenceCriterion{Type: name, ID: id}}})
		}
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return parts, nil
}
