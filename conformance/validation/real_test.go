package validation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"kiln/conformance/validation"
	"kiln/resources"
	"kiln/resources/outcome"
)

// TestSyntheaHasNoErrors validates 30 transaction bundles, whole and each of their resources, and
// a bulk export.
func TestSyntheaHasNoErrors(t *testing.T) {
	v := newValidator(t, validation.Options{})
	count, noted := 0, map[string]int{}
	check := func(name string, text []byte) {
		count++
		for _, issue := range v.Validate(context.Background(), element(t, text)) {
			if issue.Severity == outcome.SeverityError {
				t.Errorf("%s %s: %s", name, issue.Expression, issue.Diagnostics)
				continue
			}
			if issue.Severity == outcome.SeverityWarning {
				noted[issue.Diagnostics]++
			}
		}
	}
	bundles, err := filepath.Glob(filepath.Join(shared(t, "synthea"), "*.json.gz"))
	if err != nil || len(bundles) == 0 {
		t.Fatal("no bundles", err)
	}
	for _, path := range bundles {
		text := contents(t, path)
		check(filepath.Base(path), text)
		doc := element(t, text).Document()
		for entry := range doc.Children(doc.Member(0, "entry")) {
			check(filepath.Base(path), doc.Raw(doc.Member(entry, "resource")))
		}
	}
	bulk, err := filepath.Glob(filepath.Join(shared(t, "synthea", "bulk-10"), "*.ndjson*"))
	if err != nil || len(bulk) == 0 {
		t.Fatal("no bulk files", err)
	}
	for _, path := range bulk {
		for i, line := range lines(t, path) {
			check(fmt.Sprintf("%s:%d", filepath.Base(path), i), line)
		}
	}
	t.Logf("%d resources; warnings and their number: %v", count, noted)
}

// primitiveNames are the names that google/fhir has for the primitives, and an element to put
// them in.
var primitiveNames = map[string]string{
	"base64_binary": "valueBase64Binary", "boolean": "valueBoolean", "canonical": "valueCanonical", "code": "valueCode", "date": "valueDate",
	"date_time": "valueDateTime", "decimal": "valueDecimal", "id": "valueId", "instant": "valueInstant", "integer": "valueInteger",
	"markdown": "valueMarkdown", "oid": "valueOid", "positive_int": "valuePositiveInt", "string": "valueString", "time": "valueTime",
	"unsigned_int": "valueUnsignedInt", "uri": "valueUri", "url": "valueUrl", "reference": "valueReference",
}

// primitiveDifferences are the values that we judge differently, each with its reason.
var primitiveDifferences = map[string]string{
	`xhtml ""`: "google/fhir does not look into narratives; an empty string is no value in FHIR's JSON",
}

// TestPrimitives judges the primitive values of google/fhir's own tests. There, null means a
// value that is not there; in JSON such a member is left out.
func TestPrimitives(t *testing.T) {
	v := newValidator(t, validation.Options{})
	judged := 0
	for i, line := range lines(t, shared(t, "validation", "primitives.tsv")) {
		cells := strings.Split(string(line), "\t")
		if i == 1 || cells[2] == "null" {
			continue
		}
		text := fmt.Sprintf(`{"resourceType":"Basic","code":{"text":"x"},"extension":[{"url":"urn:x",%q:%s}]}`, primitiveNames[cells[0]], cells[2])
		if cells[0] == "xhtml" {
			text = fmt.Sprintf(`{"resourceType":"Basic","code":{"text":"x"},"text":{"status":"generated","div":%s}}`, cells[2])
		}
		verdict := "valid"
		if doc, err := resources.Parse([]byte(text)); err != nil {
			verdict = "invalid"
		} else if resource, err := doc.Resource(); err != nil || v.Check(context.Background(), resource) != nil {
			verdict = "invalid"
		}
		judged++
		name := cells[0] + " " + cells[2]
		if listed := primitiveDifferences[name] != ""; (verdict != cells[1]) != listed {
			t.Errorf("%s is %s; google/fhir finds it %s", name, verdict, cells[1])
		}
	}
	t.Logf("judged %d values", judged)
}

// badElsewhere are what microsoft/fhir-server's tests call bad or what is bad in them by 4.0.1,
// with the begin of the issue that says so.
var badElsewhere = map[string]string{
	"Normative/Bundle-BatchWithInvalidEleEnums.json":  "error structure 28:28 Bundle.entry[0].resource.gender1: Patient has no element \"gender1\"; did you mean \"gender\"?",
	"Normative/Bundle-InvalidBundleType.json":         "error code-invalid 3:13 Bundle.type: \"invalid-type\" is no code of",
	"Normative/Bundle-TypeMissing.json":               "error required 1:1 Bundle.type: The element type is required here.",
	"Normative/PatientMissingResourceType.json":       "line 2, column 21: \"\" is not a resource type of FHIR R4.",
	"Normative/PatientWithUnknownElements.json":       "error structure 14:14 Patient.name1: Patient has no element \"name1\"; did you mean \"name\"?",
	"Normative/ProvenanceHeader.json":                 "error required 1:1 Provenance.target: The element target is required here.",
	"Normative/SearchParameterInvalidBase.json":       "error code-invalid 37:15 SearchParameter.base[0]: \"foo\" is no code of",
	"Normative/SearchParameterMissingBase.json":       "error structure 37:13 SearchParameter.base: The array \"base\" is empty",
	"Normative/SearchParameterMissingExpression.json": "error value 39:19 SearchParameter.expression: The string is empty",
	"Normative/SearchParameterMissingType.json":       "error value 38:13 SearchParameter.type: The string is empty",
	"Normative/SearchDataBatch.json":                  "error structure 60:40 Bundle.entry[1].resource.generalPractitioner: The element generalPractitioner may repeat",
	"Normative/WeightInGrams.json":                    "error required 3:13 Observation.text.div: The element div is required here.",
	"R4/SmartCommon.json":                             "error value 186:20 Bundle.entry[5].resource.subject[0].reference: ",
	"R4/ValidCompartmentDefinition.json":              "error invariant 16:28 Bundle.entry[0].resource.text.div: The div of the narrative must say xmlns",
}

func TestResourcesOfAnotherServer(t *testing.T) {
	v := newValidator(t, validation.Options{})
	seen := 0
	for _, line := range lines(t, shared(t, "suites", "ms-fhir-server", "files.ndjson.gz")) {
		var file struct{ Name, Content string }
		if err := json.Unmarshal(line, &file); err != nil {
			t.Fatal(err)
		}
		if want, ok := badElsewhere[file.Name]; ok {
			seen++
			if got := found(v, []byte(file.Content)); !strings.Contains("\n"+got, "\n"+want) {
				t.Errorf("%s has the issues\n%sexpected\n%s", file.Name, got, want)
			}
		}
	}
	if seen != len(badElsewhere) {
		t.Errorf("judged %d of %d", seen, len(badElsewhere))
	}
}
