package search

import (
	"kiln/fhirpath"
	"kiln/resources/definitions"
)

// Parameter is one compiled search parameter of one resource type. Parameters of Resource and
// DomainResource are shared by all types. Two parameters are the same when their pointers are.
type Parameter struct {
	Code       string
	Type       ParameterType
	Base       string // the type name it is defined on: "Patient", or "Resource" for those all have
	Targets    []string
	Definition *definitions.SearchParameter
	Components []ComponentParameter // of a composite

	expression *fhirpath.Expression // nil where the engine itself knows the value (_id, _lastUpdated)
}

// ComponentParameter is one part of a composite parameter.
type ComponentParameter struct {
	Code       string
	Type       ParameterType
	expression *fhirpath.Expression
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
