package search_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/search"
	"kiln/search/searchtest"
)

const shared = "../../shared/data/"

// lines yields the lines of a gzipped file of the shared data; the test is skipped without it.
func lines(t *testing.T, name string) func(yield func([]byte) bool) {
	t.Helper()
	f, err := os.Open(shared + name)
	if err != nil {
		t.Skipf("%s is not here; its cases were skipped", name)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(z)
	s.Buffer(nil, 64<<20)
	return func(yield func([]byte) bool) {
		for s.Scan() {
			if !yield(slices.Clone(s.Bytes())) {
				return
			}
		}
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
	}
}

func readShared(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(shared + name)
	if err != nil {
		t.Skipf("%s is not here; its cases were skipped", name)
	}
	return string(text)
}

// agree compares the plan with FHIRPath on one resource.
func agree(t *testing.T, p *search.Parameters, e resources.Element) {
	t.Helper()
	planned, err := p.Extract(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	evaluated, err := p.ExtractByFHIRPath(context.Background(), e)
	if err != nil {
		t.Fatalf("%s: %v", e.Type().Name, err)
	}
	got, want := byParameter(planned), byParameter(evaluated)
	for _, param := range p.Of(e.Type().Name) {
		if disagreeing[param.Base+"."+param.Code] != "" {
			continue
		}
		if !slices.Equal(got[param], want[param]) {
			t.Errorf("%s.%s of %s gives\n%s\nby FHIRPath\n%s", param.Base, param.Code, e.Document().Text(e.Document().At(0, "id")),
				strings.Join(got[param], "\n"), strings.Join(want[param], "\n"))
		}
	}
}

// disagreeing are the parameters that differ by intent.
var disagreeing = map[string]string{
	"ConceptMap.source-uri": "as(uri) takes no canonical in package fhirpath, as the official suite has it; a canonical is a uri all the same, and the search-value oracle has it",
	"ConceptMap.target-uri": "the same",
}

// byParameter lists the values of each parameter as text, sorted, each once: a union drops what is
// equal, 1.0 beside 1.00 too.
func byParameter(entries []search.Entry) map[*search.Parameter][]string {
	m := map[*search.Parameter][]string{}
	for _, e := range entries {
		m[e.Param] = append(m[e.Param], show(reduced(e.Value)))
	}
	for param := range m {
		slices.Sort(m[param])
		m[param] = slices.Compact(m[param])
	}
	return m
}

// reduced drops the trailing zeros of a quantity.
func reduced(v search.Value) search.Value {
	if q, ok := v.(search.QuantityValue); ok && q.Low != nil && q.Low == q.High {
		d, _ := new(apd.Decimal).Reduce(q.Low)
		q.Low, q.High = d, d
		return q
	}
	return v
}

func TestThePlanAgreesWithFHIRPathOnRandomResources(t *testing.T) {
	p := newParameters(t)
	r := rand.New(rand.NewPCG(3, 4))
	for _, name := range definitions.R4().ResourceNames() {
		for range 5 {
			e, err := searchtest.RandomResource(r, name, "x").Resource()
			if err != nil {
				t.Fatal(err)
			}
			agree(t, p, e)
		}
	}
}

func TestThePlanAgreesWithFHIRPathOnTheExamples(t *testing.T) {
	p := newParameters(t)
	files, _ := filepath.Glob(shared + "examples/*.ndjson.gz")
	if len(files) == 0 {
		t.Skip("the example resources are not here; comparing on them was skipped")
	}
	for _, file := range files {
		if filepath.Base(file) == "xml-json-pairs.ndjson.gz" {
			continue
		}
		for line := range lines(t, "examples/"+filepath.Base(file)) {
			doc, err := resources.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			e, err := doc.Resource()
			if err != nil {
				t.Fatal(err)
			}
			agree(t, p, e)
		}
	}
}

// unconverted are the elements that a parameter selects and that its type has no value for.
var unconverted = []string{
	"Bundle.composition: Resource",               // the resource itself is what is referred to: inline
	"Bundle.message: Resource",                   // the same
	"CarePlan.activity-date: string",             // scheduledString
	"Consent.source-reference: Attachment",       // sourceAttachment
	"Group.characteristic-value.value: Quantity", // the component is a token
	"Group.characteristic-value.value: Range",
	"Group.characteristic-value.value: Reference",
	"Immunization.date: string", // occurrenceString
	"Procedure.date: Age",       // performedAge
	"Procedure.date: Range",
	"Procedure.date: string",
}

func TestEveryParameterHasValuesForWhatItSelects(t *testing.T) {
	got := newParameters(t).Unconverted()
	slices.Sort(got)
	if !slices.Equal(got, unconverted) {
		t.Errorf("without values are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(unconverted, "\n"))
	}
}
