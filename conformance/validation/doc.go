// Package validation checks resources against FHIR R4 itself, without profiles: the level `base`
// of docs/validation.md. https://hl7.org/fhir/R4/validation.html
//
// One walk over the document asks the element table about every member (is it known, may it
// repeat, has it the right JSON form, is its text a value of its type, is its code in the value
// set that is required, may it refer to what it refers to), and at the end of every object the
// invariants that hold there. All problems come in one list, each with its FHIRPath location and
// its line and column.
//
//	v, err := validation.New(validation.Options{})
//	patient, err := doc.Resource()
//	for _, issue := range v.Validate(ctx, patient) {
//		fmt.Println(issue.Severity, issue.Expression, issue.Diagnostics)
//	}
//
// What a type demands is worked out once, in a plan (plan.go). Invariants are FHIRPath, compiled
// once (invariant.go); those that hold on every element, reference or resource are written in Go
// beside the rule they belong to, and a test proves them equal to the FHIRPath of the
// specification. Those that only ask which elements are there are evaluated once for each
// combination and remembered.
//
// Answers are compared with their Questionnaire (answers.go) and reports with their Measure
// (measurereport.go), which Options.Definition supplies.
//
// Nothing else is fetched, and nothing about the content is kept after Validate returns.
package validation
