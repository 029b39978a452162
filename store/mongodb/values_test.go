package mongodb

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"kiln/resources/definitions"
	"kiln/search"
	"kiln/search/searchtest"
)

func newParameters(t testing.TB) *search.Parameters {
	t.Helper()
	p, err := search.NewParameters(search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sameValues compares entries exactly: parameters by pointer, numbers by their digits and exponent.
var sameValues = cmp.Options{
	cmp.Comparer(func(a, b *search.Parameter) bool { return a == b }),
	cmp.Comparer(func(a, b search.NumberValue) bool {
		return sameDecimal(a.Low, b.Low) && sameDecimal(a.High, b.High) && a.LowOpen == b.LowOpen && a.HighOpen == b.HighOpen &&
			(a.Low == a.High) == (b.Low == b.High)
	}),
	cmpopts.EquateEmpty(),
}

func sameDecimal(a, b *apd.Decimal) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Form == b.Form && a.Negative == b.Negative && a.Exponent == b.Exponent && a.Coeff.Cmp(&b.Coeff) == 0
}

func withoutWords(entries []search.Entry) []search.Entry {
	var kept []search.Entry
	for _, e := range entries {
		if !isWords(e.Value) {
			kept = append(kept, e)
		}
	}
	return kept
}

func checkValues(t testing.TB, parameters *search.Parameters, entries []search.Entry) {
	t.Helper()
	got, err := readValues(appendValues(nil, entries), parameters)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(withoutWords(entries), got, sameValues); diff != "" {
		t.Fatalf("other values were read than written:\n%s", diff)
	}
}

// TestValuesReadAsTheyWereWritten goes through every resource type, with parameters that are not R4's own.
func TestValuesReadAsTheyWereWritten(t *testing.T) {
	parameters := newParameters(t)
	if err := searchtest.Define(parameters); err != nil {
		t.Fatal(err)
	}
	kinds := map[byte]int{}
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 7))
		for _, typ := range definitions.R4().ResourceNames() {
			w, err := searchtest.NewWorld(r, parameters, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Add(searchtest.RandomResource(r, typ, "r1"), "r1"); err != nil {
				t.Fatal(err)
			}
			entries := w.Resources[0].Entries
			checkValues(t, parameters, entries)
			countKinds(kinds, entries)
		}
	}
	for kind := kindString; kind <= kindContained; kind++ {
		if kinds[kind] == 0 {
			t.Errorf("no value of kind %d was drawn", kind)
		}
	}
}

func countKinds(kinds map[byte]int, entries []search.Entry) {
	for _, e := range withoutWords(entries) {
		w := valueWriter{}
		w.value(e.Value)
		kinds[w.out[0]]++
	}
}

var anyNumber = rapid.Custom(func(t *rapid.T) *apd.Decimal {
	d, _, err := apd.NewFromString(rapid.StringMatching(`-?[0-9]{1,60}(\.[0-9]{1,30})?(E-?[0-9]{1,3})?`).Draw(t, "number"))
	if err != nil {
		t.Fatal(err)
	}
	return d
})

var anyBounds = rapid.Custom(func(t *rapid.T) search.NumberValue {
	v := search.NumberValue{LowOpen: rapid.Bool().Draw(t, "low open"), HighOpen: rapid.Bool().Draw(t, "high open")}
	if rapid.Bool().Draw(t, "low") {
		v.Low = anyNumber.Draw(t, "from")
	}
	switch {
	case rapid.Bool().Draw(t, "same"):
		v.High = v.Low
	case rapid.Bool().Draw(t, "high"):
		v.High = anyNumber.Draw(t, "to")
	}
	return v
})

var anyToken = rapid.Custom(func(t *rapid.T) search.TokenValue {
	text := rapid.SampledFrom([]string{"", "a", "http://loinc.org", "É\x00"})
	return search.TokenValue{
		System: text.Draw(t, "system"), Code: text.Draw(t, "code"), Text: text.Draw(t, "text"),
		TypeSystem: text.Draw(t, "type system"), TypeCode: text.Draw(t, "type code"),
	}
})

