package validation_test

import (
	"context"
	"encoding/json"
	"fmt"
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
	Logical                     struct{ Packages []any }
	ValidateContains            string `json:"validateContains"` // an option of that validator
	AllowComments               bool   `json:"allow-comments"`   // another
	Expected                    *struct {
		Errors int
		Issues [][]any
	}
}

const (
	packages    = "packages"
	terminology = "a terminology server"
)

// needs says what a case needs that the level base does not have, by what its row says; empty for
// a case that is judged.
func (c *validatorCase) needs(supporting map[string]string) string {
	for _, file := range c.Supporting {
		if _, ok := supporting[fmt.Sprint(file)]; !ok && c.answers() {
			return "a supporting file that is missing"
		}
	}
	switch {
	case c.Expected == nil:
		return "an outcome"
	case c.Packages != nil, c.Logical.Packages != nil:
		return packages
	case strings.HasPrefix(c.Module, "tx"):
		return terminology
	case c.ValidateContains == "IGNORE", c.AllowComments:
		return "an option that drops a rule"
	case strings.HasSuffix(c.File, ".txt"):
		return "a SMART health link to be fetched"
	}
	return ""
}

// answers reports whether the case is judged by a definition that comes with it.
func (c *validatorCase) answers() bool {
	return c.Module == "questionnaire" || c.Module == "measure"
}

// definitions are those that come with the case.
func (c *validatorCase) definitions(supporting map[string]string) library {
	found := library{}
	for _, file := range c.Supporting {
		if doc, err := caseDocument(fmt.Sprint(file), supporting[fmt.Sprint(file)]); err == nil {
			found.add(doc.Source())
		}
	}
	return found
}

// supportingFiles are the contents of the files that cases load, by name.
func supportingFiles(t *testing.T) map[string]string {
	files := map[string]string{}
	for _, line := range lines(t, shared(t, "validation", "supporting.ndjson.gz")) {
		var file struct{ File, Content string }
		if err := json.Unmarshal(line, &file); err != nil {
			t.Fatal(err)
		}
		files[file.File] = file.Content
	}
	return files
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
	"measure mr-m-simple-nossystem":                             "a canonical is relative, as in two official examples, and a Measure has no CQL, which nothing in 4.0.1 requires",
	"logical logical-boo-bad2":                                  "its type is that of the logical model it is derived from, which is a file of its own",
	"invariants encounter-period":                               "per-1 compares 2023-06-21 with 2023-06-21T06:20:00Z, which FHIRPath cannot tell apart: empty is not false",
	"profile aggregation-apart-good4":                           "the Encounter has no class, which 4.0.1 requires; that validator was asked about the profile alone",
	"profile aggregation-apart-bad4":                            "the same",
}

func TestValidatorCases(t *testing.T) {
	supporting := supportingFiles(t)
	judged, agreed, asTheyAre, invalid, placed := 0, 0, 0, 0, 0
	loaded, loadedAgreed := 0, 0
	left := map[string]int{}
	for _, line := range lines(t, shared(t, "validation", "cases.ndjson.gz")) {
		var c validatorCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		reason := c.needs(supporting)
		v := newValidator(t, validation.Options{Definition: c.definitions(supporting).definition})
		if c.Expected != nil && reason != packages && reason != terminology {
			loaded++
			if len(caseErrors(v, &c)) > 0 == (len(c.errors()) > 0) {
				loadedAgreed++
			}
		}
		if reason != "" {
			left[reason]++
			continue
		}
		judged++
		ours, theirs := caseErrors(v, &c), c.errors()
		if len(ours) > 0 == (c.Expected.Errors > 0) {
			asTheyAre++
		}
		name := c.Module + " " + c.Name
		reason = caseDifferences[c.Module+" "+c.Name]
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
	t.Logf("left out, by what they need: %v", left)
	t.Logf("of %d that need neither packages nor a terminology server, whatever else they need, agree on %d", loaded, loadedAgreed)
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
	doc, err := caseDocument(c.File, c.Content)
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

func caseDocument(name, content string) (*resources.Document, error) {
	text := []byte(content)
	if strings.HasSuffix(name, ".xml") {
		var err error
		if text, err = xmlformat.ToJSON(text); err != nil {
			return nil, err
		}
	}
	return resources.Parse(text)
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
