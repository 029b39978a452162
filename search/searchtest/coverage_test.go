package searchtest_test

import (
	"math/rand/v2"
	"testing"

	"kiln/resources/definitions"
	"kiln/search/searchtest"
)

// TestEverythingIsDrawn holds the generator to all types, parameter types, modifiers, prefixes and forms.
func TestEverythingIsDrawn(t *testing.T) {
	p := parameters(t)
	r := rand.New(rand.NewPCG(5, 6))
	w, err := searchtest.NewWorld(r, p, 300)
	if err != nil {
		t.Fatal(err)
	}
	types := definitions.R4().ResourceNames()
	coverage := searchtest.Coverage{}
	if missing := coverage.Missing(p); len(missing) < 300 {
		t.Fatalf("only %d things are to be drawn", len(missing))
	}
	for i := range 40_000 {
		question := w.RandomQuestion(r, types[i%len(types)])
		if _, err := w.Read(question); err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		coverage.Add(p, question)
	}
	if missing := coverage.Missing(p); len(missing) > 0 {
		t.Errorf("never drawn: %q", missing)
	}
}
