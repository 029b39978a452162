package validation_test

import (
	"os"
	"strings"
	"testing"

	"kiln/conformance/validation"
	"kiln/resources/definitions"
)

// neverFalse are invariants that no content can break, each with the reason.
var neverFalse = map[string]string{
	"eld-11": "asks whether there are answers, not whether one is true",
}

// TestEveryInvariantCanFail shows each key of the constraint table broken by a resource of its own.
func TestEveryInvariantCanFail(t *testing.T) {
	v := newValidator(t, validation.Options{})
	table, err := os.ReadFile("testdata/invariants.tsv")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for line := range strings.Lines(string(table)) {
		key, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
		shown[key] = true
		if keys := falseKeys(t, v, element(t, []byte(text))); !keys[key] {
			t.Errorf("%s is not reported of %s; %v are", key, text, keys)
		}
	}
	for key := range allKeys() {
		if !shown[key] && neverFalse[key] == "" && !strings.HasSuffix(key, "-0") {
			t.Errorf("no resource in testdata/invariants.tsv breaks %s", key)
		}
	}
}

// allKeys are the keys of the constraint table.
func allKeys() map[string]bool {
	all := map[string]bool{}
	add := func(list []*definitions.Constraint) {
		for _, c := range list {
			all[c.Key] = true
		}
	}
	add(definitions.R4().Everywhere())
	for t := range definitions.R4().Types {
		for key := range keysOf(t) {
			all[key] = true
		}
	}
	return all
}
