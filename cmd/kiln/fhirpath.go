package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"kiln/fhirpath"
	"kiln/resources"
)

func newFHIRPath() *cobra.Command {
	return &cobra.Command{
		Use:   "fhirpath EXPRESSION [FILE]",
		Short: "Evaluate FHIRPath on a resource and print the result as JSON",
		Long:  "Evaluates a FHIRPath expression on the resource in FILE (standard input without it) and prints the resulting collection as a JSON array.",
		Example: `  kiln fhirpath 'Patient.name.given' patient.json
  echo '{"resourceType":"Patient","birthDate":"1970"}' | kiln fhirpath 'birthDate < @1980'`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			expression, err := fhirpath.Compile(args[0])
			if err != nil {
				return wrongUsage("the expression does not compile: %v", err)
			}
			path := "-"
			if len(args) == 2 {
				path = args[1]
			}
			doc, err := readDocument(path)
			if err != nil {
				return err
			}
			root, err := doc.Resource()
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			result, err := expression.Evaluate(cmd.Context(), root, nil)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(append(result.AppendJSON(nil), '\n'))
			return err
		},
	}
}

// readDocument reads one JSON or XML resource from a file, or from standard input for "-".
func readDocument(path string) (*resources.Document, error) {
	in := io.Reader(os.Stdin)
	if path != "-" {
		f, err := openFile(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	doc, err := wholeUnit(path, path, in).parse()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return doc, nil
}
