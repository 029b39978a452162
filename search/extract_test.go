package search_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/search"
)

// extractCases say what each kind of element becomes: https://hl7.org/fhir/R4/search.html#table
var extractCases = []struct {
	name, resource, code string
	want                 []string
}{
	{
		"a HumanName is searched by each of its parts",
		`{"resourceType":"Patient","name":[{"text":"Dr. Zoë Q. Lind","family":"Lind","given":["Zoë","Q."],"prefix":["Dr."]},{"use":"nickname"}]}`,
		"name",
		[]string{"Dr. Zoë Q. Lind ~ dr zoe q lind", "Lind ~ lind", "Zoë ~ zoe", "Q. ~ q", "Dr. ~ dr"},
	},
	{
		"an Address is searched by each of its parts",
		`{"resourceType":"Patient","address":[{"line":["1 High  Street"],"city":"Örebro","postalCode":"701-10","country":"SE"}]}`,
		"address",
		[]string{"1 High  Street ~ 1 high street", "Örebro ~ orebro", "701-10 ~ 701 10", "SE ~ se"},
	},
	{
		"phonetic parameters hold how a name sounds",
		`{"resourceType":"Patient","name":[{"family":"Schmidt","given":["Catherine"]}]}`,
		"phonetic",
		[]string{"Schmidt ~ 253", "Catherine ~ 2365"},
	},
	{
		"a primitive without value gives nothing",
		`{"resourceType":"Patient","name":[{"_family":{"extension":[{"url":"http://x","valueCode":"masked"}]}}]}`,
		"family", nil,
	},
	{
		"a boolean is a token",
		`{"resourceType":"Patient","active":false}`,
		"active",
		[]string{"|false"},
	},
	{
		"a code is a token without system",
		`{"resourceType":"Patient","gender":"female"}`,
		"gender",
		[]string{"|female"},
	},
	{
		"a CodeableConcept gives its codings, with display, and its text",
		`{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic Pressure"},{"code":"BP"}],"text":"Blood-pressure"}}`,
		"code",
		[]string{"http://loinc.org|8480-6 ~ systolic pressure", "|BP", "| ~ blood pressure"},
	},
	{
		"an Identifier has the types for :of-type",
		`{"resourceType":"Patient","identifier":[{"system":"urn:oid:1.2","value":"A 1","type":{"coding":[{"system":"http://v2","code":"MR"},{"system":"http://v2","code":"XX"}],"text":"Record Number"}},{"value":"7"}]}`,
		"identifier",
		[]string{"urn:oid:1.2|A 1 ~ record number : http://v2|MR", "urn:oid:1.2|A 1 ~ record number : http://v2|XX", "|7"},
	},
	{
		"a ContactPoint is its value, filtered by its system",
		`{"resourceType":"Patient","telecom":[{"system":"phone","value":"555 0101"},{"system":"email","value":"a@b.example"}]}`,
		"email",
		[]string{"|a@b.example"},
	},
	{
		"tags are tokens of all types",
		`{"resourceType":"Basic","meta":{"tag":[{"system":"http://x","code":"t"}],"profile":["http://p|1"],"source":"http://s"}}`,
		"_tag",
		[]string{"http://x|t"},
	},
	{
		"profiles are URIs as written",
		`{"resourceType":"Basic","meta":{"profile":["http://p|1"]}}`,
		"_profile",
		[]string{"http://p|1"},
	},
	{
		"a relative reference names a resource of this server",
		`{"resourceType":"Observation","subject":{"reference":"Patient/p1"}}`,
		"subject",
		[]string{"Patient/p1"},
	},
	{
		"so does an absolute one below the base, and the version is kept apart",
		`{"resourceType":"Observation","subject":{"reference":"http://kiln.example/fhir/Patient/p1/_history/3"}}`,
		"subject",
		[]string{"Patient/p1|3"},
	},
	{
		"other absolute references stay URLs",
		`{"resourceType":"Observation","subject":{"reference":"http://elsewhere.example/fhir/Patient/p1"}}`,
		"subject",
		[]string{"http://elsewhere.example/fhir/Patient/p1"},
	},
	{
		"a base that only begins alike is another server",
		`{"resourceType":"Observation","subject":{"reference":"http://kiln.example/fhir2/Patient/p1"}}`,
		"subject",
		[]string{"http://kiln.example/fhir2/Patient/p1"},
	},
	{
		"a logical reference is its identifier",
		`{"resourceType":"Observation","subject":{"identifier":{"system":"urn:oid:1.2","value":"7"},"display":"someone"}}`,
		"subject",
		[]string{"urn:oid:1.2|7 = urn:oid:1.2|7"},
	},
	{
		"a reference that only shows a name is none",
		`{"resourceType":"Observation","subject":{"display":"someone"}}`,
		"subject", nil,
	},
	{
		"a contained resource is there, but not to be found by id",
		`{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"c"}],"subject":{"reference":"#c"}}`,
		"subject",
		[]string{"#c"},
	},
	{
		"resolve() is decided by the type in the address",
		`{"resourceType":"Observation","subject":{"reference":"Group/g"}}`,
		"patient", nil,
	},
	{
		"resolve() is decided by the type in a foreign address",
		`{"resourceType":"Observation","subject":{"reference":"http://elsewhere.example/Patient/p"}}`,
		"patient",
		[]string{"http://elsewhere.example/Patient/p"},
	},
	{
		"resolve() is decided by the contained resource",
		`{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"c"}],"subject":{"reference":"#c"}}`,
		"patient",
		[]string{"#c"},
	},
	{
		"resolve() is decided by Reference.type where nothing else tells",
		`{"resourceType":"Observation","subject":{"type":"Patient","identifier":{"value":"7"}}}`,
		"patient",
		[]string{"|7 = |7"},
	},
	{
		"a canonical keeps its version apart",
		`{"resourceType":"QuestionnaireResponse","questionnaire":"http://q.example/Questionnaire/a|2.0"}`,
		"questionnaire",
		[]string{"http://q.example/Questionnaire/a|2.0"},
	},
	{
		"the first resource of a bundle is referred to by its id",
		`{"resourceType":"Bundle","type":"document","entry":[{"resource":{"resourceType":"Composition","id":"c1"}},{"resource":{"resourceType":"Patient","id":"p"}}]}`,
		"composition",
		[]string{"Composition/c1"},
	},
	{
		"a date covers its day",
		`{"resourceType":"Patient","birthDate":"1970-02-28"}`,
		"birthdate",
		[]string{"1970-02-28T00:00:00 to 1970-03-01T00:00:00"},
	},
	{
		"a year covers its year",
		`{"resourceType":"Patient","birthDate":"1970"}`,
		"birthdate",
		[]string{"1970-01-01T00:00:00 to 1971-01-01T00:00:00"},
	},
	{
		"a dateTime covers its last digit",
		`{"resourceType":"Observation","effectiveDateTime":"2020-02-29T10:00:00.5+02:00"}`,
		"date",
		[]string{"2020-02-29T08:00:00.5 to 2020-02-29T08:00:00.6"},
	},
	{
		"a finer time covers a microsecond",
		`{"resourceType":"Observation","effectiveInstant":"2020-02-29T10:00:00.123456789Z"}`,
		"date",
		[]string{"2020-02-29T10:00:00.123456 to 2020-02-29T10:00:00.123457"},
	},
	{
		"a Period without end goes on",
		`{"resourceType":"Observation","effectivePeriod":{"start":"2020-02-29T10:00:00Z"}}`,
		"date",
		[]string{"2020-02-29T10:00:00 to ever"},
	},
	{
		"a Period ends with its last day",
		`{"resourceType":"Observation","effectivePeriod":{"end":"2020-02"}}`,
		"date",
		[]string{"ever to 2020-03-01T00:00:00"},
	},
	{
		"a Period without either end is none",
		`{"resourceType":"Observation","effectivePeriod":{"id":"x"}}`,
		"date", nil,
	},
	{
		"a Timing is its outer limits",
		`{"resourceType":"Observation","effectiveTiming":{"event":["2020-03-05","2020-01-01"],"repeat":{"boundsPeriod":{"start":"2020-02-01","end":"2020-02-02"}}}}`,
		"date",
		[]string{"2020-01-01T00:00:00 to 2020-03-06T00:00:00"},
	},
	{
		"a date that is none gives nothing",
		`{"resourceType":"Patient","birthDate":"1970-02-30"}`,
		"birthdate", nil,
	},
	{
		"a decimal keeps its digits",
		`{"resourceType":"RiskAssessment","prediction":[{"probabilityDecimal":0.10},{"probabilityRange":{"low":{"value":0.2}}}]}`,
		"probability",
		[]string{"0.10", "[0.2, any]"},
	},
	{
		"a Quantity keeps system, code and unit",
		`{"resourceType":"Observation","valueQuantity":{"value":5.40,"unit":"milligram","system":"http://unitsofmeasure.org","code":"mg"}}`,
		"value-quantity",
		[]string{"5.40 http://unitsofmeasure.org|mg milligram"},
	},
	{
		"a comparator opens the span of a Quantity",
		`{"resourceType":"Observation","valueQuantity":{"value":5,"comparator":"<","unit":"mg"}}`,
		"value-quantity",
		[]string{"[any, 5) | mg"},
	},
	{
		"SampledData are their bounds",
		`{"resourceType":"Observation","valueSampledData":{"origin":{"value":10,"code":"mV"},"period":1,"factor":0.5,"lowerLimit":-3,"dimensions":1,"data":"4 -2 E 1.5 L"}}`,
		"value-quantity",
		[]string{"[-3, 12.0] |mV"},
	},
	{
		"a Range is its span",
		`{"resourceType":"Condition","onsetRange":{"low":{"value":30,"unit":"a"},"high":{"value":40,"unit":"a"}}}`,
		"onset-age",
		[]string{"[30, 40] | a"},
	},
	{
		"an Age is a Quantity",
		`{"resourceType":"Condition","onsetAge":{"value":52,"code":"a","system":"http://unitsofmeasure.org"}}`,
		"onset-age",
		[]string{"52 http://unitsofmeasure.org|a"},
	},
	{
		"Money has its currency as code",
		`{"resourceType":"Invoice","totalNet":{"value":10.00,"currency":"EUR"}}`,
		"totalnet",
		[]string{"10.00 urn:iso:std:iso:4217|EUR"},
	},
	{
		"a composite holds the values of one element",
		`{"resourceType":"Observation","component":[{"code":{"coding":[{"code":"A"}]},"valueQuantity":{"value":1}},{"code":{"coding":[{"code":"B"}]},"valueQuantity":{"value":2}},{"code":{"coding":[{"code":"C"}]}}]}`,
		"component-code-value-quantity",
		[]string{"|A $ 1 |", "|B $ 2 |"},
	},
	{
		"a component may come from the resource",
		`{"resourceType":"MolecularSequence","referenceSeq":{"chromosome":{"coding":[{"code":"7"}]}},"variant":[{"start":1,"end":5}]}`,
		"chromosome-variant-coordinate",
		[]string{"|7 $ 1 $ 5"},
	},
	{
		"the components of DocumentReference-relationship are in the order of their names",
		`{"resourceType":"DocumentReference","relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/d"}}]}`,
		"relationship",
		[]string{"DocumentReference/d $ |replaces"},
	},
	{
		"code-value-date means dateTime where it says DateTime",
		`{"resourceType":"Observation","code":{"coding":[{"code":"A"}]},"valueDateTime":"2020"}`,
		"code-value-date",
		[]string{"|A $ 2020-01-01T00:00:00 to 2021-01-01T00:00:00"},
	},
}

