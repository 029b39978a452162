package patch

import (
	"context"
	"fmt"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/resources/xmlformat"
)

// Kind is a format of patches.
type Kind uint8

// The kinds of patch.
const (
	JSON        Kind = iota // JSON Patch
	Merge                   // JSON Merge Patch
	XML                     // XML Patch
	FHIRPath                // FHIRPath Patch, Parameters as JSON
	FHIRPathXML             // FHIRPath Patch, Parameters as XML
)

var mediaTypes = map[string]Kind{
	"application/json-patch+json":  JSON,
	"application/merge-patch+json": Merge,
	"application/xml-patch+xml":    XML,
	"application/fhir+json":        FHIRPath,
	"application/fhir+xml":         FHIRPathXML,
}

// KindOf is the kind of patch that a media type (without parameters, in lower case) stands for;
// false for any other.
func KindOf(mediaType string) (Kind, bool) {
	kind, ok := mediaTypes[mediaType]
	return kind, ok
}

// Limits of a patch.
const (
	// MaxOperations is how many operations a patch may have.
	MaxOperations = 10_000
	// MaxSize is how large, in bytes, a document may become by a patch.
	MaxSize = 64 << 20
	// maxWork bounds the steps of one Apply: list items, members and nodes that are looked at or
	// moved. A step takes some nanoseconds.
	maxWork = 1 << 25
)

// Patch is a patch that has been read. It is safe for concurrent use.
type Patch interface {
	// Apply gives target with the patch done; a patch that changes nothing gives target itself.
	//
	// The error is an *outcome.Error of stage content: processing when the patch does not fit
	// (a place that is not there, a test that fails, a type that is wrong, a result that is no
	// resource), business-rule when it would change the type or the id, too-costly beyond the
	// limits or when ctx ends. Whether the result is a valid resource is not judged.
	Apply(ctx context.Context, target *resources.Document) (*resources.Document, error)
}

// Parse reads a patch; body must not be changed afterwards. The error is an *outcome.Error of
// stage syntax with all problems at once.
func Parse(kind Kind, body []byte) (Patch, error) {
	switch kind {
	case JSON:
		return parseJSON(body)
	case Merge:
		return parseMerge(body)
	case XML:
		return parseXML(body)
	case FHIRPathXML:
		parameters, err := xmlformat.ToJSON(body)
		if err != nil {
			return nil, outcome.As(err).In(outcome.StageSyntax)
		}
		return parseFHIRPath(parameters)
	}
	return parseFHIRPath(body)
}

// finish makes the document of a patched tree.
func finish(target *resources.Document, root *value) (*resources.Document, error) {
	if root.isNode(target, 0) {
		return target, nil
	}
	return settle(target, prune(root).append(nil))
}

// settle reads the patched text and checks that it is still the same resource.
func settle(target *resources.Document, text []byte) (*resources.Document, error) {
	patched, err := resources.Parse(text)
	if err != nil {
		return nil, outcome.New(outcome.Processing, "The patched resource cannot be kept: %s", outcome.As(err).Issues[0].Diagnostics).
			In(outcome.StageContent).Because(err)
	}
	if resources.Equal(patched, 0, target, 0) {
		return target, nil
	}
	for _, name := range identity {
		old, changed := target.Member(0, name), patched.Member(0, name)
		if !resources.Equal(target, old, patched, changed) {
			return nil, outcome.New(outcome.BusinessRule, "The patch changes %q, which must stay as it is.", name).
				In(outcome.StageContent)
		}
	}
	return patched, nil
}

// identity are the members that no patch may change: https://hl7.org/fhir/R4/http.html#patch
var identity = []string{"resourceType", "id"}

// budget counts the work of one Apply.
type budget struct {
	ctx  context.Context
	left int
}

func newBudget(ctx context.Context) *budget { return &budget{ctx, maxWork} }

// spend takes n steps; the error (too-costly) says that there are none left or ctx has ended.
func (b *budget) spend(n int) error {
	if b.left -= n; b.left < 0 {
		return outcome.New(outcome.TooCostly, "The patch takes more work than one request may.").In(outcome.StageContent)
	}
	return nil
}

// live checks ctx before an operation.
func (b *budget) live() error {
	if err := b.ctx.Err(); err != nil {
		return outcome.New(outcome.TooCostly, "The time for the request ended while the patch was applied.").
			In(outcome.StageContent).Because(err)
	}
	return b.spend(1)
}

// unfit is the error of a patch that does not fit its target.
func unfit(format string, args ...any) error {
	return outcome.New(outcome.Processing, format, args...).In(outcome.StageContent)
}

// inOperation names the operation that failed in front of the sentence of an error.
func inOperation(err error, number int, description string) error {
	e := outcome.As(err)
	if e.Code() == outcome.Exception {
		return err
	}
	issue := e.Issues[0]
	issue.Diagnostics = fmt.Sprintf("Operation %d (%s): %s", number, clip(description), issue.Diagnostics)
	issue.Line, issue.Column = 0, 0
	return &outcome.Error{Stage: outcome.StageContent, Issues: []outcome.Issue{issue}}
}

// problems collects what is wrong with a patch.
type problems struct {
	doc    *resources.Document
	issues []outcome.Issue
}

const maxProblems = 100

// add notes a problem with the value at n.
func (p *problems) add(n resources.Node, format string, args ...any) {
	if len(p.issues) == maxProblems {
		return
	}
	line, column := p.doc.Position(n)
	p.issues = append(p.issues, outcome.Issue{
		Severity: outcome.SeverityError, Code: outcome.Structure, Diagnostics: fmt.Sprintf(format, args...), Line: line, Column: column,
	})
}

// err is nil where no problem was noted.
func (p *problems) err() error {
	if len(p.issues) == 0 {
		return nil
	}
	return &outcome.Error{Stage: outcome.StageSyntax, Issues: p.issues}
}

func tooMany(count int) error {
	return outcome.New(outcome.TooLong, "The patch has %d operations; at most %d are read.", count, MaxOperations).In(outcome.StageSyntax)
}
