package validation

import "strings"

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

// mayBeEmpty tells of which invariants the empty result is no reason to report them.
//
// The specification does not say what a rule that is neither true nor false means. For most it is
// that something is not there which should be: "code.exists() or abstract = true" without either.
func mayBeEmpty(key string) bool {
	return emptyIsFine[key] != "" || strings.HasSuffix(key, "-0") // the name, if there is one
}

var emptyIsFine = map[string]string{
	"bdl-8": "empty without a fullUrl",
	"md-1":  "empty without a maximum",
	"mdd-1": "empty where two times cannot be told apart, since one is written with less precision",
	"per-1": "the same: 2026-01-01 to 2026-01-01T10:00:00Z",
	"ras-2": "empty without a probability",
	"rng-2": "empty where units cannot be compared",
}