func TestExtract(t *testing.T) {
	p := newParameters(t)
	for _, c := range extractCases {
		t.Run(c.name, func(t *testing.T) {
			entries, err := p.Extract(context.Background(), document(t, c.resource))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range entries {
				if e.Param.Code == c.code {
					got = append(got, show(e.Value))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s gives\n%s\nwant\n%s", c.code, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestExtractReadsDatesInTheConfiguredZone(t *testing.T) {
	zone := time.FixedZone("", 3600)
	p, err := search.NewParameters(search.Options{Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := p.Extract(context.Background(), document(t, `{"resourceType":"Patient","birthDate":"2020-03-01"}`))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(entries, func(e search.Entry) bool { return e.Param.Code == "birthdate" })
	if got, want := show(entries[i].Value), "2020-02-29T23:00:00 to 2020-03-01T23:00:00"; got != want {
		t.Errorf("the day is %s; want %s", got, want)
	}
}

func TestExtractRefuses(t *testing.T) {
	p := newParameters(t)
	t.Run("what is no resource", func(t *testing.T) {
		name := document(t, `{"resourceType":"Patient","name":[{"family":"Lind"}]}`).First("name")
		if _, err := p.Extract(context.Background(), name); !outcome.Is(err, outcome.Structure) {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("more than a million values", func(t *testing.T) {
		list := `{"code":"a"}` + strings.Repeat(`,{"code":"a"}`, 1_000_000)
		e := document(t, `{"resourceType":"Basic","code":{"coding":[`+list+`]}}`)
		if _, err := p.Extract(context.Background(), e); !outcome.Is(err, outcome.TooCostly) {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("a composite of a million pairs", func(t *testing.T) {
		codings := `{"code":"a"}` + strings.Repeat(`,{"code":"a"}`, 3000)
		variants := `{"start":1,"end":2}` + strings.Repeat(`,{"start":1,"end":2}`, 3000)
		e := document(t, `{"resourceType":"MolecularSequence","referenceSeq":{"chromosome":{"coding":[`+codings+`]}},"variant":[`+variants+`]}`)
		if _, err := p.Extract(context.Background(), e); !outcome.Is(err, outcome.TooCostly) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestOwnValuesAreThoseOfTheEngine(t *testing.T) {
	p := newParameters(t)
	own := p.Own("p1", time.Date(2024, 5, 6, 7, 8, 9, 123_000_000, time.UTC))
	if own[0].Param != p.ID() || own[1].Param != p.LastUpdated() {
		t.Fatalf("the parameters are %s and %s", own[0].Param.Code, own[1].Param.Code)
	}
	if got := show(own[0].Value); got != "|p1" {
		t.Errorf("_id is %s", got)
	}
	if got := show(own[1].Value); got != "2024-05-06T07:08:09.123 to 2024-05-06T07:08:09.124" {
		t.Errorf("_lastUpdated is %s", got)
	}
	entries, err := p.Extract(context.Background(), document(t, `{"resourceType":"Basic","id":"b","meta":{"lastUpdated":"2020-01-01T00:00:00Z"}}`))
	if err != nil || len(entries) > 0 {
		t.Errorf("Extract gives %v, %v; the engine knows better", entries, err)
	}
}

func TestParametersAreSharedAndStable(t *testing.T) {
	p := newParameters(t)
	if p.Lookup("Patient", "_tag") != p.Lookup("", "_tag") || p.Lookup("Patient", "_tag") == nil {
		t.Error("the base parameters are not the same for all types")
	}
	if p.Lookup("Observation", "code") == p.Lookup("Condition", "code") {
		t.Error("two types share a parameter of their own")
	}
	if p.Lookup("Patient", "nonsense") != nil || p.Lookup("Nonsense", "_id") != nil {
		t.Error("something unknown is found")
	}
	codes := map[string]bool{}
	for _, name := range definitions.R4().ResourceNames() {
		last := ""
		for _, q := range p.Of(name) {
			if q.Code <= last {
				t.Errorf("%s lists %s after %s", name, q.Code, last)
			}
			last = q.Code
			codes[q.Definition.URL] = true
		}
	}
	// 1,376 without _query.
	if len(codes) != 1375 {
		t.Errorf("%d definitions are compiled; want 1375", len(codes))
	}
}

func TestParametersServeManyAtOnce(t *testing.T) {
	p := newParameters(t)
	e := document(t, patient)
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for range 20 {
				if entries, err := p.Extract(context.Background(), e); err != nil || len(entries) < 20 {
					t.Errorf("%d entries, %v", len(entries), err)
				}
				if _, _, err := parse(t, p, "Patient", "name=Zo%C3%AB&phonetic=smith&deceased=false", search.ParseOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
}
