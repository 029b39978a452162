package search_test

import (
	"fmt"
	"testing"
)

func TestFunctionalLists(t *testing.T) {
	concept := func(element, system, code string) string {
		return fmt.Sprintf(`,%q:{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/%s","code":%q}]}`, element, system, code)
	}
	category := func(code string) string {
		return fmt.Sprintf(`,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":%q}]}]`, code)
	}
	clinical := func(code string) string { return concept("clinicalStatus", "condition-clinical", code) }
	verified := func(code string) string { return concept("verificationStatus", "condition-ver-status", code) }
	allergy := func(code, verification, category string) string {
		return concept("clinicalStatus", "allergyintolerance-clinical", code) + concept("verificationStatus", "allergyintolerance-verification", verification) + `,"category":["` + category + `"]`
	}
	condition := func(id, rest string) string {
		return fmt.Sprintf(`{"resourceType":"Condition","id":%q,"subject":{"reference":"Patient/p"}%s}`, id, rest)
	}
	w := worldOf(t,
		`{"resourceType":"Patient","id":"p"}`, `{"resourceType":"Patient","id":"q"}`,
		`{"resourceType":"List","id":"l","status":"current","mode":"working","entry":[{"item":{"reference":"Condition/resolved"}}]}`,
		condition("active", clinical("active")+verified("confirmed")+category("problem-list-item")),
		condition("recurrence", clinical("recurrence")), condition("relapse", clinical("relapse")+verified("provisional")),
		condition("both", clinical("active")+`,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis"},{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}]}]`),
		condition("encounter", clinical("active")+category("encounter-diagnosis")),
		condition("refuted", clinical("active")+verified("refuted")), condition("error", clinical("active")+verified("entered-in-error")),
		condition("resolved", clinical("resolved")), condition("remission", clinical("remission")), condition("inactive", clinical("inactive")), condition("none", ""),
		`{"resourceType":"AllergyIntolerance","id":"drug"`+allergy("active", "confirmed", "medication")+`}`,
		`{"resourceType":"AllergyIntolerance","id":"food"`+allergy("active", "unconfirmed", "food")+`}`,
		`{"resourceType":"AllergyIntolerance","id":"over"`+allergy("resolved", "confirmed", "medication")+`}`,
		`{"resourceType":"AllergyIntolerance","id":"wrong"`+allergy("active", "refuted", "medication")+`}`,
		`{"resourceType":"MedicationStatement","id":"taken","status":"active"}`, `{"resourceType":"MedicationStatement","id":"hold","status":"on-hold"}`,
	)
	for _, c := range []struct{ typ, query, want string }{
		{"Condition", "_list=$current-problems", "active recurrence relapse both"},
		{"Condition", "_list=$current-problems&verification-status=confirmed", "active"},
		{"Condition", "_list=l,$current-problems", "active recurrence relapse both resolved"},
		{"AllergyIntolerance", "_list=$current-allergies", "drug food"},
		{"AllergyIntolerance", "_list=$current-drug-allergies", "drug"},
		{"MedicationStatement", "_list=$current-medications", "taken"},
		{"Patient", "_has:Condition:subject:_list=$current-problems", "p"},
	} {
		finds(t, w, c.typ, c.query, c.want)
	}
}
