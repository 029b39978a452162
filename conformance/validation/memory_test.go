package validation_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiln/conformance/validation"
	"kiln/resources"
)

// TestRememberedInvariantsAreAsEvaluated compares a validator that has seen much with one that
// evaluates every invariant anew.
func TestRememberedInvariantsAreAsEvaluated(t *testing.T) {
	remembers, evaluates := newValidator(t, validation.Options{}), newValidator(t, validation.Options{})
	validation.EvaluateEverything(evaluates)
	compared := 0
	compare := func(name string, text []byte) {
		doc, err := resources.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		resource, err := doc.Resource()
		if err != nil {
			return
		}
		compared++
		got, want := remembers.Validate(context.Background(), resource), evaluates.Validate(context.Background(), resource)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: evaluated (-) and remembered (+) differ\n%s\n%s", name, diff, text)
		}
	}
	for _, e := range ownResources(t) {
		compare(e.name, e.text)
		r := rand.New(rand.NewPCG(2, uint64(len(e.text))))
		for i := range 2 {
			compare(fmt.Sprintf("%s, change %d", e.name, i), change(t, r, e.text))
		}
	}
	t.Logf("compared %d resources", compared)
}