// anyValue draws what no resource would give as well.
var anyValue = rapid.Custom(func(t *rapid.T) search.Value {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "Lind", "lind", "LÍND"}))
	times := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{search.MinTime, search.MaxTime, 0}))
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		return search.StringValue{Text: text.Draw(t, "text"), Folded: text.Draw(t, "folded")}
	case 1:
		return anyToken.Draw(t, "token")
	case 2:
		return search.ReferenceValue{
			Type: text.Draw(t, "type"), ID: text.Draw(t, "id"), URL: text.Draw(t, "url"), Version: text.Draw(t, "version"),
			Identifier: anyToken.Draw(t, "identifier"),
		}
	case 3:
		return search.DateValue{Low: times.Draw(t, "low"), High: times.Draw(t, "high")}
	case 4:
		return anyBounds.Draw(t, "number")
	case 5:
		return search.QuantityValue{
			NumberValue: anyBounds.Draw(t, "number"), System: text.Draw(t, "system"), Code: text.Draw(t, "code"), Unit: text.Draw(t, "unit"),
		}
	case 6:
		return search.URIValue{URI: text.Draw(t, "uri")}
	}
	return search.PositionValue{Latitude: rapid.Float64Range(-90, 90).Draw(t, "latitude"), Longitude: rapid.Float64Range(-180, 180).Draw(t, "longitude")}
})

func TestDrawnValuesReadAsTheyWereWritten(t *testing.T) {
	parameters := newParameters(t)
	choices := parameters.Of("Observation")
	rapid.Check(t, func(t *rapid.T) {
		entry := rapid.Custom(func(t *rapid.T) search.Entry {
			return search.Entry{Param: rapid.SampledFrom(choices).Draw(t, "parameter"), Value: anyValue.Draw(t, "value")}
		})
		entries := rapid.SliceOfN(entry, 0, 6).Draw(t, "entries")
		composite := search.CompositeValue{Parts: rapid.SliceOfN(rapid.SliceOfN(anyValue, 0, 3), 0, 3).Draw(t, "parts")}
		entries = append(entries, search.Entry{Param: choices[0], Value: composite})
		contained := search.ContainedValue{Type: "Patient", ID: "p", Entries: entries}
		entries = append(entries, search.Entry{Param: search.Containment(), Value: contained})
		got, err := readValues(appendValues(nil, entries), parameters)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entries, got, sameValues); diff != "" {
			t.Fatalf("other values were read than written:\n%s", diff)
		}
	})
}

func TestValuesOfParametersThatAreGoneAreLeftOut(t *testing.T) {
	defined, bare := newParameters(t), newParameters(t)
	if err := searchtest.Define(defined); err != nil {
		t.Fatal(err)
	}
	var entries []search.Entry
	own := 0
	for _, p := range defined.Of("Patient") {
		entries = append(entries, search.Entry{Param: p, Value: search.TokenValue{System: "urn:s", Code: p.Code}})
		if bare.Lookup("Patient", p.Code) != nil {
			own++
		}
	}
	if own == len(entries) {
		t.Fatal("nothing was defined")
	}
	got, err := readValues(appendValues(nil, entries), bare)
	if err != nil || len(got) != own {
		t.Fatalf("%d values of %d are read, %v; expected %d", len(got), len(entries), err, own)
	}
	again, err := readAllValues(appendValues(nil, entries), bare)
	if err != nil || len(again) != len(entries) || !bytes.Equal(appendValues(nil, again), appendValues(nil, entries)) {
		t.Errorf("%d values of %d are read to be written again, %v", len(again), len(entries), err)
	}
	for _, e := range got {
		if v := e.Value.(search.TokenValue); v.Code != e.Param.Code || v.System != "urn:s" {
			t.Errorf("%s has the value %v", e.Param.Code, v)
		}
	}
}

