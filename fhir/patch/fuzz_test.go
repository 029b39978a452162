package patch_test

import (
	"strings"
	"testing"

	"kiln/fhir/patch"
	"kiln/resources"
	"kiln/resources/outcome"
)

// try applies a fuzzed patch; nil where it is refused, as it may be.
func try(t *testing.T, kind patch.Kind, body, target []byte) (*resources.Document, *resources.Document) {
	t.Helper()
	doc, err := resources.Parse(target)
	if err != nil {
		return nil, nil
	}
	p, err := patch.Parse(kind, body)
	if err != nil {
		if e := outcome.As(err); e.Code() == outcome.Exception || e.Stage != outcome.StageSyntax && e.Stage != outcome.StageTooLarge {
			t.Fatalf("%v, stage %d", err, e.Stage)
		}
		return nil, doc
	}
	patched, err := p.Apply(t.Context(), doc)
	if err != nil {
		if e := outcome.As(err); e.Code() == outcome.Exception || e.Stage != outcome.StageContent {
			t.Fatalf("%v, stage %d", err, e.Stage)
		}
		return nil, doc
	}
	if patched != doc && resources.Equal(patched, 0, doc, 0) {
		t.Errorf("nothing changed, but another document came back: %s", patched.Source())
	}
	for _, name := range []string{"id", "resourceType"} {
		if !resources.Equal(patched, patched.Member(0, name), doc, doc.Member(0, name)) {
			t.Errorf("%s was changed: %s", name, patched.Source())
		}
	}
	return patched, doc
}

func seed(f *testing.F, kind patch.Kind) {
	for _, c := range applied {
		if c.kind == kind {
			f.Add([]byte(c.patch), []byte(patient))
		}
	}
}

func FuzzJSONPatch(f *testing.F) {
	seed(f, patch.JSON)
	f.Fuzz(func(t *testing.T, body, target []byte) { try(t, patch.JSON, body, target) })
}

// FuzzMergePatch does a merge patch twice: the second time changes nothing.
func FuzzMergePatch(f *testing.F) {
	seed(f, patch.Merge)
	f.Fuzz(func(t *testing.T, body, target []byte) {
		patched, _ := try(t, patch.Merge, body, target)
		if patched == nil {
			return
		}
		if again, doc := try(t, patch.Merge, body, patched.Source()); again != nil && again != doc && !strings.Contains(string(body), "{}") && !strings.Contains(string(body), "null") {
			t.Errorf("%s\nonce  %s\ntwice %s", body, patched.Source(), again.Source())
		}
	})
}

func FuzzXMLPatch(f *testing.F) {
	seed(f, patch.XML)
	f.Fuzz(func(t *testing.T, body, target []byte) { try(t, patch.XML, body, target) })
}

func FuzzFHIRPathPatch(f *testing.F) {
	seed(f, patch.FHIRPath)
	f.Fuzz(func(t *testing.T, body, target []byte) { try(t, patch.FHIRPath, body, target) })
}
