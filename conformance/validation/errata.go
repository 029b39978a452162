package validation

// erratum is an invariant that 4.0.1 has wrong, and what is evaluated instead. docs/gotchas.md
// and docs/validation.md list them.
type erratum struct {
	expression string
	reason     string
}

var errata = map[string]erratum{
	"app-4": {
		"cancelationReason.exists() implies (status = 'noshow' or status = 'cancelled')",
		"says 'no-show'; the code is noshow",
	},
	"con-3": {
		"clinicalStatus.exists() or verificationStatus.coding.where(system = 'http://terminology.hl7.org/CodeSystem/condition-ver-status' and code = 'entered-in-error').exists()" +
			" or category.coding.where(system = 'http://terminology.hl7.org/CodeSystem/condition-category' and code = 'problem-list-item').empty()",
		"compares a CodeableConcept with a string, and asks whether the list of answers is empty, not whether one is true",
	},
	"que-7": {
		"operator = 'exists' implies (answer is boolean)",
		"says Boolean, the type of FHIRPath; the value is a boolean, the type of FHIR",
	},
	"tim-9": {
		"offset.empty() or (when.exists() and when.where($this in ('C' | 'CM' | 'CD' | 'CV')).empty())",
		"asks whether a list is in a list, which is an error as soon as there are two",
	},
}
