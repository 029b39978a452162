package validation_test

import (
	"context"
	"encoding/json"
	"regexp"
	"testing"

	"kiln/conformance/validation"
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// keyOf finds the invariant that an issue speaks of.
var keyOf = regexp.MustCompile(`\(([a-z]+-[0-9]+[a-z]?)[:)]`)

func element(t testing.TB, text []byte) resources.Element {
	t.Helper()
	doc, err := resources.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	e, err := doc.Resource()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newValidator(t testing.TB, o validation.Options) *validation.Validator {
	t.Helper()
	v, err := validation.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// oracleDifferences are where we do not agree, each with its reason. One that no longer differs is
// an error.
var oracleDifferences = map[string]string{
	// The rule is empty for an entry without fullUrl. Empty is no false: nothing is known to be wrong.
	"Bundle-bundle-search-warning.json bdl-8":         "empty",
	"Bundle-bundle-response.json bdl-8":               "empty",
	"Bundle-bundle-response-simplesummary.json bdl-8": "empty",
	"Bundle-bundle-response-medsallergies.json bdl-8": "empty",
	"Bundle-bundle-request-medsallergies.json bdl-8":  "empty",
	// The same for a prediction without probability.
	"RiskAssessment-prognosis.json ras-2": "empty",
	// The oracle takes `as` on a list for an error. The example is broken on purpose.
	"ftc-patient-container-example.json dom-3": "error of the oracle",
}

// TestInvariantOracle compares which invariants of a resource's type are false with another engine.
func TestInvariantOracle(t *testing.T) {
	type key struct{ file, name string }
	notTrue := map[key]map[string]bool{}
	for _, line := range lines(t, shared(t, "suites", "invariant-oracle", "invariants.ndjson.gz")) {
		var row struct {
			File, Name string
			NotTrue    [][]any
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		keys := map[string]bool{}
		for _, r := range row.NotTrue {
			if r[3] == false { // null is unknown, and a text is an error of that engine
				keys[r[0].(string)] = true
			}
		}
		notTrue[key{row.File, row.Name}] = keys
	}
	v := newValidator(t, validation.Options{MaxIssues: 10_000})
	compared, differences := 0, map[string]bool{}
	for file, examples := range exampleFiles(t) {
		for _, example := range examples {
			want, ok := notTrue[key{file, example.name}]
			if !ok {
				continue
			}
			compared++
			resource := element(t, example.text)
			got := falseKeys(t, v, resource)
			for k := range keysOf(resource.Type()) {
				if got[k] != want[k] {
					differences[example.name+" "+k] = true
				}
			}
		}
	}
	for d := range differences {
		if oracleDifferences[d] == "" {
			t.Errorf("%s: we and the oracle differ", d)
		}
	}
	for d := range oracleDifferences {
		if !differences[d] {
			t.Errorf("%s is listed as a difference and is none", d)
		}
	}
	t.Logf("compared the invariants of %d resources; %d differ", compared, len(differences))
}

// falseKeys are the invariants that Validate finds broken.
func falseKeys(t testing.TB, v *validation.Validator, resource resources.Element) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	for _, issue := range v.Validate(context.Background(), resource) {
		for _, match := range keyOf.FindAllStringSubmatch(issue.Diagnostics, -1) {
			keys[match[1]] = true
		}
		if issue.Code == outcome.TooCostly || issue.Code == outcome.Processing {
			t.Errorf("%s: %s", issue.Expression, issue.Diagnostics)
		}
	}
	return keys
}

// keysOf are the invariants on a resource type and its backbone elements.
func keysOf(t *definitions.Type) map[string]bool {
	keys := map[string]bool{}
	var walk func(t *definitions.Type)
	walk = func(t *definitions.Type) {
		for _, c := range t.Constraints {
			keys[c.Key] = true
		}
		for _, e := range t.Elements {
			for _, c := range e.Constraint {
				keys[c.Key] = true
			}
			if e.Content != nil && e.Content.Name == e.Path {
				walk(e.Content)
			}
		}
	}
	walk(t)
	return keys
}
