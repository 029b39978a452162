package validation_test

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"kiln/conformance/validation"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/resources/xmlformat"
)

// validatorCase is a case of HL7's validator, with what that one finds without a profile.
type validatorCase struct {
	Name, File, Module, Content string
	Packages, Supporting        []any
	ValidateContains            string // an option of that validator
	Expected                    struct {
		Errors int
		Issues [][]any
	}
}

// baseModules are those about FHIR itself. The others need more: packages, a terminology server
// (tx), snapshots (logical), or are about other formats and services.
var baseModules = map[string]bool{
	"general": true, "": true, "fmt": true, "bundle": true, "references": true, "extensions": true, "xhtml": true,
	"profile": true, "questionnaire": true, "invariants": true, "security": true, "sd": true,
}

// selected reports whether a case can be judged at the level base.
func (c *validatorCase) selected() bool {
	switch {
	case !baseModules[c.Module], c.Packages != nil, c.ValidateContains == "IGNORE":
		return false
	case strings.HasSuffix(c.File, ".txt"):
		return false // a SMART health link, which has to be fetched
	case c.Module == "questionnaire" && c.Supporting != nil:
		return false // answers are compared with the questionnaire, which is a resource of its own
	}
	return true
}

// beyondBase are errors of HL7's validator that need more than FHIR itself, with what they need.
// They are taken out of what is expected.
var beyondBase = map[string]*regexp.Regexp{
	"a terminology server":           regexp.MustCompile(`^Wrong Display Name|Unknown [Cc]ode|^The value for a filter|Common UCUM Codes for Age`),
	"the definition of an extension": regexp.MustCompile(`^The extension http\S* (could not be found|is not allowed to be used|is unknown)`),
	"a profile":                      regexp.MustCompile(`\(from http://(example\.org|hl7\.org/fhir/test|nrces\.in|hl7\.org/fhir/StructureDefinition/bp\|)|permitted maximum value|in the profile http`),
	"a snapshot":                     regexp.MustCompile(`^Error generating Snapshot|Obligation profiles|obligation profile|different base|^The element at \S+ defines the slicing|^The discriminator path|^Profile http\S+ is for type`),
	"an option that is not set":      regexp.MustCompile(`^Example URLs are not allowed|looks like embedded HTML|appears to be an embedded HTML tag|^When HL7 is publishing|^The operation 'not-in'`),
	"the links of a narrative, for which 4.0.1 has no rule": regexp.MustCompile(`^Hyperlink '`),
}

// caseDifferences are the cases on whose verdict we do not agree, each with its reason. One that
// agrees is an error.
var caseDifferences = map[string]string{
	"references bad-bundle-reference-type-4":                    "Practitioner/x is said to mean the entry urn:uuid:x, which no rule of 4.0.1 says",
	"references relative_reference_to_TYPE_ID.all_fullUrl_UUID": "references of a document that lead out of it are found where bundles are resolved, not here",
	"bundle bundle-with-contained":                              "the same of a message; and a fullUrl that disagrees with the id, as in three official examples",
	"bundle bundle-id-2":                                        "a link relation stands twice, which no rule of 4.0.1 forbids",
	"invariants encounter-period":                               "per-1 compares 2023-06-21 with 2023-06-21T06:20:00Z, which FHIRPath cannot tell apart: empty is not false",
	"profile aggregation-apart-good4":                           "the Encounter has no class, which 4.0.1 requires; that validator was asked about the profile alone",
	"profile aggregation-apart-bad4":                            "the same",
}

func TestValidatorCases(t *testing.T) {
	v := newValidator(t, validation.Options{})
	judged, agreed, asTheyAre, invalid, placed := 0, 0, 0, 0, 0
	for _, line := range lines(t, shared(t, "validation", "cases.ndjson.gz")) {
		var c validatorCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		if !c.selected() {
			continue
		}
		judged++
		ours, theirs := caseErrors(v, &c), c.errors()
		if len(ours) > 0 == (c.Expected.Errors > 0) {
			asTheyAre++
		}
		name, reason := c.Module+" "+c.Name, caseDifferences[c.Module+" "+c.Name]
		switch same := len(ours) > 0 == (len(theirs) > 0); {
		case same && reason != "":
			t.Errorf("%s is listed as a difference and is none", name)
		case same:
			agreed++
			if len(ours) > 0 {
				invalid++
				if c.placed(ours) {
					placed++
				} else {
					t.Logf("%s: we find\n\t%s\nHL7's validator finds\n\t%s", name, strings.Join(ours, "\n\t"), strings.Join(theirs, "\n\t"))
				}
			}
		case reason == "":
			t.Errorf("%s: we find\n\t%s\nHL7's validator finds\n\t%s", name, strings.Join(ours, "\n\t"), strings.Join(theirs, "\n\t"))
		}
	}
	if agreed*100 < judged*95 {
		t.Errorf("we agree on %d of %d", agreed, judged)
	}
	t.Logf("of %d that both find invalid, %d are so at a common place", invalid, placed)
	t.Logf("agree on %d of %d cases; on %d with the errors that need more than FHIR itself", agreed, judged, asTheyAre)
}

// errors are those of HL7's validator that need nothing but FHIR itself.
func (c *validatorCase) errors() []string {
	var texts []string
	for _, issue := range c.Expected.Issues {
		if severity := issue[0]; severity != "error" && severity != "fatal" && c.Expected.Errors < len(c.Expected.Issues) {
			continue
		}
		text, _ := issue[3].(string)
		if !isBeyondBase(text) {
			texts = append(texts, text)
		}
	}
	return texts
}

func isBeyondBase(text string) bool {
	for _, pattern := range beyondBase {
		if pattern.MatchString(text) {
			return true
		}
	}
	return false
}

func caseErrors(v *validation.Validator, c *validatorCase) []string {
	text := []byte(c.Content)
	if strings.HasSuffix(c.File, ".xml") {
		var err error
		if text, err = xmlformat.ToJSON(text); err != nil {
			return []string{err.Error()}
		}
	}
	doc, err := resources.Parse(text)
	if err != nil {
		return []string{err.Error()}
	}
	resource, err := doc.Resource()
	if err != nil {
		return []string{err.Error()}
	}
	var texts []string
	for _, issue := range v.Validate(context.Background(), resource) {
		if issue.Severity == outcome.SeverityError {
			texts = append(texts, strings.Join(issue.Expression, " ")+": "+issue.Diagnostics)
		}
	}
	return texts
}

var nameOfResource = regexp.MustCompile(`/\*.*?\*/`)

// placed reports whether one of our errors is at the place of one of theirs, or at its child: they
// report what is missing at the parent.
func (c *validatorCase) placed(ours []string) bool {
	for _, issue := range c.Expected.Issues {
		path, _ := issue[2].(string)
		path = nameOfResource.ReplaceAllString(path, "")
		for _, text := range ours {
			if found, _, _ := strings.Cut(text, ": "); path != "" && strings.HasPrefix(found, path) {
				return true
			}
		}
	}
	return false
}
