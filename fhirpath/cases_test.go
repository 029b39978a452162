package fhirpath_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiln/fhirpath"
	"kiln/resources"
)

// tableCase is a line of testdata/cases: an expression on testdata/patient.json and its result as
// JSON ("=>"), or a part of the error that it gives ("!!").
type tableCase struct {
	file, heading, expression string
	want, failure             string
}

func tableCases(t testing.TB) []tableCase {
	t.Helper()
	files, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no cases", err)
	}
	var cases []tableCase
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		heading := ""
		for line := range strings.Lines(string(src)) {
			line = strings.TrimSuffix(line, "\n")
			if text, ok := strings.CutPrefix(line, "# "); ok {
				heading = text
				continue
			}
			if line == "" {
				continue
			}
			c := tableCase{file: strings.TrimSuffix(filepath.Base(file), ".txt"), heading: heading}
			var ok bool
			if c.expression, c.want, ok = cutLast(line, " => "); !ok {
				if c.expression, c.failure, ok = cutLast(line, " !! "); !ok {
					t.Fatalf("%s: %q has neither => nor !!", file, line)
				}
			}
			cases = append(cases, c)
		}
	}
	return cases
}

func cutLast(s, separator string) (before, after string, ok bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

func tablePatient(t testing.TB) resources.Element {
	t.Helper()
	src, err := os.ReadFile("testdata/patient.json")
	if err != nil {
		t.Fatal(err)
	}
	patient, err := parse(t, src).Resource()
	if err != nil {
		t.Fatal(err)
	}
	return patient
}

func tableEnvironment() *fhirpath.Environment {
	return &fhirpath.Environment{
		Now:       fixedNow,
		Variables: map[string]fhirpath.Collection{"wanted": {fhirpath.FromString("usual")}},
		MaxItems:  10_000,
	}
}

func TestCases(t *testing.T) {
	patient := tablePatient(t)
	for _, c := range tableCases(t) {
		t.Run(c.file+"/"+c.heading, func(t *testing.T) {
			got, err := evaluate(c.expression, patient)
			switch {
			case err != nil && c.failure == "":
				t.Errorf("%s: %v", c.expression, err)
			case err == nil && c.failure != "":
				t.Errorf("%s gave %s, expected an error with %q", c.expression, got, c.failure)
			case err != nil && !strings.Contains(err.Error(), c.failure):
				t.Errorf("%s failed with %q, expected %q", c.expression, err, c.failure)
			case err == nil && got != c.want:
				t.Errorf("%s\n got %s\nwant %s", c.expression, got, c.want)
			}
		})
	}
}

func evaluate(source string, input resources.Element) (string, error) {
	return evaluateWith(tableEnvironment(), source, input)
}

func evaluateWith(env *fhirpath.Environment, source string, input resources.Element) (string, error) {
	x, err := fhirpath.Compile(source)
	if err != nil {
		return "", err
	}
	result, err := x.Evaluate(context.Background(), input, env)
	return string(result.AppendJSON(nil)), err
}