func TestDamagedValuesAreRefused(t *testing.T) {
	parameters := newParameters(t)
	d := apd.New(12345, -2)
	whole := appendValues(nil, []search.Entry{
		{Param: parameters.Lookup("Patient", "name"), Value: search.StringValue{Text: "Lind", Folded: "lind"}},
		{Param: parameters.Lookup("Observation", "value-quantity"), Value: search.QuantityValue{NumberValue: search.NumberValue{Low: d, High: d}, Unit: "mg"}},
	})
	if _, err := readValues(whole, parameters); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range whole {
		if _, err := readValues(whole[:i], parameters); err != nil {
			refused++
		}
	}
	if refused < len(whole)-2 { // between the two entries the list may end
		t.Errorf("of %d cut lists %d are refused", len(whole), refused)
	}
	for _, b := range [][]byte{nil, {2}, {1, 5}, {1, 0, 0, 200}} {
		if _, err := readValues(b, parameters); err == nil {
			t.Errorf("%x is read", b)
		}
	}
}

// TestValuesThatNoWriterWritesAreRefused: what would take much memory or time, here or in a comparison.
func TestValuesThatNoWriterWritesAreRefused(t *testing.T) {
	parameters := newParameters(t)
	p := parameters.Lookup("Observation", "code")
	v := search.TokenValue{}
	many := appendValues(nil, []search.Entry{{Param: p, Value: v}})
	for _, test := range []struct {
		name  string
		bytes []byte
	}{
		{"too many", append(many, bytes.Repeat([]byte{1, kindToken, 0}, maxValues)...)},
		{"a huge exponent", appendValues(nil, []search.Entry{{Param: p, Value: search.NumberValue{Low: apd.New(1, maxExponent+1)}}})},
		{"a tiny exponent", appendValues(nil, []search.Entry{{Param: p, Value: search.NumberValue{High: apd.New(1, -maxExponent-1)}}})},
		{"composites inside", appendValues(nil, []search.Entry{{Param: p, Value: search.CompositeValue{Parts: [][]search.Value{{search.CompositeValue{}}}}}})},
		{"wide composites", appendValues(nil, []search.Entry{{Param: p, Value: search.CompositeValue{Parts: make([][]search.Value, maxComponents+1)}}})},
		{"contained inside", appendValues(nil, []search.Entry{{Param: p, Value: search.ContainedValue{Entries: []search.Entry{{Param: p, Value: search.ContainedValue{}}}}}})},
	} {
		if _, err := readValues(test.bytes, parameters); !errors.Is(err, errValues) {
			t.Errorf("%s: the error is %v", test.name, err)
		}
	}
}

func TestAParameterOfAnotherTypeIsAnother(t *testing.T) {
	parameters := newParameters(t)
	was := *parameters.Lookup("Observation", "code")
	was.Type = search.TypeString
	got, err := readValues(appendValues(nil, []search.Entry{{Param: &was, Value: search.StringValue{Text: "a"}}}), parameters)
	if err != nil || len(got) > 0 {
		t.Errorf("%v is read, %v", got, err)
	}
}

// FuzzValues reads what no writer wrote: it may be refused, and must not end the process. What is read is
// written and read again the same.
func FuzzValues(f *testing.F) {
	parameters := newParameters(f)
	r := rand.New(rand.NewPCG(3, 4))
	for _, typ := range []string{"Observation", "Patient", "Location", "RiskAssessment"} {
		w, err := searchtest.NewWorld(r, parameters, 0)
		if err != nil {
			f.Fatal(err)
		}
		if err := w.Add(searchtest.RandomResource(r, typ, "r1"), "r1"); err != nil {
			f.Fatal(err)
		}
		f.Add(appendValues(nil, w.Resources[0].Entries))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if entries, err := readValues(b, parameters); err == nil {
			checkValues(t, parameters, entries)
		}
	})
}
