package store_test

import (
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// parse reads a query with parameters compiled anew and a clock of its own.
func parse(t *testing.T, now time.Time, typ, text string) *search.Query {
	t.Helper()
	parameters, err := search.NewParameters(search.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return parseWith(t, parameters, typ, text)
}

func parseWith(t *testing.T, parameters *search.Parameters, typ, text string) *search.Query {
	t.Helper()
	pairs, err := search.ReadQueryString(text)
	if err != nil {
		t.Fatal(err)
	}
	query, _, err := parameters.Parse([]string{typ}, pairs, search.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return query
}

func TestFingerprint(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, a, b string
		same       bool
	}{
		{"is the same in another process", "name=lind&_sort=-birthdate", "name=lind&_sort=-birthdate", true},
		{"leaves out what only decides how much is shown", "name=lind", "name=lind&_count=3&_total=accurate&_summary=true&_include=Patient:organization", true},
		{"leaves out the span of an approximate date, which moves with the clock", "birthdate=ap1990-05-01", "birthdate=ap1990-05-01", true},
		{"tells values apart", "name=lind", "name=lund", false},
		{"tells parameters apart", "family=lind", "given=lind", false},
		{"tells modifiers apart", "name=lind", "name:exact=lind", false},
		{"tells prefixes apart", "birthdate=gt1990", "birthdate=ge1990", false},
		{"tells or from and", "name=a,b", "name=a&name=b", false},
		{"tells sorts apart", "_sort=birthdate", "_sort=-birthdate", false},
		{"tells a sort from none", "name=lind", "name=lind&_sort=name", false},
		{"tells chains apart", "organization.name=a", "organization.name=b", false},
		{"tells units apart", "_has:Observation:subject:value-quantity=1|http://unitsofmeasure.org|g", "_has:Observation:subject:value-quantity=1|http://unitsofmeasure.org|mg", false},
		{"tells contained resources from others", "name=lind", "name=lind&_contained=both", false},
		{"tells contained resources from their containers", "_contained=true", "_contained=true&_containedType=contained", false},
		{"tells decimals apart", "_has:Observation:subject:value-quantity=1.0", "_has:Observation:subject:value-quantity=1.00", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := store.Fingerprint(parse(t, now, "Patient", c.a))
			b := store.Fingerprint(parse(t, now.Add(time.Hour), "Patient", c.b))
			if (a == b) != c.same {
				t.Errorf("%s has %x, %s has %x", c.a, a, c.b, b)
			}
		})
	}
	if store.Fingerprint(parse(t, now, "Patient", "_id=a")) == store.Fingerprint(parse(t, now, "Observation", "_id=a")) {
		t.Error("types are not told apart")
	}
}

// TestFingerprintLeavesOutWhatIsRemembered: a query that has run is still the same query.
func TestFingerprintLeavesOutWhatIsRemembered(t *testing.T) {
	query := parse(t, time.Now(), "Observation", "value-quantity=1|http://unitsofmeasure.org|g")
	before := store.Fingerprint(query)
	test, ok := query.Branches[0].Filter.(search.Test)
	if !ok {
		t.Fatalf("the filter is %T", query.Branches[0].Filter)
	}
	n := apd.New(1000, 0)
	if !test.Match([]search.Entry{{Param: test.Param, Value: search.QuantityValue{
		NumberValue: search.NumberValue{Low: n, High: n}, System: "http://unitsofmeasure.org", Code: "mg",
	}}}) {
		t.Fatal("1000 mg is not found")
	}
	if after := store.Fingerprint(query); after != before {
		t.Errorf("the fingerprint was %x and is %x", before, after)
	}
}

// TestFingerprintTellsDefinitionsApart: a cursor made before a custom parameter was defined otherwise is one of
// another query, wherever that has the parameter.
func TestFingerprintTellsDefinitionsApart(t *testing.T) {
	for _, text := range []string{
		"x-word=lind", "x-word:missing=true", "_sort=x-word", "link:Patient.x-word=lind", "_has:Patient:link:x-word=lind",
		"_filter=x-word eq lind", "_sort=link:Patient.x-word",
	} {
		t.Run(text, func(t *testing.T) {
			family := store.Fingerprint(parseWith(t, defined(t, "Patient.name.family"), "Patient", text))
			if again := store.Fingerprint(parseWith(t, defined(t, "Patient.name.family"), "Patient", text)); again != family {
				t.Errorf("one definition has %x and %x", family, again)
			}
			if given := store.Fingerprint(parseWith(t, defined(t, "Patient.name.given"), "Patient", text)); given == family {
				t.Errorf("two definitions have %x", family)
			}
		})
	}
}

// defined are parameters with x-word of Patient, found by an expression.
func defined(t *testing.T, expression string) *search.Parameters {
	t.Helper()
	parameters, err := search.NewParameters(search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := resources.Parse([]byte(`{"resourceType":"SearchParameter","status":"active","url":"http://kiln.example/SearchParameter/word",` +
		`"code":"x-word","base":["Patient"],"type":"string","expression":"` + expression + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	definition, err := doc.Resource()
	if err != nil {
		t.Fatal(err)
	}
	r, problems := parameters.Revise(map[string]resources.Element{"word": definition})
	if problems != nil || !r.Install() {
		t.Fatalf("the definition is not taken: %v", problems)
	}
	parameters.Complete(r.Added...)
	return parameters
}

func BenchmarkFingerprint(b *testing.B) {
	parameters, err := search.NewParameters(search.Options{})
	if err != nil {
		b.Fatal(err)
	}
	query, _, err := parameters.Parse([]string{"Observation"}, []search.NameValue{
		{Name: "subject:Patient.name", Value: "lind"},
		{Name: "code", Value: "http://loinc.org|29463-7,http://loinc.org|3141-9"},
		{Name: "date", Value: "ge2025"},
		{Name: "_sort", Value: "-date"},
	}, search.ParseOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		store.Fingerprint(query)
	}
}
