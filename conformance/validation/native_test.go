package validation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kiln/conformance/validation"
	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// TestNativeRulesEqualTheirFHIRPath evaluates the invariants that are written in Go as the
// specification has them, on all examples and on examples that were changed at random.
func TestNativeRulesEqualTheirFHIRPath(t *testing.T) {
	specified := newSpecified(t)
	v := newValidator(t, validation.Options{MaxIssues: 100_000})
	compared, broken := 0, map[string]int{}
	compare := func(name string, text []byte) {
		doc, err := resources.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		resource, err := doc.Resource()
		if err != nil {
			return
		}
		got, ok := nativeFindings(v.Validate(context.Background(), resource))
		if !ok {
			return
		}
		compared++
		want := specified.findings(t, resource)
		for f := range want {
			broken[f.key]++
			if !got[f] {
				t.Errorf("%s: %s is false at %q, and nothing was reported\n%s", name, f.key, f.path, text)
			}
		}
		for f := range got {
			if !want[f] {
				t.Errorf("%s: %s was reported at %q, and is true\n%s", name, f.key, f.path, text)
			}
		}
	}
	for _, e := range ownResources(t) {
		compare(e.name, e.text)
		r := rand.New(rand.NewPCG(1, uint64(len(e.text))))
		for i := range 4 {
			compare(fmt.Sprintf("%s, change %d", e.name, i), change(t, r, e.text))
		}
	}
	for _, key := range []string{"ele-1", "ext-1", "ref-1", "dom-2", "dom-3", "dom-4", "dom-5", "dom-6"} {
		if broken[key] == 0 {
			t.Errorf("%s was never false, so nothing is known about it", key)
		}
	}
	t.Logf("compared %d resources; false were %v", compared, broken)
}

type findingAt struct{ key, path string }

var entryPath = regexp.MustCompile(`^.*\.(resource|outcome)\b`)

// nativeFindings are the native invariants among issues. It is false where an issue is about the
// structure itself, since FHIRPath does not see what has no place in it.
func nativeFindings(issues []outcome.Issue) (map[findingAt]bool, bool) {
	found := map[findingAt]bool{}
	for _, issue := range issues {
		key := ""
		if match := keyOf.FindStringSubmatch(issue.Diagnostics); match != nil {
			key = match[1]
		}
		path := ""
		if len(issue.Expression) > 0 {
			path = issue.Expression[0]
		}
		switch {
		case strings.HasPrefix(issue.Diagnostics, "The object is empty"):
			found[findingAt{"ele-1", path}] = true
		case key == "ref-1":
			found[findingAt{key, strings.TrimSuffix(path, ".reference")}] = true
		case strings.HasPrefix(key, "dom-"):
			found[findingAt{key, entryPath.FindString(path)}] = true
		case key == "ele-1", key == "ext-1":
			found[findingAt{key, path}] = true
		case issue.Code == outcome.Structure:
			return nil, false
		}
	}
	return found, true
}

// specified are the native invariants as the table has them.
type specified map[string]*fhirpath.Expression

func newSpecified(t *testing.T) specified {
	t.Helper()
	all := specified{}
	for _, list := range [][]*definitions.Constraint{
		definitions.R4().Type("Patient").Constraints, definitions.R4().Type("Reference").Constraints, definitions.R4().Everywhere(),
	} {
		for _, c := range list {
			all[c.Key] = fhirpath.MustCompile(c.Expression, fhirpath.AsOfType())
		}
	}
	return all
}

func (s specified) findings(t *testing.T, root resources.Element) map[findingAt]bool {
	t.Helper()
	found := map[findingAt]bool{}
	var walk func(e, resource, container resources.Element)
	walk = func(e, resource, container resources.Element) {
		env := &fhirpath.Environment{Resource: resource, RootResource: container}
		ask := func(key, path string) {
			result, err := s[key].Evaluate(context.Background(), e, env)
			if err != nil {
				t.Fatalf("%s at %s: %v", key, e.Path(), err)
			}
			if value, ok := result.Truth(); ok && !value {
				found[findingAt{key, path}] = true
			}
		}
		place := entryPath.FindString(e.Path())
		switch {
		case e.Type().Is("DomainResource"):
			ask("dom-2", place)
			ask("dom-4", place)
			ask("dom-5", place)
			if e == container { // see contained.go for what is contained
				ask("dom-3", place)
				ask("dom-6", place)
			}
		case e.IsResource():
		default:
			ask("ele-1", e.Path())
			if e.Type().Name == "Extension" {
				ask("ext-1", e.Path())
			}
			if e.Type().Name == "Reference" {
				ask("ref-1", e.Path())
			}
		}
		for c := range e.Children() {
			switch {
			case !c.IsResource():
				walk(c, resource, container)
			case c.Definition().Name == "contained":
				walk(c, c, container)
			default:
				walk(c, c, c)
			}
		}
	}
	walk(root, root, root)
	return found
}

