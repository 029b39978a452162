package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"kiln/conformance/validation"
	"kiln/resources/outcome"
)

func newValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE…",
		Short: "Validate resources against FHIR R4",
		Long: `Validates resources: JSON, XML or NDJSON files, also gzipped, and folders of them. Prints one line
for each issue with its severity, place and FHIRPath. Exit status 1 when there is an error.

Answers are judged against their Questionnaire, and reports against their Measure, where that is among
the files.`,
		Example: "  kiln validate patient.json\n  kiln validate export/*.ndjson.gz",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			validator, err := validation.New(validation.Options{Definition: (&named{paths: args}).definition})
			if err != nil {
				return err
			}
			failed := false
			for _, path := range args {
				err := units(path, func(u unit) error {
					if printIssues(cmd.OutOrStdout(), u.Place, validateUnit(cmd, validator, u)) {
						failed = true
					}
					return cmd.Context().Err()
				})
				if err != nil {
					return err
				}
			}
			if failed {
				return errReported
			}
			return nil
		},
	}
}

func validateUnit(cmd *cobra.Command, validator *validation.Validator, u unit) []outcome.Issue {
	if u.Refuse != nil { // may be of the file, such as broken gzip, which no refusal of a server tells of
		var refused *outcome.Error
		if errors.As(u.Refuse, &refused) {
			return refused.Issues
		}
		return []outcome.Issue{{Severity: outcome.SeverityError, Code: outcome.Structure, Diagnostics: u.Refuse.Error()}}
	}
	doc, err := u.parse()
	if err != nil {
		return outcome.As(err).Issues
	}
	root, err := doc.Resource()
	if err != nil {
		return outcome.As(err).Issues
	}
	return validator.Validate(cmd.Context(), root)
}

// printIssues writes a line for each issue and reports whether one is an error.
func printIssues(w io.Writer, place string, issues []outcome.Issue) (failed bool) {
	for _, issue := range issues {
		failed = failed || issue.Severity == outcome.SeverityError || issue.Severity == outcome.SeverityFatal
		at := place
		if issue.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", place, issue.Line, issue.Column)
		}
		where := strings.Join(issue.Expression, ", ")
		if where != "" {
			where += ": "
		}
		fmt.Fprintf(w, "%s: %s: %s%s (%s)\n", at, issue.Severity, where, issue.Diagnostics, issue.Code)
	}
	return failed
}
