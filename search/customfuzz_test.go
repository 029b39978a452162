package search_test

import (
	"strings"
	"testing"

	"kiln/resources"
	"kiln/search"
)

// FuzzDefinition compiles definitions that nobody would write, puts those that are taken in use, and
// extracts and searches by them: what comes is refused or works, with no panic and no error of a write.
func FuzzDefinition(f *testing.F) {
	for _, seed := range [][2]string{
		{"string", "Patient.name.where(use = 'nickname').given"},
		{"token", "Patient.extension('http://x').value.ofType(code)"},
		{"date", "Patient.birthDate | Observation.effective"},
		{"reference", "Patient.contact.organization"},
		{"quantity", "Observation.value.as(Quantity)"},
		{"number", "Patient.name.count()"},
		{"uri", "meta.profile"},
		{"composite", "Patient.contact"},
		{"special", "Patient"},
		{"string", "repeat(children()).select($this & $this)"},
	} {
		f.Add(seed[0], seed[1], "x")
	}
	patient := resourceOf(f, `{"resourceType":"Patient","id":"p","meta":{"profile":["http://x"]},"extension":[{"url":"http://x","valueCode":"c"}],
		"name":[{"use":"nickname","given":["Ada","Bo"]}],"birthDate":"1970","contact":[{"organization":{"reference":"Organization/o"}}]}`)
	f.Fuzz(func(t *testing.T, typ, expression, value string) {
		p := ownParameters(t)
		text := `{"resourceType":"SearchParameter","url":"http://x","name":"x","status":"active","code":"x","base":["Patient"],"target":["Organization"],` +
			`"type":` + string(resources.Quote(typ)) + `,"expression":` + string(resources.Quote(expression)) + `}`
		doc, err := resources.Parse([]byte(text))
		if err != nil {
			return // not UTF-8
		}
		e, err := doc.Resource()
		if err != nil {
			t.Fatal(err)
		}
		r, problems := p.Revise(map[string]resources.Element{"x": e})
		if (r == nil) == (len(problems) == 0) {
			t.Fatalf("%s %q gives a revision and problems, or neither", typ, expression)
		}
		if r == nil {
			for _, list := range problems {
				for _, issue := range list {
					if strings.TrimSpace(issue.Diagnostics) == "" {
						t.Errorf("%s %q is refused without a reason", typ, expression)
					}
				}
			}
			return
		}
		if !r.Install() {
			t.Fatal("the revision is not of the set there is")
		}
		p.Complete(r.Added...)
		entries, err := p.Extract(t.Context(), patient)
		if err != nil {
			t.Fatalf("%s %q keeps a resource from being written: %v", typ, expression, err)
		}
		q, _, err := p.Parse([]string{"Patient"}, []search.NameValue{{Name: "x", Value: value}}, search.ParseOptions{})
		if err != nil {
			return
		}
		if _, err := q.Match(t.Context(), search.Resource{Type: "Patient", ID: "p", Entries: entries}, nil); err != nil {
			t.Errorf("%s %q searched for %q gives %v", typ, expression, value, err)
		}
	})
}
