// Package judge_test compares our verdicts with an independent judge, google/fhir. It has a folder
// of its own because that library takes minutes to compile.
package judge_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/fhir/go/fhirversion"
	"github.com/google/fhir/go/jsonformat"

	"kiln/conformance/validation"
	"kiln/resources"
)

// refused are the examples that google/fhir accepts and we do not, each with the reason. It looks
// neither into narratives nor at invariants.
var refused = map[string]string{
	"ActivityDefinition-blood-tubes-supply.json":        "the narrative is white space (txt-2)",
	"Questionnaire-zika-virus-exposure-assessment.json": "the narrative is white space (txt-2)",
	"ftc-patient-container-example.json":                "broken on purpose: what is contained is not referred to (dom-3)",
}

// accepted are the examples that we accept and google/fhir does not, each with the reason.
var accepted = map[string]string{
	"ftc-parameters-example.json": "google/fhir does not read Parameters.parameter.resource",
}

func TestWhatGoogleFHIRAcceptsWeAccept(t *testing.T) {
	theirs, err := jsonformat.NewUnmarshaller("UTC", fhirversion.R4)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := validation.New(validation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	count, both, neither := 0, 0, 0
	for name, text := range examples(t) {
		count++
		_, theirError := theirs.UnmarshalR4(text)
		ourError := check(ours, text)
		switch {
		case theirError == nil && ourError == nil:
			both++
		case theirError != nil && ourError != nil:
			neither++
		case ourError != nil && refused[name] == "":
			t.Errorf("%s: google/fhir accepts it; we do not: %v", name, ourError)
		case theirError != nil && accepted[name] == "":
			t.Errorf("%s: we accept it; google/fhir does not: %.300v", name, theirError)
		}
	}
	if both+neither+len(refused)+len(accepted) != count {
		t.Errorf("of %d examples %d are accepted by both and %d by neither; the lists of differences have %d", count, both, neither, len(refused)+len(accepted))
	}
	t.Logf("%d examples: both accept %d and refuse %d", count, both, neither)
}

func check(v *validation.Validator, text []byte) error {
	doc, err := resources.Parse(text)
	if err != nil {
		return err
	}
	resource, err := doc.Resource()
	if err != nil {
		return err
	}
	return v.Check(context.Background(), resource)
}

// examples yields the official examples with their names.
func examples(t *testing.T) func(yield func(string, []byte) bool) {
	folder := filepath.Join("..", "..", "..", "..", "shared", "data", "examples")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("skipped: the official examples are not beside the checkout")
	}
	return func(yield func(string, []byte) bool) {
		for _, file := range []string{"r4-spec", "us-core-3.1.1", "us-core-6.1.0", "ips-1.1.0"} {
			index, err := os.ReadFile(filepath.Join(folder, file+".index.tsv"))
			if err != nil {
				t.Fatal(err)
			}
			rows := strings.Split(string(index), "\n")
			s := bufio.NewScanner(bytes.NewReader(unzipped(t, filepath.Join(folder, file+".ndjson.gz"))))
			s.Buffer(nil, 64<<20)
			for i := 1; s.Scan(); i++ {
				if !yield(strings.Split(rows[i], "\t")[1], bytes.Clone(s.Bytes())) {
					return
				}
			}
		}
	}
}

func unzipped(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
