// Package outcome is Kiln's one error type. Every error that reaches a person is a list
// of issues, each with a FHIR issue code, a sentence and the place it speaks of; it is
// written as an OperationOutcome: https://hl7.org/fhir/R4/operationoutcome.html
//
// The sentence says what was wrong and what was expected; it never holds anything internal
// nor anything about another patient. The status code of HTTP is chosen in fhir/rest alone.
//
//	return outcome.New(outcome.Value, "The date %q is not a date; expected YYYY, YYYY-MM or YYYY-MM-DD.", text).
//		At("Patient.birthDate")
package outcome

import (
	"errors"
	"fmt"
	"strings"
)

// Severity of an issue: https://hl7.org/fhir/R4/valueset-issue-severity.html
type Severity string

// The severities, worst first.
const (
	SeverityFatal       Severity = "fatal"
	SeverityError       Severity = "error"
	SeverityWarning     Severity = "warning"
	SeverityInformation Severity = "information"
)

// Code is a FHIR issue type: https://hl7.org/fhir/R4/valueset-issue-type.html
type Code string

// The issue types that Kiln uses, in the order of the code system.
const (
	Invalid         Code = "invalid"
	Structure       Code = "structure"
	Required        Code = "required"
	Value           Code = "value"
	Invariant       Code = "invariant"
	Security        Code = "security"
	Login           Code = "login"
	Unknown         Code = "unknown"
	Expired         Code = "expired"
	Forbidden       Code = "forbidden"
	Suppressed      Code = "suppressed"
	Processing      Code = "processing"
	NotSupported    Code = "not-supported"
	Duplicate       Code = "duplicate"
	MultipleMatches Code = "multiple-matches"
	NotFound        Code = "not-found"
	Deleted         Code = "deleted"
	TooLong         Code = "too-long"
	CodeInvalid     Code = "code-invalid"
	Extension       Code = "extension"
	TooCostly       Code = "too-costly"
	BusinessRule    Code = "business-rule"
	Conflict        Code = "conflict"
	Transient       Code = "transient"
	LockError       Code = "lock-error"
	NoStore         Code = "no-store"
	Exception       Code = "exception"
	Timeout         Code = "timeout"
	Incomplete      Code = "incomplete"
	Throttled       Code = "throttled"
	Informational   Code = "informational"
)

// Stage tells what a request failed at, where the issue code alone does not: the code
// "structure" is 400 for text that is not JSON and 422 for a Patient without its required parts.
type Stage uint8

// The stages of a request.
const (
	// StageDefault leaves the choice to the code.
	StageDefault Stage = iota
	// StageSyntax: the body, the URL or a header could not be read.
	StageSyntax
	// StageContent: what was read breaks a rule of its content.
	StageContent
	// StagePrecondition: a condition that the caller set (If-Match, a criterion) does not hold.
	StagePrecondition
	// StageUnacceptable: the caller asked for a format that is not offered.
	StageUnacceptable
	// StageUnsupportedMedia: the caller sent a format that is not read.
	StageUnsupportedMedia
	// StageTooLarge: the request is larger than a stated limit.
	StageTooLarge
	// StageMethod: the address exists but not for this method.
	StageMethod
)

// Issue is one problem.
type Issue struct {
	Severity    Severity
	Code        Code
	Diagnostics string   // a sentence
	Expression  []string // FHIRPath of the elements it speaks of
	Line        int      // in the request body, from 1; 0 if unknown
	Column      int      // in bytes, from 1
}

// Error is a refusal with at least one issue.
type Error struct {
	Stage  Stage
	Issues []Issue
	cause  error
}

// New makes an Error with one issue of severity error.
func New(code Code, format string, args ...any) *Error {
	return &Error{Issues: []Issue{{Severity: SeverityError, Code: code, Diagnostics: fmt.Sprintf(format, args...)}}}
}

// Of makes an Error from issues; nil when there is none of severity error or fatal.
func Of(issues ...Issue) *Error {
	for _, issue := range issues {
		if issue.Severity == SeverityError || issue.Severity == SeverityFatal {
			return &Error{Issues: issues}
		}
	}
	return nil
}

// At adds FHIRPath locations to the first issue and returns e.
func (e *Error) At(expression ...string) *Error {
	e.Issues[0].Expression = append(e.Issues[0].Expression, expression...)
	return e
}

// AtPosition sets line and column of the first issue and returns e.
func (e *Error) AtPosition(line, column int) *Error {
	e.Issues[0].Line, e.Issues[0].Column = line, column
	return e
}

// In sets the stage and returns e.
func (e *Error) In(stage Stage) *Error {
	e.Stage = stage
	return e
}

// Because keeps the cause for the log (it is never shown to the caller) and returns e.
func (e *Error) Because(err error) *Error {
	e.cause = err
	return e
}

// Code is the code of the first issue.
func (e *Error) Code() Code { return e.Issues[0].Code }

// Error joins the sentences of all issues.
func (e *Error) Error() string {
	var b strings.Builder
	for i, issue := range e.Issues {
		if i > 0 {
			b.WriteString("; ")
		}
		if issue.Line > 0 {
			fmt.Fprintf(&b, "line %d, column %d: ", issue.Line, issue.Column)
		} else if len(issue.Expression) > 0 {
			b.WriteString(issue.Expression[0] + ": ")
		}
		b.WriteString(issue.Diagnostics)
	}
	return b.String()
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// As finds the Error in err's chain. Any other error, which is Kiln's own fault, becomes an
// exception that shows nothing of it. As(nil) is nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	return New(Exception, "The server failed to handle this request; the request id identifies it in the log.").Because(err)
}

// Is reports whether err carries an Error whose first issue has the code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code() == code
}
