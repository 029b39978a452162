// Package fhirpath compiles and evaluates FHIRPath (N1, http://hl7.org/fhirpath/N1/) as FHIR R4
// uses it (https://hl7.org/fhir/R4/fhirpath.html).
package fhirpath

// Expression is a compiled FHIRPath expression, safe for concurrent use.
type Expression struct{}
