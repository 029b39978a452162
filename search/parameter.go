package search

import (
	"slices"

	"kiln/fhirpath"
	"kiln/resources/definitions"
)

// Parameter is one compiled search parameter of one resource type. Parameters of Resource and
// DomainResource are shared by all types. Two parameters are the same when their pointers are.
type Parameter struct {
	Code       string
	Type       ParameterType
	Base       string   // the type name it is defined on: "Patient", or "Resource" for those all have
	Targets    []string // types that a reference may point to; none or "Resource" is any
	Definition *definitions.SearchParameter
	Components []ComponentParameter // of a composite

	// An expression is read as selectors, which share one walk over the resource; what they cannot
	// say is left to FHIRPath. Both are empty where the engine itself knows the value (_id,
	// _lastUpdated).
	selectors  []*selector
	expression *fhirpath.Expression
	implied    []impliedSystem
	identifies bool // some selector leads to an Identifier
	canonical  bool // some selector of a reference leads to a canonical

	custom *Custom // that defines it; nil of R4's own
}

// ComponentParameter is one part of a composite parameter.
type ComponentParameter struct {
	Code string
	Type ParameterType

	selectors []*selector // relative to the element of the composite
	root      []*selector // relative to the resource
}

// ParameterType is one of the nine search parameter types:
// https://hl7.org/fhir/R4/valueset-search-param-type.html
type ParameterType uint8

// The parameter types.
const (
	TypeNumber ParameterType = iota
	TypeDate
	TypeString
	TypeToken
	TypeReference
	TypeComposite
	TypeQuantity
	TypeURI
	TypeSpecial
)

var parameterTypes = [...]string{"number", "date", "string", "token", "reference", "composite", "quantity", "uri", "special"}

// String is the code of the type, such as "number".
func (t ParameterType) String() string { return parameterTypes[t] }

func parameterType(code string) (ParameterType, bool) {
	for t, name := range parameterTypes {
		if name == code {
			return ParameterType(t), true
		}
	}
	return 0, false
}

// Refers reports whether the parameter may point to resources of the type.
func (p *Parameter) Refers(typ string) bool {
	return p.Type == TypeReference && (p.RefersToAny() || slices.Contains(p.Targets, typ))
}

// RefersToAny reports whether the parameter may point to resources of every type.
func (p *Parameter) RefersToAny() bool {
	return len(p.Targets) == 0 || slices.Contains(p.Targets, "Resource")
}
