package fhirpath_test

import (
	"context"
	"strings"
	"testing"

	"kiln/fhirpath"
	"kiln/resources/outcome"
)

func TestAnExpressionIsUTF8(t *testing.T) {
	_, err := fhirpath.Compile("1 +\n'a\xbe'")
	if err == nil || !strings.Contains(err.Error(), "not UTF-8") || !strings.Contains(err.Error(), "line 2, column 3") {
		t.Errorf("found %v", err)
	}
	if _, err := fhirpath.Compile("'\uFFFD\u00fc'"); err != nil {
		t.Errorf("the replacement character is one like others: %v", err)
	}
}

func TestLettersThatGrowInTheOtherCaseAreCounted(t *testing.T) {
	x := fhirpath.MustCompile("'" + strings.Repeat("\u023a", 40) + "'.lower()")
	if _, err := x.EvaluateCollection(context.Background(), nil, &fhirpath.Environment{MaxText: 100}); !outcome.Is(err, outcome.TooCostly) {
		t.Errorf("80 bytes that become 120 give %v; expected that 100 are too few", err)
	}
}
