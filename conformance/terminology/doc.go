// Package terminology answers what is in a value set and how codes of a code system relate:
// https://hl7.org/fhir/R4/terminology-service.html
//
// Value sets and code systems come from a [Source]: resources of a server ([ReadValueSet],
// [ReadCodeSystem]), the definitions of R4 ([Embedded]), or one before the other ([First]). A
// [Service] composes value sets by https://hl7.org/fhir/R4/valueset.html#compositions and keeps
// what it composed, as long as nothing that it was composed of has another revision.
//
//	service := terminology.New(terminology.Embedded(), terminology.Limits{})
//	ok, err := service.Contains(ctx, "http://hl7.org/fhir/ValueSet/account-type", actCode, "PBILLACCT")
//	codes, err := service.Expand(ctx, "http://hl7.org/fhir/ValueSet/administrative-gender", 0)
//	below, err := service.Descendants(ctx, actMood, "CRT")
//
// # What is not known
//
// Code systems that no source has (SNOMED CT, LOINC, UCUM …) have no concepts here. Codes of them
// that a value set lists one by one are in it. All codes of such a system, or those that a filter
// selects, cannot be told: the answer is then an error that names the system, never false. Of a
// code system whose content is a fragment or example the listed concepts are known to be in it, of
// others it cannot be told. Where compose cannot be evaluated, a whole expansion that the ValueSet
// carries is taken instead.
//
// Codes are compared as written, but those of a code system that says caseSensitive false without
// case. A supplement has no codes of its own; what it adds to another code system is not used.
package terminology
