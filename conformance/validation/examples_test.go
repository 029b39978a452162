package validation_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"kiln/conformance/validation"
	"kiln/resources/outcome"
)

type example struct {
	name string
	text []byte
}

// exampleFiles reads the official examples, by the name of their file.
func exampleFiles(t testing.TB) map[string][]example {
	t.Helper()
	files := map[string][]example{}
	for _, file := range []string{"r4-spec", "us-core-3.1.1", "us-core-6.1.0", "ips-1.1.0"} {
		var names []string
		for i, line := range lines(t, shared(t, "examples", file+".index.tsv")) {
			if i > 1 {
				names = append(names, strings.Split(string(line), "\t")[1])
			}
		}
		for i, line := range lines(t, shared(t, "examples", file+".ndjson.gz")) {
			files[file] = append(files[file], example{names[i-1], line})
		}
	}
	return files
}

// broken are the official examples that break a rule of 4.0.1, with the errors they have.
var broken = map[string][]string{
	// Its narrative is white space.
	"ActivityDefinition-blood-tubes-supply.json": {
		"ActivityDefinition.text.div: The narrative has nothing to see in it: it needs text or an image. (txt-2)",
	},
	// The same, in a pre element.
	"Questionnaire-zika-virus-exposure-assessment.json": {
		"Questionnaire.text.div: The narrative has nothing to see in it: it needs text or an image. (txt-2)",
	},
	// References to types that the element does not have as targets.
	"DeviceMetric-example.json": {
		"DeviceMetric.parent.reference: The element parent refers to Device; found DeviceDefinition.",
	},
	"DeviceUseStatement-example.json": {
		"DeviceUseStatement.reasonReference[0].reference: The element reasonReference refers to Condition, Observation, DiagnosticReport, DocumentReference or Media; found Procedure.",
	},
	"MedicationRequest-medrx0301.json": {
		"MedicationRequest.dispenseRequest.performer.reference: The element performer refers to Organization; found Practitioner.",
	},
	// Broken on purpose: the reference lacks its #, so nothing refers to what is contained.
	"ftc-patient-container-example.json": {
		"Patient.contained[0]: An organization has an identifier or a name. (org-1: (identifier.count() + name.count()) > 0)",
		"Patient.contained[0]: Nothing refers to this contained resource (\"#1\"), and it does not refer to its container (\"#\") either (dom-3).",
		"Patient.managingOrganization.reference: \"1\" is no reference: \"1\" is not a resource type of FHIR R4; expected Type/id, an absolute URL or #id.",
	},
}

func TestOfficialExamples(t *testing.T) {
	files, definitions := exampleFiles(t), library{}
	for _, examples := range files {
		for _, e := range examples {
			definitions.add(e.text)
		}
	}
	v := newValidator(t, validation.Options{MaxIssues: 10_000, Definition: definitions.definition})
	count := 0
	for file, examples := range files {
		for _, e := range examples {
			count++
			var found []string
			for _, issue := range v.Validate(context.Background(), element(t, e.text)) {
				if issue.Severity == outcome.SeverityError {
					found = append(found, issue.Expression[0]+": "+issue.Diagnostics)
				}
			}
			if !slices.Equal(found, broken[e.name]) {
				t.Errorf("%s %s has the errors\n%s\nexpected\n%s", file, e.name, strings.Join(found, "\n"), strings.Join(broken[e.name], "\n"))
			}
		}
	}
	t.Logf("%d examples, of which %d are broken", count, len(broken))
}
