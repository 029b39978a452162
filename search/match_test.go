package search_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"kiln/search"
	"kiln/search/searchtest"
)

// matchCases: a resource, queries that find it, and queries that do not.
var matchCases = []struct {
	name, resource string
	finds, misses  []string
}{
	{
		"strings start alike, without case, accents and punctuation",
		`{"resourceType":"Patient","name":[{"family":"O'Brien-Müller","given":["Zoë  Ann"]}]}`,
		[]string{"name=o%27b", "name=OBRIEN", "name=zoe", "name=Zo%C3%AB+ann", "family=obrien+muller", "name=zzz,zoe", "name=zoe&name=obrien"},
		[]string{"name=brien", "name=ann", "given=o%27brien", "name=zoe&name=zzz"},
	},
	{
		":exact compares as written",
		`{"resourceType":"Patient","name":[{"family":"Müller"}]}`,
		[]string{"family:exact=M%C3%BCller"},
		[]string{"family:exact=M%C3%BCll", "family:exact=Muller", "family:exact=m%C3%BCller"},
	},
	{
		":contains looks anywhere",
		`{"resourceType":"Patient","name":[{"family":"Müller-Lind"}]}`,
		[]string{"family:contains=ULL", "family:contains=r-l", "family:contains=lind"},
		[]string{"family:contains=lindm"},
	},
	{
		"phonetic parameters sound alike",
		`{"resourceType":"Patient","name":[{"family":"Smythe","given":["Kathryn"]}]}`,
		[]string{"phonetic=Schmidt", "phonetic=Catherine"},
		[]string{"phonetic=Jones"},
	},
	{
		"tokens are compared as written, with the system or without",
		`{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"8480-6"},{"code":"BP"}]}}`,
		[]string{"code=8480-6", "code=http://loinc.org|8480-6", "code=http://loinc.org|", "code=|BP", "code=x,BP"},
		[]string{"code=8480-", "code=bp", "code=|8480-6", "code=http://loinc.org|BP", "code=http://snomed.info/sct|"},
	},
	{
		":not finds what no value meets, and what has none",
		`{"resourceType":"Observation","code":{"coding":[{"code":"a"},{"code":"b"}]}}`,
		[]string{"code:not=c", "code:not=c,d", "category:not=a"},
		[]string{"code:not=a", "code:not=c,b"},
	},
	{
		":text finds the beginning of a word of display or text",
		`{"resourceType":"Observation","code":{"coding":[{"code":"a","display":"Heart Rate"}],"text":"Puls im Ruhezustand"}}`,
		[]string{"code:text=heart", "code:text=rat", "code:text=heart+rate", "code:text=RUHE"},
		[]string{"code:text=eart", "code:text=puls+ruhe"},
	},
	{
		":of-type finds an identifier by its value and any coding of its type",
		`{"resourceType":"Patient","identifier":[
			{"system":"urn:s","value":"12345","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"},{"system":"urn:local","code":"chart|no"}]}},
			{"value":"67890","type":{"coding":[{"code":"MR"}],"text":"MR"}}]}`,
		[]string{
			"identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|12345", `identifier:of-type=urn:local|chart\|no|12345`,
			"identifier:of-type=urn:x|MR|1,urn:local|chart%5C|no|12345",
		},
		[]string{
			"identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|1234", "identifier:of-type=urn:local|MR|12345",
			"identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|67890", "identifier:of-type=urn:s|MR|12345",
			"identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|mr|12345",
		},
	},
	{
		"_filter compares strings folded, by all, beginning, end, middle and order",
		`{"resourceType":"Patient","name":[{"family":"Müller","given":["Zoë"]}]}`,
		[]string{
			"_filter=family+eq+MULLER", `_filter=family+eq+"müller"`, "_filter=family+sw+mul", "_filter=family+ew+LER", "_filter=family+co+lle", "_filter=name+ne+zoe",
			"_filter=family+gt+mulla", "_filter=family+ge+muller", "_filter=family+le+muller", "_filter=family+lt+n", "_filter=name+gt+y+and+name+lt+n",
			"_filter=family+pr+true", "_filter=address+pr+false", "_filter=family+lt+n&_filter=family+gt+m", `_filter=family+eq+"m\u00fcller"`,
		},
		[]string{
			"_filter=family+eq+mull", "_filter=family+sw+uller", "_filter=family+ew+mull", "_filter=family+ne+muller", "_filter=address+ne+x",
			"_filter=family+gt+muller", "_filter=family+lt+muller", "_filter=family+ge+n", "_filter=family+pr+false", "_filter=address+pr+true", "_filter=family+eq+a,muller",
		},
	},
	{
		"_filter goes from left to right, whatever and and or are, and not is a whole",
		`{"resourceType":"Patient","gender":"male","active":true,"name":[{"family":"Lind"}]}`,
		[]string{
			"_filter=gender+eq+male+and+active+eq+true", "_filter=gender+eq+female+and+active+eq+true+or+family+eq+lind",
			"_filter=gender+eq+male+or+(family+eq+x+and+active+eq+false)", "_filter=not+(gender+eq+female)", "_filter=not(not+(gender+eq+male))",
			"_filter=((gender+eq+male))", "_filter=gender+ne+female", "_filter=gender+eq+http://hl7.org/fhir/administrative-gender|male",
		},
		[]string{
			"_filter=gender+eq+male+or+family+eq+x+and+active+eq+false", "_filter=gender+eq+male+and+not+(active+eq+true)", "_filter=not+(gender+eq+male)",
			"_filter=gender+ne+male", "_filter=gender+ne+http://hl7.org/fhir/administrative-gender|male", "_filter=gender+eq+Male",
		},
	},
	{
		"_filter compares dates as prefixes do, and by what contains and overlaps",
		`{"resourceType":"Observation","effectivePeriod":{"start":"2024-02-01","end":"2024-03-31"},"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},
			"valueQuantity":{"value":120,"system":"http://unitsofmeasure.org","code":"mm[Hg]"}}`,
		[]string{
			"_filter=date+co+2024-02", "_filter=date+co+2024-02-01", "_filter=date+po+2024-03", "_filter=date+po+2024", "_filter=date+eq+2024", "_filter=date+ne+2024-02",
			"_filter=date+sa+2024-01", "_filter=date+eb+2024-04", "_filter=date+ge+2024-03-31", "_filter=date+gt+2024-03-30",
			"_filter=code+eq+loinc|8480-6", `_filter=code-value-quantity+eq+"loinc|8480-6$gt110|ucum|mm[Hg]"`, `_filter=value-quantity+gt+"119|ucum|mm[Hg]"`, "_filter=value-quantity+ap+125",
		},
		[]string{
			"_filter=date+co+2024", "_filter=date+co+2024-04", "_filter=date+po+2024-04", "_filter=date+eq+2024-02", "_filter=date+sa+2024-02", "_filter=date+eb+2024-03",
			"_filter=code+eq+snomed|8480-6", "_filter=code+ne+loinc|8480-6", `_filter=code-value-quantity+eq+"loinc|8480-6$gt130|ucum|mm[Hg]"`, "_filter=value-quantity+lt+119",
		},
	},
	{
		"a text alone is no value for anything else",
		`{"resourceType":"Observation","code":{"text":"Pulse"}}`,
		[]string{"code:text=pulse", "code:missing=true", "code:not=x", "_filter=not+(code+ne+x)", "_filter=code+pr+false"},
		[]string{"code:missing=false", "code=Pulse", "_filter=code+ne+x", "_filter=code+pr+true"},
	},
	{
		"a code is found with the system of its binding",
		`{"resourceType":"Patient","gender":"male","active":true}`,
		[]string{"gender=http://hl7.org/fhir/administrative-gender|male", "gender=|male", "active=true", "active=http://terminology.hl7.org/CodeSystem/special-values|true"},
		[]string{"gender=http://x|male", "active=false"},
	},
	{
		"references by id, by type and id, by URL",
		`{"resourceType":"Observation","subject":{"reference":"Patient/p1"}}`,
		[]string{"subject=p1", "subject=Patient/p1", "subject:Patient=p1", "subject=http://kiln.example/fhir/Patient/p1", "patient=p1", "subject:missing=false"},
		[]string{"subject=p", "subject=Group/p1", "subject:Group=p1", "subject=http://elsewhere.example/fhir/Patient/p1", "subject=Patient/p1/_history/1"},
	},
	{
		"versioned references are found without the version, and with theirs",
		`{"resourceType":"Observation","subject":{"reference":"Patient/p1/_history/2"}}`,
		[]string{"subject=Patient/p1", "subject=Patient/p1/_history/2"},
		[]string{"subject=Patient/p1/_history/1"},
	},
	{
		"canonicals likewise",
		`{"resourceType":"QuestionnaireResponse","questionnaire":"http://q|1"}`,
		[]string{"questionnaire=http://q", "questionnaire=http://q|1"},
		[]string{"questionnaire=http://q|2", "questionnaire=http://q/1"},
	},
	{
		":identifier looks at the identifier inside the reference",
		`{"resourceType":"Observation","subject":{"identifier":{"system":"urn:oid:1","value":"7"}}}`,
		[]string{"subject:identifier=urn:oid:1|7", "subject:identifier=7", "subject:missing=false"},
		[]string{"subject:identifier=urn:oid:2|7", "subject:identifier=|7", "subject=7"},
	},
	{
		"contained resources are there, but have no address",
		`{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"c"}],"subject":{"reference":"#c"}}`,
		[]string{"subject:missing=false"},
		[]string{"subject=c", "subject=Patient/c", "subject:missing=true"},
	},
	{
		"a chain goes into contained resources; \"#\" is for these alone",
		`{"resourceType":"Observation","status":"final","contained":[{"resourceType":"Patient","id":"c","gender":"male"}],"subject":{"reference":"#c"},"hasMember":[{"reference":"#"}]}`,
		[]string{"subject:Patient.gender=male", "subject:Patient._id=c", "patient.gender:missing=false"},
		[]string{"subject:Patient.gender=female", "subject:Group._id=c", "has-member:Observation.status=final"},
	},
	{
		"quantities by number and unit",
		`{"resourceType":"Observation","valueQuantity":{"value":5.40,"unit":"milli","system":"http://unitsofmeasure.org","code":"mg"}}`,
		[]string{"value-quantity=5.4", "value-quantity=5.40", "value-quantity=5|http://unitsofmeasure.org|mg", "value-quantity=5.4||mg", "value-quantity=5.4||milli", "value-quantity=gt5.39||mg"},
		[]string{"value-quantity=5.3", "value-quantity=5.4|http://unitsofmeasure.org|g", "value-quantity=5.4||g", "value-quantity=5.4|http://x|mg", "value-quantity=gt5.4"},
	},
	{
		"units of UCUM are converted",
		`{"resourceType":"Observation","valueQuantity":{"value":5400,"unit":"milli","system":"http://unitsofmeasure.org","code":"mg"}}`,
		[]string{
			"value-quantity=5.4|http://unitsofmeasure.org|g", "value-quantity=5.40|http://unitsofmeasure.org|g", "value-quantity=0.0054|http://unitsofmeasure.org|kg",
			"value-quantity=ge5.4|http://unitsofmeasure.org|g", "value-quantity=le5.4|http://unitsofmeasure.org|g", "value-quantity=lt6|http://unitsofmeasure.org|g{dry}",
			"value-quantity=ap5|http://unitsofmeasure.org|g", "value-quantity=ne5.5|http://unitsofmeasure.org|g", "value-quantity=ne5400|http://unitsofmeasure.org|g",
			"value-quantity=gt0.011|http://unitsofmeasure.org|[lb_av]", "value-quantity=sa5|http://unitsofmeasure.org|g",
		},
		[]string{
			"value-quantity=5.3|http://unitsofmeasure.org|g", "value-quantity=5400|http://unitsofmeasure.org|g", "value-quantity=gt5.4|http://unitsofmeasure.org|g",
			"value-quantity=ne5.4|http://unitsofmeasure.org|g", "value-quantity=gt1|http://unitsofmeasure.org|mL", "value-quantity=ne1|http://unitsofmeasure.org|mL",
			"value-quantity=5.4||g", "value-quantity=5.4|http://x|g", "value-quantity=5400|http://unitsofmeasure.org|milligram",
		},
	},
	{
		"temperatures are converted with their zero",
		`{"resourceType":"Observation","valueQuantity":{"value":37.0,"system":"http://unitsofmeasure.org","code":"Cel"}}`,
		[]string{
			"value-quantity=98.6|http://unitsofmeasure.org|[degF]", "value-quantity=ge98.6|http://unitsofmeasure.org|[degF]", "value-quantity=310.15|http://unitsofmeasure.org|K",
			"value-quantity=lt100|http://unitsofmeasure.org|[degF]",
		},
		[]string{"value-quantity=98.7|http://unitsofmeasure.org|[degF]", "value-quantity=gt98.6|http://unitsofmeasure.org|[degF]", "value-quantity=gt37|http://unitsofmeasure.org|[IU]"},
	},
	{
		"the acidity is compared on its scale",
		`{"resourceType":"Observation","valueQuantity":{"value":7.4,"system":"http://unitsofmeasure.org","code":"[pH]"}}`,
		[]string{"value-quantity=gt7|http://unitsofmeasure.org|[pH]", "value-quantity=gt7|http://unitsofmeasure.org|[pH]{blood}"},
		[]string{"value-quantity=lt7|http://unitsofmeasure.org|[pH]", "value-quantity=gt0|http://unitsofmeasure.org|mol/L", "value-quantity=lt1|http://unitsofmeasure.org|mol/L"},
	},
	{
		"units that UCUM does not have are compared as written",
		`{"resourceType":"Observation","valueQuantity":{"value":120,"system":"http://unitsofmeasure.org","code":"mmHg"}}`,
		[]string{"value-quantity=120|http://unitsofmeasure.org|mmHg"},
		[]string{"value-quantity=120|http://unitsofmeasure.org|mm[Hg]"},
	},
	{
		"a composite converts its quantity",
		`{"resourceType":"Observation","code":{"coding":[{"code":"x"}]},"valueQuantity":{"value":120,"system":"http://unitsofmeasure.org","code":"mm[Hg]"}}`,
		[]string{"code-value-quantity=x$gt15|http://unitsofmeasure.org|kPa"},
		[]string{"code-value-quantity=x$gt16|http://unitsofmeasure.org|kPa"},
	},
	{
		"a comparator of the resource makes a span in any unit",
		`{"resourceType":"Observation","valueQuantity":{"value":5,"comparator":"<","system":"http://unitsofmeasure.org","code":"mg"}}`,
		[]string{"value-quantity=lt5|http://unitsofmeasure.org|ug", "value-quantity=eb5000|http://unitsofmeasure.org|ug"},
		[]string{"value-quantity=gt5000|http://unitsofmeasure.org|ug", "value-quantity=ge5000|http://unitsofmeasure.org|ug"},
	},
	{
		"a comparator of the resource makes a span",
		`{"resourceType":"Observation","valueQuantity":{"value":5,"comparator":"<"}}`,
		[]string{"value-quantity=lt5", "value-quantity=le4", "value-quantity=gt4", "value-quantity=eb5", "value-quantity=ne5"},
		[]string{"value-quantity=5", "value-quantity=gt5", "value-quantity=ge5", "value-quantity=sa4"},
	},
	{
		"so does the other",
		`{"resourceType":"Observation","valueQuantity":{"value":5,"comparator":">"}}`,
		[]string{"value-quantity=gt5", "value-quantity=ge6", "value-quantity=sa5", "value-quantity=gt100"},
		[]string{"value-quantity=5", "value-quantity=le5", "value-quantity=lt5", "value-quantity=eb100"},
	},
	{
		"and one that counts its end",
		`{"resourceType":"Observation","valueQuantity":{"value":5,"comparator":">="}}`,
		[]string{"value-quantity=ge5", "value-quantity=le5", "value-quantity=sa4"},
		[]string{"value-quantity=sa5", "value-quantity=lt5"},
	},
	{
		"URIs as written; :below and :above by the segments of the path",
		`{"resourceType":"ValueSet","url":"http://x.example/a/b"}`,
		[]string{"url=http://x.example/a/b", "url:below=http://x.example/a", "url:below=http://x.example/a/", "url:below=http://x.example/a/b", "url:above=http://x.example/a/b/c"},
		[]string{"url=http://x.example/a", "url=http://x.example/A/b", "url:below=http://x.example/a/b/c", "url:below=http://x.example/a/bb", "url:below=http://x.exam", "url:above=http://x.example/a/bc"},
	},
	{
		"composites hold on one element",
		`{"resourceType":"Observation","component":[{"code":{"coding":[{"code":"a"}]},"valueQuantity":{"value":1}},{"code":{"coding":[{"code":"b"}]},"valueQuantity":{"value":2}}]}`,
		[]string{"component-code-value-quantity=a$1", "component-code-value-quantity=b$gt1", "component-code-value-quantity=c$1,b$2"},
		[]string{"component-code-value-quantity=a$2", "component-code-value-quantity=a$gt1"},
	},
	{
		"ne is met by any value that differs, and by nothing where there is none",
		`{"resourceType":"RiskAssessment","prediction":[{"probabilityDecimal":0.1},{"probabilityDecimal":0.5}]}`,
		[]string{"probability=ne0.1", "probability=ne0.5"},
		[]string{"date=ne2020"},
	},
	{
		"_id and _lastUpdated are the engine's",
		`{"resourceType":"Basic","id":"b1"}`,
		[]string{"_id=b1", "_id=x,b1", "_lastUpdated=2024-02-28T23:59:00Z", "_lastUpdated=ge2024", "_id:not=x"},
		[]string{"_id=B1", "_lastUpdated=gt2024"},
	},
}

