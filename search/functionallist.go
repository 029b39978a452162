package search

import (
	"slices"
	"strings"

	"kiln/resources/outcome"
)

// functionalLists are the lists that R4 names and a server makes up itself, with what is on them by
// type, as a _filter expression: https://hl7.org/fhir/R4/lifecycle.html#current
//
// Problems are conditions that are active, or have come back (which the code system has below active),
// unless refuted or entered in error, and unless they are diagnoses of one encounter that were not put
// on a problem list. Medications are those still being taken. A MedicationRequest is on no list, since
// no parameter of R4 tells those with doNotPerform from the others.
var functionalLists = map[string]map[string]string{
	"$current-problems": {
		"Condition": "(" + conditionClinical + "|active or " + conditionClinical + "|recurrence or " + conditionClinical + "|relapse)" +
			" and not (" + conditionVerification + "|refuted or " + conditionVerification + "|entered-in-error)" +
			" and (" + conditionCategory + "|problem-list-item or not (" + conditionCategory + "|encounter-diagnosis))",
	},
	"$current-medications": {
		"MedicationStatement": "status eq active",
	},
	"$current-allergies": {
		"AllergyIntolerance": currentAllergies,
	},
	"$current-drug-allergies": {
		"AllergyIntolerance": currentAllergies + " and category eq medication",
	},
}

const (
	conditionClinical     = "clinical-status eq http://terminology.hl7.org/CodeSystem/condition-clinical"
	conditionVerification = "verification-status eq http://terminology.hl7.org/CodeSystem/condition-ver-status"
	conditionCategory     = "category eq http://terminology.hl7.org/CodeSystem/condition-category"
	allergyClinical       = "clinical-status eq http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
	allergyVerification   = "verification-status eq http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"

	currentAllergies = allergyClinical + "|active and not (" + allergyVerification + "|refuted or " + allergyVerification + "|entered-in-error)"
)

// functionalList lowers "$current-problems" and the like on a type. With a problem noted the result
// means nothing.
func (x *parser) functionalList(typ, name string) Expr {
	expression, ok := functionalLists[name][typ]
	if !ok {
		x.problem(outcome.NotSupported, "The functional list %q is none of %s; %s", clip(name), orAll(typ), validLists(typ))
		return Nothing{}
	}
	return x.filterExpression(typ, expression, 0)
}

func orAll(typ string) string {
	if typ == "" {
		return "all resource types"
	}
	return typ
}

// validLists names the lists of a type, or of all where it has none.
func validLists(typ string) string {
	var own, all []string
	for name, by := range functionalLists {
		for of := range by {
			all = append(all, name+" of "+of)
			if of == typ {
				own = append(own, name)
			}
		}
	}
	names := all
	if own != nil {
		names = own
	}
	slices.Sort(names)
	return "valid are " + strings.Join(names, ", ") + ", and the id of a List, as in _list=42."
}