// ownResources are the resources of testdata, and the official examples where they are present.
func ownResources(t *testing.T) []example {
	t.Helper()
	list := []example{{"patient", []byte(patient2KB)}, {"observation", []byte(observation)}, {"container", []byte(containing)}}
	if hasShared("examples") {
		files := exampleFiles(t)
		for _, file := range slices.Sorted(maps.Keys(files)) {
			for _, e := range files[file] {
				if len(e.text) < 8_000 {
					list = append(list, e)
				}
			}
		}
	}
	return list
}

const containing = `{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"#o"}},` +
	`{"resourceType":"Organization","id":"o","name":"Example"},{"resourceType":"Provenance","id":"v","target":[{"reference":"#"}],"recorded":"2026-01-01T00:00:00Z",` +
	`"agent":[{"who":{"display":"Nobody"}}]}],"status":"final","code":{"text":"x"},"subject":{"reference":"#p"}}`

// change alters a resource in a few places, with what the native rules are about.
func change(t *testing.T, r *rand.Rand, text []byte) []byte {
	t.Helper()
	var root map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&root); err != nil {
		t.Fatal(err)
	}
	for range 1 + r.IntN(4) {
		changeObject(r, pick(r, root))
	}
	b, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pick walks down at random and gives the object where it stops.
func pick(r *rand.Rand, from map[string]any) map[string]any {
	for r.IntN(4) > 0 {
		var inside []map[string]any
		for _, name := range slices.Sorted(maps.Keys(from)) {
			switch v := from[name].(type) {
			case map[string]any:
				inside = append(inside, v)
			case []any:
				for _, item := range v {
					if o, ok := item.(map[string]any); ok {
						inside = append(inside, o)
					}
				}
			}
		}
		if len(inside) == 0 {
			break
		}
		from = inside[r.IntN(len(inside))]
	}
	return from
}

func changeObject(r *rand.Rand, o map[string]any) {
	object := func(text string) any {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			panic(err)
		}
		return v
	}
	if o["resourceType"] != nil {
		switch r.IntN(6) {
		case 0:
			o["contained"] = object(`[{"resourceType":"Patient","id":"p"},{"resourceType":"Patient","id":"q","link":[{"other":{"reference":"#p"},"type":"seealso"}]}]`)
		case 1:
			o["contained"] = object(`[{"resourceType":"Patient","id":"p","contained":[{"resourceType":"Patient","id":"q"}],"meta":{"versionId":"1","security":[{"code":"R"}]}}]`)
		case 2:
			o["meta"] = object(`{"lastUpdated":"2026-01-01T00:00:00Z","security":[{"code":"R"}]}`)
		case 3:
			delete(o, "text")
		case 4:
			delete(o, "contained")
		case 5:
			o["extension"] = object(`[{"url":"urn:x","valueReference":{"reference":"#p"}},{"url":"urn:y","valueCanonical":"#q"},{"url":"urn:z","valueUri":"#"}]`)
		}
		return
	}
	switch r.IntN(7) {
	case 0:
		for name := range o {
			if name != "id" && name != "url" {
				delete(o, name)
			}
		}
		o["id"] = "x"
	case 1:
		o["extension"] = object(`[{"url":"urn:x"}]`)
	case 2:
		o["extension"] = object(`[{"url":"urn:x","valueString":"y","extension":[{"url":"urn:z","valueBoolean":true}]}]`)
	case 3:
		o["extension"] = object(`[{"url":"urn:x","_valueString":{"id":"y"}}]`)
	case 4:
		o["extension"] = object(`[{"url":"urn:x","extension":[{"url":"urn:y","valueReference":{"reference":"#"}}]}]`)
	case 5:
		if o["reference"] != nil {
			o["reference"] = []any{"#p", "#q", "#", "#unknown"}[r.IntN(4)]
		}
	case 6:
		for name := range o {
			if r.IntN(3) == 0 {
				delete(o, name)
			}
		}
	}
}