func TestMatch(t *testing.T) {
	p := newParameters(t)
	for _, c := range matchCases {
		t.Run(c.name, func(t *testing.T) {
			e := document(t, c.resource)
			entries, err := p.Extract(context.Background(), e)
			if err != nil {
				t.Fatal(err)
			}
			r := search.Resource{Type: e.Type().Name, ID: "b1", Entries: append(entries, p.Own("b1", searchtest.Start)...)}
			for _, query := range append(slices.Clone(c.finds), c.misses...) {
				want := slices.Contains(c.finds, query)
				q, _, err := parse(t, p, r.Type, query, search.ParseOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if got, err := q.Match(context.Background(), r, nil); err != nil || got != want {
					t.Errorf("%s: found %t, %v; want %t", query, got, err, want)
				}
			}
		})
	}
}

func TestAnyCodeIsNotATextAlone(t *testing.T) {
	c := search.TokenCriterion{AnySystem: true, AnyCode: true}
	if c.Match(search.Plain, search.TokenValue{Text: "x"}) || !c.Match(search.Plain, search.TokenValue{Code: "x"}) {
		t.Error("a text is taken for a code")
	}
}

// spans are places of a value against the span or number searched for, and the prefixes that find
// it there: https://hl7.org/fhir/R4/search.html#prefix
var spans = []struct {
	place      string
	low, high  int // hours, against a search for 10 to 20
	finds      string
	openedLow  bool
	openedHigh bool
}{
	{"ends before", 2, 8, "ne lt le eb", false, false},
	{"ends where it begins", 2, 10, "ne lt le eb", false, false},
	{"overlaps the beginning", 5, 15, "ne ge lt le ap", false, false},
	{"is the same", 10, 20, "eq ge le ap", false, false},
	{"lies within", 12, 15, "eq ge le ap", false, false},
	{"holds it within", 5, 25, "ne gt lt ge le ap", false, false},
	{"overlaps the end", 15, 25, "ne gt ge le ap", false, false},
	{"begins where it ends", 20, 25, "ne gt ge sa", false, false},
	{"begins after", 22, 25, "ne gt ge sa", false, false},
	{"never ends", 15, 99, "ne gt ge le ap", false, true},
	{"never began", -99, 15, "ne lt ge le ap", true, false},
}

func TestDatePrefixes(t *testing.T) {
	for _, c := range spans {
		v := search.DateValue{Low: int64(c.low), High: int64(c.high)}
		if c.openedLow {
			v.Low = search.MinTime
		}
		if c.openedHigh {
			v.High = search.MaxTime
		}
		for _, prefix := range []search.Prefix{search.Eq, search.Ne, search.Gt, search.Lt, search.Ge, search.Le, search.Sa, search.Eb, search.Ap} {
			want := slices.Contains(strings.Fields(c.finds), string(prefix))
			if got := (search.DateCriterion{Prefix: prefix, Low: 10, High: 20}).Match(v); got != want {
				t.Errorf("%s finds a value that %s: %t; want %t", prefix, c.place, got, want)
			}
		}
	}
}

// numberPrefixes: a probability and the searches for it: https://hl7.org/fhir/R4/search.html#number
var numberPrefixes = []struct{ value, finds, misses string }{
	{"0.1", "0.1 eq0.10 ne0.2 lt0.11 le0.1 gt0.09 ge0.1 ap0.11 sa0.09 eb0.11", "ne0.1 gt0.1 lt0.1 0.11 sa0.1 eb0.1 ap0.2"},
	{"0.14", "0.1 eq0.14 gt0.1", "0.13 ne0.1 ne0.14000"},
	{"0.15", "0.2 ne0.1", "0.1"}, // the range of 0.1 ends before 0.15
	{"100", "100 1e2 100.00 ge100 le100 ap91", "gt100 lt100 99 101"},
	{"149", "1e2", "1.0e2"},
}

func TestNumberPrefixes(t *testing.T) {
	p := newParameters(t)
	for _, c := range numberPrefixes {
		entries, err := p.Extract(context.Background(), document(t, `{"resourceType":"RiskAssessment","prediction":[{"probabilityDecimal":`+c.value+`}]}`))
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range strings.Fields(c.finds + " " + c.misses) {
			want := slices.Contains(strings.Fields(c.finds), query)
			q, _, err := parse(t, p, "RiskAssessment", "probability="+query, search.ParseOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := q.Match(context.Background(), search.Resource{Type: "RiskAssessment", Entries: entries}, nil); got != want {
				t.Errorf("%s finds %s: %t; want %t", query, c.value, got, want)
			}
		}
	}
}

// world holds an organization with a part, a patient of each, and their observations.
func world(t *testing.T) *searchtest.World {
	t.Helper()
	w := emptyWorld(t)
	for _, text := range []string{
		`{"resourceType":"Organization","id":"o1","name":"North"}`,
		`{"resourceType":"Organization","id":"o2","name":"Ward","partOf":{"reference":"Organization/o1"}}`,
		`{"resourceType":"Patient","id":"p1","name":[{"family":"Lind"}],"managingOrganization":{"reference":"Organization/o1"}}`,
		`{"resourceType":"Patient","id":"p2","name":[{"family":"Berg"}],"managingOrganization":{"reference":"Organization/o2"}}`,
		`{"resourceType":"Group","id":"p1","type":"person","actual":true}`,
		`{"resourceType":"Observation","id":"a","code":{"coding":[{"code":"x"}]},"subject":{"reference":"Patient/p1"}}`,
		`{"resourceType":"Observation","id":"b","code":{"coding":[{"code":"y"}]},"subject":{"reference":"Patient/p2/_history/1"}}`,
		`{"resourceType":"Observation","id":"c","code":{"coding":[{"code":"x"}]},"subject":{"reference":"Group/p1"}}`,
		`{"resourceType":"Observation","id":"d","code":{"coding":[{"code":"x"}]},"subject":{"reference":"Patient/gone"}}`,
		`{"resourceType":"Provenance","id":"v","target":[{"reference":"Observation/b"},{"reference":"Patient/p1"}]}`,
	} {
		e := document(t, text)
		if err := w.Add(e.Document(), e.First("id").Text()); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func emptyWorld(t *testing.T) *searchtest.World {
	t.Helper()
	w, err := searchtest.NewWorld(rand.New(rand.NewPCG(0, 0)), newParameters(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestMatchChains(t *testing.T) {
	w := world(t)
	for _, c := range []struct{ name, typ, query, want string }{
		{"a chain", "Observation", "subject:Patient.name=lind", "a"},
		{"a chain through a versioned reference leads to the current resource", "Observation", "subject.name=berg", "b"},
		{"two steps", "Observation", "subject:Patient.organization.name=north", "a"},
		{"three steps", "Observation", "subject:Patient.organization.partof.name=north", "b"},
		{"a chain leads to what is there, of the type asked", "Observation", "subject:Patient._id:not=p2", "a"},
		{"a chain with :missing", "Observation", "subject:Patient.gender:missing=true", "a b"},
		{"a reverse chain", "Patient", "_has:Observation:patient:code=x", "p1"},
		{"a reverse chain with :not", "Patient", "_has:Observation:patient:code:not=x", "p2"},
		{"a reverse chain in a reverse chain", "Patient", "_has:Observation:patient:_has:Provenance:target:_id=v", "p2"},
		{"a chain in a reverse chain", "Organization", "_has:Patient:organization:organization.name=ward", "o2"},
		{"a reverse chain in a chain", "Observation", "subject:Patient._has:Provenance:target:_id=v", "a"},
		{"a reverse chain in a chain without a type", "Observation", "subject._has:Provenance:target:_id=v", "a"},
		{"which leads to the types alone that can be referred to so", "Observation", "subject._has:Observation:patient:code=x", "a"},
		{"in a filter too", "Observation", "_filter=subject._has:Observation:patient:code eq x", "a"},
		{"and of two reverse chains", "Patient", "_has:Observation:patient:code=x&_has:Provenance:target:_id=v", "p1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys, err := w.Search(context.Background(), c.typ, c.query)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(strings.Join(keys, " "), c.typ+"/", "")
			if got != c.want {
				t.Errorf("%s finds %q; want %q", c.query, got, c.want)
			}
		})
	}
}

func TestMatchTheWholeSystem(t *testing.T) {
	w := world(t)
	for query, want := range map[string]string{
		"_id=p1":                                 "Patient/p1 Group/p1",
		"_id=p1&_type=Patient,Observation":       "Patient/p1",
		"_type=Patient,Organization&_sort=-_id":  "Patient/p2 Patient/p1 Organization/o2 Organization/o1",
		"_type=Patient,Organization&name=n,lind": "Organization/o1 Patient/p1",
	} {
		if got, err := w.Search(context.Background(), "", query); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s finds %v, %v; want %s", query, got, err, want)
		}
	}
}

func TestMatchTheRestOfTheTree(t *testing.T) {
	p := newParameters(t)
	r := search.Resource{Type: "Patient", ID: "p", Entries: p.Own("p", time.Unix(0, 0))}
	is := search.Test{Param: p.ID(), Any: []search.Criterion{search.TokenCriterion{Code: "p", AnySystem: true}}}
	for _, c := range []struct {
		name string
		tree search.Expr
		want bool
	}{
		{"no filter matches", nil, true},
		{"an empty And matches", search.And{}, true},
		{"an empty Or does not", search.Or{}, false},
		{"Nothing does not", search.Nothing{}, false},
		{"Not Nothing does", search.Not{Of: search.Nothing{}}, true},
		{"Or of one that does", search.Or{search.Nothing{}, is}, true},
		{"And of one that does not", search.And{is, search.Nothing{}}, false},
		{"a test without criteria does not", search.Test{Param: p.ID()}, false},
	} {
		if got, err := search.Match(context.Background(), c.tree, r, nil); err != nil || got != c.want {
			t.Errorf("%s: %t, %v; want %t", c.name, got, err, c.want)
		}
	}
}

// brokenSource fails at every question.
type brokenSource struct{}

var errBroken = errors.New("the disk is gone")

func (brokenSource) Lookup(context.Context, string, string) (search.Resource, bool, error) {
	return search.Resource{}, false, errBroken
}

func (brokenSource) Referrers(context.Context, string, *search.Parameter, string, string) iter.Seq2[search.Resource, error] {
	return func(yield func(search.Resource, error) bool) { yield(search.Resource{}, errBroken) }
}

func TestMatchGivesTheErrorOfTheSource(t *testing.T) {
	w := world(t)
	for typ, query := range map[string]string{
		"Observation": "subject:Patient.name=x", "Patient": "_has:Observation:patient:code=x",
	} {
		q, err := w.Parse(typ, query)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range w.Resources {
			if r.Type != typ {
				continue
			}
			for _, filter := range []search.Expr{q.Branches[0].Filter, search.Not{Of: q.Branches[0].Filter}, search.Or{q.Branches[0].Filter}, search.And{q.Branches[0].Filter}} {
				ok, err := search.Match(context.Background(), filter, r.Resource, brokenSource{})
				if r.ID != "c" && (ok || !errors.Is(err, errBroken)) {
					t.Errorf("%s on %s gives %t, %v", query, r.ID, ok, err)
				}
			}
		}
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := w.Search(ended, typ, query); !errors.Is(err, context.Canceled) {
			t.Errorf("%s gives %v after the context ended", query, err)
		}
	}
}

func TestSort(t *testing.T) {
	w := emptyWorld(t)
	for i, text := range []string{
		`{"resourceType":"Patient","name":[{"family":"Berg"},{"family":"Zorn"}],"birthDate":"1980-05"}`,
		`{"resourceType":"Patient","name":[{"family":"Åker"}],"birthDate":"1980"}`,
		`{"resourceType":"Patient","gender":"male","birthDate":"1980-05-20"}`,
		`{"resourceType":"Patient","name":[{"family":"lind"}],"gender":"female"}`,
		`{"resourceType":"Patient","name":[{"family":"Lind"}],"gender":"male"}`,
	} {
		if err := w.Add(document(t, text).Document(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, query, want string }{
		{"without order, by creation", "", "0 1 2 3 4"},
		{"ascending by the first value, missing last", "_sort=family", "1 0 4 3 2"},
		{"descending by the last value, missing last", "_sort=-family", "0 3 4 1 2"},
		{"dates ascend by their beginning", "_sort=birthdate", "1 0 2 3 4"},
		{"dates descend by their end", "_sort=-birthdate", "1 0 2 3 4"},
		{"the second rule where the first is equal", "_sort=gender,-family", "3 4 2 0 1"},
		{"by id", "_sort=-_id", "4 3 2 1 0"},
		{"by time", "_sort=-_lastUpdated", "4 3 2 1 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys, err := w.Search(context.Background(), "Patient", c.query)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(strings.Join(keys, " "), "Patient/", ""); got != c.want {
				t.Errorf("the order is %s; want %s", got, c.want)
			}
		})
	}
}
