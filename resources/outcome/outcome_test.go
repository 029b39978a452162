package outcome_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"kiln/resources/outcome"
)

func TestJSONIsAnOperationOutcome(t *testing.T) {
	refusal := outcome.New(outcome.Value, "The code %q is unknown.", `a"b`).At("Patient.gender").AtPosition(3, 7)
	var got struct {
		ResourceType string `json:"resourceType"`
		Issue        []struct {
			Severity, Code, Diagnostics string
			Location, Expression        []string
		} `json:"issue"`
	}
	if err := json.Unmarshal(outcome.JSON(refusal.Issues), &got); err != nil {
		t.Fatal(err)
	}
	issue := got.Issue[0]
	if got.ResourceType != "OperationOutcome" || issue.Severity != "error" || issue.Code != "value" ||
		issue.Diagnostics != `The code "a\"b" is unknown.` || issue.Location[0] != "line 3, column 7" || issue.Expression[0] != "Patient.gender" {
		t.Errorf("wrote %+v", got)
	}
}

func TestJSONWithoutIssuesSaysAllOK(t *testing.T) {
	if got := string(outcome.JSON(nil)); !strings.Contains(got, `"severity":"information"`) {
		t.Errorf("wrote %s", got)
	}
}

func TestJSONIsPlain(t *testing.T) {
	want := "Found </a> & \"b\"\n\u0001."
	got := outcome.JSON(outcome.New(outcome.Structure, "%s", want).Issues)
	if !strings.Contains(string(got), `</a> & \"b\"\n\u0001`) || !json.Valid(got) {
		t.Errorf("wrote %s", got)
	}
}

func TestAs(t *testing.T) {
	refusal := outcome.New(outcome.NotFound, "There is no Patient/1.")
	if got := outcome.As(fmt.Errorf("reading: %w", refusal)); got != refusal {
		t.Errorf("a wrapped refusal becomes %v", got)
	}
	internal := outcome.As(fmt.Errorf("open secret.db: %w", io.ErrUnexpectedEOF))
	if internal.Code() != outcome.Exception || strings.Contains(internal.Error(), "secret") {
		t.Errorf("a fault of the server shows %q", internal)
	}
	if !errors.Is(internal, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost to the log")
	}
	if outcome.As(nil) != nil {
		t.Error("no error became one")
	}
}

func TestOfNeedsAnError(t *testing.T) {
	warning := outcome.Issue{Severity: outcome.SeverityWarning, Code: outcome.Invariant}
	if outcome.Of(warning) != nil {
		t.Error("a warning refuses")
	}
	if got := outcome.Of(warning, outcome.Issue{Severity: outcome.SeverityError, Code: outcome.Required}); got == nil || len(got.Issues) != 2 {
		t.Errorf("an error beside a warning gives %v", got)
	}
}
