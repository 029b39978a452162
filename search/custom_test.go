package search_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/search"
)

// definition is a SearchParameter with some members replaced or added: "code", `"x"`.
func definition(t testing.TB, members ...string) resources.Element {
	t.Helper()
	text := map[string]string{
		"resourceType": `"SearchParameter"`, "url": `"http://example.org/SearchParameter/nick"`, "name": `"nick"`, "status": `"active"`,
		"description": `"nick"`, "code": `"nick"`, "base": `["Patient"]`, "type": `"string"`, "expression": `"Patient.name.where(use = 'nickname').given"`,
	}
	for i := 0; i < len(members); i += 2 {
		text[members[i]] = members[i+1]
	}
	var parts []string
	for name, value := range text {
		if value != "" {
			parts = append(parts, `"`+name+`":`+value)
		}
	}
	return resourceOf(t, "{"+strings.Join(parts, ",")+"}")
}

func resourceOf(t testing.TB, text string) resources.Element {
	t.Helper()
	doc, err := resources.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	e, err := doc.Resource()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var r4, r4Err = search.NewParameters(search.Options{})

func ownParameters(t testing.TB) *search.Parameters {
	t.Helper()
	if r4Err != nil {
		t.Fatal(r4Err)
	}
	return r4.Copy()
}

// define puts definitions in use, and completes them.
func define(t testing.TB, p *search.Parameters, definitions map[string]resources.Element) {
	t.Helper()
	r, problems := p.Revise(definitions)
	if problems != nil {
		t.Fatal(problems)
	}
	if !r.Install() {
		t.Fatal("the revision is not of the set there is")
	}
	p.Complete(r.Added...)
}

func TestBadDefinitionsAreRefusedWithAllReasons(t *testing.T) {
	composite := []string{"type", `"composite"`, "base", `["Observation"]`, "expression", `"Observation.component"`}
	for name, test := range map[string]struct {
		members []string
		places  string // of the issues
		words   string
	}{
		"several":             {[]string{"url", `"x"`, "code", `"a:b"`, "base", `["Human"]`, "expression", `"Patient.("`}, "url code base expression", "absolute"},
		"code with a point":   {[]string{"code", `"a.b"`}, "code", "cannot be the name"},
		"code of the answer":  {[]string{"code", `"_count"`}, "code", "cannot be the name"},
		"code that sorts":     {[]string{"code", `"-x"`}, "code", "cannot be the name"},
		"code of R4":          {[]string{"code", `"name"`}, "code", "has a search parameter \"name\" of Patient"},
		"code of R4 below":    {[]string{"code", `"birthdate"`, "base", `["DomainResource"]`, "expression", `"DomainResource.language"`, "type", `"token"`}, "code", "of DomainResource"},
		"special":             {[]string{"type", `"special"`}, "type", "expected number"},
		"nearby":              {[]string{"xpathUsage", `"nearby"`}, "xpathUsage", "expected normal"},
		"phonetic date":       {[]string{"xpathUsage", `"phonetic"`, "type", `"date"`, "expression", `"Patient.birthDate"`}, "xpathUsage", "string"},
		"no expression":       {[]string{"expression", ""}, "expression", "has no expression"},
		"no such function":    {[]string{"expression", `"Patient.name.frobnicate()"`}, "expression", "frobnicate"},
		"base below another":  {[]string{"base", `["Patient","DomainResource"]`, "expression", `"DomainResource.language | Patient.language"`}, "base", "Patient is a kind of DomainResource"},
		"Resource and below":  {[]string{"base", `["DomainResource","Resource"]`, "expression", `"DomainResource.language | Resource.language"`}, "base", "DomainResource is a kind of Resource"},
		"time":                {[]string{"type", `"date"`, "expression", `"Patient.birthDate.select(now())"`}, "expression", "now() does not depend on the resource alone"},
		"today":               {[]string{"expression", `"Patient.name.where(today() > @2024).given"`}, "expression", "today()"},
		"value set":           {[]string{"type", `"token"`, "expression", `"Patient.maritalStatus.where(memberOf('http://example.org/vs'))"`}, "expression", "memberOf()"},
		"too long":            {[]string{"expression", `"Patient.name` + strings.Repeat(" | Patient.name", 400) + `"`}, "expression", "longer than"},
		"no such element":     {[]string{"expression", `"Patient.nam.given"`}, "expression", "leads to no element of Patient"},
		"another type":        {[]string{"expression", `"Observation.code"`}, "expression", "begins at Patient"},
		"no value of a type":  {[]string{"type", `"quantity"`, "expression", `"Patient.name"`}, "expression", "HumanName of Patient"},
		"reference to none":   {[]string{"type", `"reference"`, "expression", `"Patient.managingOrganization"`}, "target", "names no target"},
		"target unknown":      {[]string{"type", `"reference"`, "expression", `"Patient.managingOrganization"`, "target", `["Hospital"]`}, "target", "Hospital"},
		"target of a string":  {[]string{"target", `["Patient"]`}, "target", "Only a reference"},
		"modifier of another": {[]string{"modifier", `["of-type"]`}, "modifier", "of-type"},
		"comparator":          {[]string{"comparator", `["eq"]`}, "comparator", "numbers, dates and quantities"},
		"chain":               {[]string{"chain", `["name"]`}, "chain", "Only a reference"},
		"components":          {[]string{"component", `[{"definition":"http://hl7.org/fhir/SearchParameter/clinical-code","expression":"code"}]`}, "component", "Only a composite"},
		"one component":       {append(composite, "component", `[{"definition":"http://hl7.org/fhir/SearchParameter/clinical-code","expression":"code"}]`), "component", "expected 2 to 4"},
		"unknown component": {
			append(composite, "component", `[{"definition":"http://hl7.org/fhir/SearchParameter/clinical-code","expression":"code"},{"definition":"http://example.org/none","expression":"value"}]`),
			"component[1].definition", "not a search parameter",
		},
		"component that is no path": {
			append(composite, "component", `[{"definition":"http://hl7.org/fhir/SearchParameter/clinical-code","expression":"code.first()"},{"definition":"http://hl7.org/fhir/SearchParameter/clinical-code","expression":"code"}]`),
			"component[0].expression", "not a path",
		},
		"R4's own with another code": {[]string{"url", `"http://hl7.org/fhir/SearchParameter/individual-birthdate"`, "base", `["Patient","Group"]`}, "code type base", "is \"birthdate\" in FHIR R4"},
		"derived from another type":  {[]string{"code", `"birthdate"`, "derivedFrom", `"http://hl7.org/fhir/SearchParameter/individual-birthdate"`}, "type", "derived from"},
	} {
		t.Run(name, func(t *testing.T) {
			r, problems := ownParameters(t).Revise(map[string]resources.Element{"x": definition(t, test.members...)})
			if r != nil || len(problems) != 1 {
				t.Fatalf("it was taken, %v", problems)
			}
			var places []string
			words := ""
			for _, issue := range problems["x"] {
				places = append(places, strings.TrimPrefix(issue.Expression[0], "SearchParameter."))
				words += issue.Diagnostics
			}
			if got := strings.Join(places, " "); got != test.places || !strings.Contains(words, test.words) {
				t.Errorf("refused at %q with %q; want %q, %q", got, words, test.places, test.words)
			}
		})
	}
}

func TestDefinitionsThatConflict(t *testing.T) {
	p := ownParameters(t)
	define(t, p, map[string]resources.Element{"a": definition(t)})
	for name, changes := range map[string]map[string]resources.Element{
		"url":  {"b": definition(t, "code", `"other"`)},
		"code": {"b": definition(t, "url", `"http://example.org/SearchParameter/b"`)},
		"code on a base above": {"b": definition(t, "url", `"http://example.org/SearchParameter/b"`, "base", `["DomainResource"]`,
			"expression", `"DomainResource.language"`, "type", `"token"`)},
	} {
		if _, problems := p.Revise(changes); len(problems["b"]) != 1 || problems["b"][0].Code != outcome.Duplicate {
			t.Errorf("%s: got %v; want one duplicate", name, problems)
		}
	}
	both := map[string]resources.Element{"b": definition(t, "url", `"http://example.org/SearchParameter/b"`), "a": {}}
	if _, problems := p.Revise(both); problems != nil {
		t.Errorf("one that takes the place of another is refused: %v", problems)
	}
	drafts := map[string]resources.Element{"b": definition(t, "status", `"draft"`)}
	if r, problems := p.Revise(drafts); problems != nil || len(r.Added)+len(r.Removed) != 0 {
		t.Errorf("a draft counts: %v", problems)
	}
}

func TestDefinitionsOfR4MakeNothingNew(t *testing.T) {
	p := ownParameters(t)
	r, problems := p.Revise(map[string]resources.Element{
		"own":     definition(t, "url", `"http://hl7.org/fhir/SearchParameter/individual-birthdate"`, "code", `"birthdate"`, "type", `"date"`, "expression", `"Patient.birthDate"`),
		"derived": definition(t, "derivedFrom", `"http://hl7.org/fhir/SearchParameter/Patient-name"`, "code", `"name"`, "expression", `"Patient.name"`),
	})
	if problems != nil {
		t.Fatal(problems)
	}
	name := p.Lookup("Patient", "name")
	if r.Install(); p.Lookup("Patient", "name") != name || len(p.Of("Patient")) != len(r4.Of("Patient")) {
		t.Error("the parameters of R4 are others now")
	}
	for _, c := range r.Added {
		if len(c.Parameters) != 0 || !c.Progress().Complete {
			t.Errorf("%s has something to index", c.ID)
		}
	}
}

// TestAllDefinitionsOfR4AreTaken: whoever loads the package of R4 changes nothing by it.
func TestAllDefinitionsOfR4AreTaken(t *testing.T) {
	p, all := ownParameters(t), map[string]resources.Element{}
	for i, own := range definitions.R4().AllSearchParameters() {
		list := func(items []string) string { return `["` + strings.Join(items, `","`) + `"]` }
		text := func(s string) string { return strconv.Quote(s) }
		members := []string{"url", text(own.URL), "code", text(own.Code), "type", text(own.Type), "base", list(own.Base), "expression", text(own.Expression)}
		all[fmt.Sprint("own", i)] = definition(t, members...)
		if own.Base[0] != "Resource" && own.Base[0] != "DomainResource" || own.Code == "_id" {
			all[fmt.Sprint("derived", i)] = definition(t, append(members, "url", text("http://example.org/"+own.URL), "derivedFrom", text(own.URL), "base", list([]string{own.Base[0]}))...)
		}
	}
	r, problems := p.Revise(all)
	if len(problems) != 0 {
		t.Fatalf("%d of %d are refused: %v", len(problems), len(all), problems)
	}
	for _, c := range r.Added {
		if len(c.Parameters) != 0 {
			t.Fatalf("%s would be indexed", c.Definition.URL)
		}
	}
}

func TestCustomParametersSearchOnceComplete(t *testing.T) {
	p := ownParameters(t)
	r, problems := p.Revise(map[string]resources.Element{"nick": definition(t)})
	if problems != nil || !r.Install() {
		t.Fatal(problems)
	}
	patient := resourceOf(t, `{"resourceType":"Patient","name":[{"use":"nickname","given":["Ada"]},{"given":["Augusta"]}]}`)
	r.Added[0].SetProgress(37, 100)
	for _, query := range []string{"nick=ada", "nick:missing=true", "_sort=nick", "_filter=nick%20eq%20ada", "_has:Observation:patient:subject.nick=x"} {
		if _, err := parsed(t, p, query); !strings.Contains(err, "37 %") && query != "_has:Observation:patient:subject.nick=x" {
			t.Errorf("%s while it is being indexed: %s", query, err)
		}
	}
	if e := valuesOf(t, p, patient, "nick"); e != 1 {
		t.Errorf("a write has %d values of a parameter that is being indexed; want 1", e)
	}
	before := p.Generation()
	p.Complete(r.Added[0])
	if p.Generation() == before {
		t.Error("the generation is the same after a completion")
	}
	for query, want := range map[string]bool{"nick=ada": true, "nick=augusta": false, "nick:exact=Ada": true, "nick:missing=true": false} {
		q, err := parsed(t, p, query)
		if err != "" {
			t.Fatal(err)
		}
		entries, _ := p.Extract(t.Context(), patient)
		if got, _ := q.Match(t.Context(), search.Resource{Type: "Patient", ID: "a", Entries: entries}, nil); got != want {
			t.Errorf("%s: %v", query, got)
		}
	}
	gone, _ := p.Revise(map[string]resources.Element{"nick": definition(t, "status", `"retired"`)})
	if gone.Install(); len(gone.Removed) != 1 || p.Lookup("Patient", "nick") != nil || valuesOf(t, p, patient, "nick") != 0 {
		t.Error("a retired parameter is still there")
	}
}

func parsed(t testing.TB, p *search.Parameters, query string) (*search.Query, string) {
	t.Helper()
	pairs, err := search.ReadQueryString(query)
	if err != nil {
		t.Fatal(err)
	}
	q, _, err := p.Parse([]string{"Patient"}, pairs, search.ParseOptions{})
	if err != nil {
		return nil, err.Error()
	}
	return q, ""
}

func valuesOf(t testing.TB, p *search.Parameters, e resources.Element, code string) (n int) {
	t.Helper()
	entries, err := p.Extract(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Param.Code == code {
			n++
		}
	}
	return n
}

func TestDefinitionsNarrowWhatMayBeAsked(t *testing.T) {
	p := ownParameters(t)
	define(t, p, map[string]resources.Element{
		"nick": definition(t, "modifier", `["exact"]`, "multipleOr", "false", "multipleAnd", "false"),
		"died": definition(t, "url", `"http://example.org/died"`, "code", `"died"`, "type", `"date"`, "expression", `"Patient.deceased.as(dateTime)"`, "comparator", `["gt","lt"]`),
		"home": definition(t, "url", `"http://example.org/home"`, "code", `"home"`, "type", `"reference"`, "expression", `"Patient.managingOrganization"`,
			"target", `["Organization"]`, "chain", `["name"]`),
		"of": definition(t, "url", `"http://example.org/of"`, "code", `"of"`, "type", `"token"`, "expression", `"Patient.extension('http://example.org/of').value.ofType(Coding)"`),
	})
	for query, refused := range map[string]string{
		"nick:exact=Ada": "", "nick=ada": "", "nick:contains=a": "does not list the modifier :contains; valid are :exact.", "nick:missing=true": "does not list the modifier :missing",
		"nick=a,b": "one value only", "nick=a&nick=b": "allows it once", "died=gt2020": "", "died=2020": "", "died=ge2020": "does not list the prefix ge; valid are gt, lt.",
		"home.name=x": "", "home:Organization.name=x": "", "home.address=x": "does not list \"address\"",
		"_sort=home.name": "", "_sort=-home:Organization.name": "", "_sort=home.address": "does not list \"address\"", "_sort=home:Organization.partof.name": "does not list \"partof\"", "of:not=x": "", "of=x,y": "",
	} {
		if _, err := parsed(t, p, query); refused == "" && err != "" || !strings.Contains(err, refused) {
			t.Errorf("%s: got %q; want %q", query, err, refused)
		}
	}
	patient := resourceOf(t, `{"resourceType":"Patient","extension":[{"url":"http://example.org/of","valueCoding":{"code":"a"}},{"url":"http://example.org/no","valueCoding":{"code":"b"}}]}`)
	if n := valuesOf(t, p, patient, "of"); n != 1 {
		t.Errorf("the extension has %d values; want 1", n)
	}
}

// TestHostileExpressionsCostTheirOwnValuesAlone: a write goes on, with all values of R4.
func TestHostileExpressionsCostTheirOwnValuesAlone(t *testing.T) {
	given := strings.TrimSuffix(strings.Repeat(`"a",`, 300), ",")
	patient := resourceOf(t, `{"resourceType":"Patient","name":[{"family":"Byron","given":[`+given+`]}]}`)
	for name, expression := range map[string]string{
		"steps":      `Patient.name.given.select($this.combine(%resource.name.given.select(%resource.name.given)))`,
		"no boolean": `Patient.name.where(given + 1).family`,
		"values":     `Patient.name.given.select(%resource.name.given)`,
	} {
		t.Run(name, func(t *testing.T) {
			p := ownParameters(t)
			want, err := p.Extract(t.Context(), patient)
			if err != nil {
				t.Fatal(err)
			}
			r, problems := p.Revise(map[string]resources.Element{"x": definition(t, "expression", `"`+expression+`"`)})
			if problems != nil || !r.Install() {
				t.Fatal(problems)
			}
			got, err := p.Extract(t.Context(), patient)
			if err != nil || len(got) != len(want) {
				t.Errorf("%d values, %v; want the %d of R4", len(got), err, len(want))
			}
			if only, err := p.ExtractOnly(t.Context(), patient, r.Added[0].Parameters); err != nil || len(only) != 0 {
				t.Errorf("made anew: %d values, %v", len(only), err)
			}
			if n := r.Added[0].Progress().Failed; n != 2 {
				t.Errorf("%d failures were counted; want 2", n)
			}
		})
	}
}

func TestComponentsOfCompositesStay(t *testing.T) {
	p := ownParameters(t)
	pair := definition(t, "url", `"http://example.org/pair"`, "code", `"pair"`, "type", `"composite"`, "expression", `"Patient.name"`,
		"component", `[{"definition":"http://example.org/SearchParameter/nick","expression":"given"},{"definition":"http://hl7.org/fhir/SearchParameter/individual-family","expression":"family"}]`)
	define(t, p, map[string]resources.Element{"nick": definition(t), "pair": pair})
	patient := resourceOf(t, `{"resourceType":"Patient","name":[{"given":["Ada"],"family":"Byron"},{"given":["Bea"],"family":"King"}]}`)
	entries, err := p.Extract(t.Context(), patient)
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]bool{"pair=ada$byron": true, "pair=ada$king": false} {
		q, refused := parsed(t, p, query)
		if refused != "" {
			t.Fatal(refused)
		}
		if got, _ := q.Match(t.Context(), search.Resource{Type: "Patient", ID: "a", Entries: entries}, nil); got != want {
			t.Errorf("%s: %v", query, got)
		}
	}
	for name, change := range map[string]resources.Element{"retired": {}, "renamed": definition(t, "code", `"other"`)} {
		if _, problems := p.Revise(map[string]resources.Element{"nick": change}); len(problems[""]) != 1 {
			t.Errorf("%s: a component of a composite may go: %v", name, problems)
		}
	}
	if r, problems := p.Revise(map[string]resources.Element{"nick": definition(t, "description", `"other"`)}); problems != nil || len(r.Added)+len(r.Removed) != 0 {
		t.Errorf("another description is indexed anew: %v", problems)
	}
}
