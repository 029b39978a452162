package search_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"kiln/resources/outcome"
	"kiln/search"
	"kiln/search/searchtest"
)

func worldOf(t *testing.T, texts ...string) *searchtest.World {
	t.Helper()
	w := emptyWorld(t)
	for _, text := range texts {
		e := document(t, text)
		if err := w.Add(e.Document(), e.First("id").Text()); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func finds(t *testing.T, w *searchtest.World, typ, query, want string) {
	t.Helper()
	keys, err := w.Search(context.Background(), typ, query)
	if err != nil {
		t.Fatalf("%s?%s: %v", typ, query, err)
	}
	if got := strings.ReplaceAll(strings.Join(keys, " "), typ+"/", ""); got != want {
		t.Errorf("%s?%s finds %q; want %q", typ, query, got, want)
	}
}

func part(id, of string) string {
	return fmt.Sprintf(`{"resourceType":"Location","id":%q,"partOf":{"reference":%q}}`, id, of)
}

func procedure(id, at string) string {
	return fmt.Sprintf(`{"resourceType":"Procedure","id":%q,"status":"completed","location":{"reference":%q}}`, id, at)
}

func TestHierarchies(t *testing.T) {
	w := worldOf(t,
		`{"resourceType":"Location","id":"site"}`, part("house", "Location/site"), part("ward", "Location/house/_history/1"), part("bed", "http://kiln.example/fhir/Location/ward"),
		part("shed", "Location/site"), part("far", "http://elsewhere.example/Location/1"),
		`{"resourceType":"Location","id":"held","contained":[{"resourceType":"Location","id":"x"}],"partOf":{"reference":"#x"}}`,
		part("left", "Location/right"), part("right", "Location/left"), part("cut", "Location/gone"),
		procedure("p-site", "Location/site"), procedure("p-ward", "Location/ward"), procedure("p-bed", "Location/bed/_history/3"), procedure("p-far", "Location/far"),
		procedure("p-left", "Location/left"), procedure("p-cut", "Location/cut"), procedure("p-held", "Location/held"), procedure("p-gone", "Location/gone"),
		procedure("p-elsewhere", "http://elsewhere.example/Location/1"), `{"resourceType":"Procedure","id":"p-none","status":"completed"}`,
	)
	for _, c := range []struct{ name, typ, query, want string }{
		{"below is the resource and all that are part of it", "Procedure", "location:below=site", "p-site p-ward p-bed"},
		{"and nothing over it", "Procedure", "location:below=Location/ward", "p-ward p-bed"},
		{"above is the resource and all that it is part of", "Procedure", "location:above=ward", "p-site p-ward"},
		{"and nothing below it", "Procedure", "location:above=Location/site", "p-site"},
		{"the parent itself", "Location", "partof:below=site", "house ward bed shed"},
		{"the parents over it", "Location", "partof:above=house", "house ward shed"},
		{"a circle ends", "Procedure", "location:below=right", "p-left"},
		{"from any point of it", "Procedure", "location:above=right", "p-left"},
		{"what is over need not be here", "Procedure", "location:below=gone", "p-cut p-gone"},
		{"nor on this server", "Procedure", "location:below=http://elsewhere.example/Location/1", "p-far p-elsewhere"},
		{"in the other direction too", "Procedure", "location:above=far", "p-far p-elsewhere"},
		{"a contained resource is over none but its own", "Procedure", "location:above=held", "p-held"},
		{"several", "Procedure", "location:below=bed,far", "p-bed p-far"},
		{"in a chain", "Procedure", "location:Location.partof:below=house", "p-ward p-bed"},
		{"in a reverse chain", "Location", "_has:Procedure:location:location:below=ward", "ward bed"},
	} {
		t.Run(c.name, func(t *testing.T) { finds(t, w, c.typ, c.query, c.want) })
	}
}

func TestHierarchiesOfTypesWithSeveralParents(t *testing.T) {
	medication := func(id, of string) string {
		return fmt.Sprintf(`{"resourceType":"MedicationStatement","id":%q,"status":"active","partOf":[{"reference":"Observation/o"},{"reference":%q}]}`, id, of)
	}
	w := worldOf(t, `{"resourceType":"Procedure","id":"top","status":"completed"}`, `{"resourceType":"Procedure","id":"step","status":"completed","partOf":[{"reference":"Procedure/top"}]}`,
		medication("m1", "Procedure/step"), medication("m2", "MedicationStatement/m1"))
	finds(t, w, "MedicationStatement", "part-of:below=Procedure/top", "m1 m2")
	finds(t, w, "MedicationStatement", "part-of:above=MedicationStatement/m2", "m1 m2")
	finds(t, w, "MedicationStatement", "part-of:below=MedicationStatement/m1", "m2")
}

func TestVersionsOfCanonicals(t *testing.T) {
	var texts []string
	for i, version := range []string{"", "|1", "|1.0", "|1.0.1", "|1.0-ballot", "|1.01", "|2"} {
		texts = append(texts, fmt.Sprintf(`{"resourceType":"QuestionnaireResponse","id":"q%d","status":"completed","questionnaire":"http://kiln.example/q%s"}`, i, version))
	}
	w := worldOf(t, append(texts, `{"resourceType":"QuestionnaireResponse","id":"other","status":"completed","questionnaire":"http://kiln.example/q/1|1.0"}`)...)
	for query, want := range map[string]string{
		"questionnaire:below=http://kiln.example/q|1":         "q1 q2 q3 q4 q5",
		"questionnaire:below=http://kiln.example/q|1.0":       "q2 q3 q4",
		"questionnaire:below=http://kiln.example/q|1.0.1":     "q3",
		"questionnaire:below=http://kiln.example/q":           "q0 q1 q2 q3 q4 q5 q6",
		"questionnaire:above=http://kiln.example/q|1.0.1":     "q0 q1 q2 q3",
		"questionnaire:above=http://kiln.example/q|2":         "q0 q6",
		"questionnaire:above=http://kiln.example/q":           "q0 q1 q2 q3 q4 q5 q6",
		"questionnaire:below=http://kiln.example/q|3":         "",
		"questionnaire:below=http://kiln.example/q|2,urn:x:y": "q6",
	} {
		finds(t, w, "QuestionnaireResponse", query, want)
	}
}

func TestHierarchiesAreRefusedWhereThereAreNone(t *testing.T) {
	p := newParameters(t)
	for _, c := range []struct{ typ, query, says string }{
		{"Observation", "patient:below=p1", `"patient" leads to neither; valid are :identifier, :missing, a resource type.`},
		{"Observation", "performer:below=Patient/p1", `The reference parameter "performer:below" is wrong: Patient has no hierarchy; expected Organization.`},
		{"Procedure", "location:above=Location/l/_history/1", `a hierarchy is of the current resources; expected a reference without a version.`},
		{"Procedure", "location:below=", `a value is empty`},
		{"Procedure", "location:below=a b", `"a b" is not a reference`},
	} {
		_, _, err := parse(t, p, c.typ, c.query, search.ParseOptions{})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s?%s: %v; expected %s", c.typ, c.query, err, c.says)
		}
	}
}

// A hierarchy is walked so many levels, and no more than so many resources in all.
func TestHierarchiesAreBounded(t *testing.T) {
	texts := []string{`{"resourceType":"Location","id":"l0"}`}
	for n := range search.MaxLevels + 5 {
		texts = append(texts, part(fmt.Sprintf("l%d", n+1), fmt.Sprintf("Location/l%d", n)))
	}
	deepest, beyond := fmt.Sprintf("l%d", search.MaxLevels), fmt.Sprintf("l%d", search.MaxLevels+1)
	w := worldOf(t, append(texts, procedure("p0", "Location/l0"), procedure("near", "Location/"+deepest), procedure("far", "Location/"+beyond))...)
	finds(t, w, "Procedure", "location:below=l0", "p0 near")
	finds(t, w, "Procedure", "location:above="+deepest, "p0 near")
	finds(t, w, "Procedure", "location:above="+beyond, "near far")

	var parents []string
	for n := range 10_001 {
		parents = append(parents, fmt.Sprintf(`{"reference":"Procedure/x%d"}`, n))
	}
	w = worldOf(t, `{"resourceType":"Procedure","id":"p","status":"completed","partOf":[`+strings.Join(parents, ",")+`]}`)
	_, err := w.Search(context.Background(), "Procedure", "part-of:above=p")
	var e *outcome.Error
	if !errors.As(err, &e) || !outcome.Is(err, outcome.TooCostly) {
		t.Errorf("a walk over 10,001 resources gives %v; expected too-costly", err)
	}
}
