package bsonjson_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"
	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"

	"kiln/resources"
	"kiln/store/mongodb/bsonjson"
)

const shared = "../../../../shared/data/"

// lines are the non-empty lines of a file, of a compressed one too.
func lines(t testing.TB, name string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		var plain bytes.Buffer
		if _, err := bufio.NewReader(z).WriteTo(&plain); err != nil {
			t.Fatal(err)
		}
		b = plain.Bytes()
	}
	return slices.DeleteFunc(bytes.Split(b, []byte{'\n'}), func(l []byte) bool { return len(bytes.TrimSpace(l)) == 0 })
}

// stored is the text that a store keeps of the resource at n.
func stored(t testing.TB, d *resources.Document, n resources.Node) []byte {
	t.Helper()
	own, err := resources.Parse(bytes.Clone(d.Raw(n)))
	if err != nil {
		t.Fatal(err)
	}
	return own.Stamp("id-1").Bytes(7, time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC))
}

func parse(t testing.TB, text []byte) *resources.Document {
	t.Helper()
	d, err := resources.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// examples are the resources of the files, as they are stored.
func examples(t testing.TB, pattern string) (texts [][]byte) {
	t.Helper()
	files, err := filepath.Glob(shared + pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for _, line := range lines(t, file) {
			texts = append(texts, stored(t, parse(t, line), 0))
		}
	}
	return texts
}

// patients are the resources of the bundles of Synthea, as they are stored.
func patients(t testing.TB) (texts [][]byte) {
	t.Helper()
	files, err := filepath.Glob(shared + "synthea/*.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		d := parse(t, bytes.Join(lines(t, file), nil))
		for entry := range d.Children(d.Member(0, "entry")) {
			texts = append(texts, stored(t, d, d.Member(entry, "resource")))
		}
	}
	return texts
}

// convert turns a text into a document that the driver finds sound.
func convert(t testing.TB, text []byte) ([]byte, bsonjson.Fidelity) {
	t.Helper()
	document, fidelity := bsonjson.AppendDocument([]byte("before"), text)
	rest, ok := bytes.CutPrefix(document, []byte("before"))
	if !ok {
		t.Fatalf("what stood before %.200q is gone", text)
	}
	if fidelity == bsonjson.Refused {
		if len(rest) != 0 {
			t.Fatalf("%.200q is refused and gives %x", text, rest)
		}
	} else if err := bson.Raw(rest).Validate(); err != nil {
		t.Fatalf("%.200q gives a damaged document: %v", text, err)
	}
	return rest, fidelity
}

// checkSame expects that a text comes back byte by byte.
func checkSame(t testing.TB, text []byte) {
	t.Helper()
	document, fidelity := convert(t, text)
	if fidelity != bsonjson.Exact {
		t.Fatalf("%.300q is %s", text, fidelity)
	}
	back, err := bsonjson.AppendText(nil, document)
	if err != nil || !bytes.Equal(back, text) {
		t.Fatalf("%.300q comes back as %.300q, %v", text, back, err)
	}
}

func TestResourcesComeBackByteByByte(t *testing.T) {
	for _, line := range lines(t, "testdata/resources.ndjson") {
		checkSame(t, line)
	}
}

// TestExamplesComeBackByteByByte takes each resource of the examples and of Synthea. Of those that are not
// exact the document has the same values, and there are few.
func TestExamplesComeBackByteByByte(t *testing.T) {
	sets := map[string][][]byte{
		"examples": examples(t, "examples/[riu]*-*.ndjson.gz"), "Synthea": patients(t), "bulk": examples(t, "synthea/bulk-10/*.ndjson*"),
	}
	for name, texts := range sets {
		if len(texts) == 0 {
			t.Logf("%s: not there", name)
			continue
		}
		exact := 0
		for _, text := range texts {
			document, fidelity := convert(t, text)
			switch fidelity {
			case bsonjson.Refused:
				t.Errorf("%s: %.200s is refused", name, text)
			case bsonjson.Exact:
				exact++
				checkSame(t, text)
			case bsonjson.Nearest:
				back, err := bsonjson.AppendText(nil, document)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(values(t, text), values(t, back), sameNumber); diff != "" {
					t.Errorf("%s: %.200s has other values:\n%s", name, text, diff)
				}
			}
		}
		t.Logf("%s: %d of %d are exact", name, exact, len(texts))
		if exact*100 < len(texts)*95 {
			t.Errorf("%s: %d of %d are exact", name, exact, len(texts))
		}
	}
}

// values are what encoding/json reads, with numbers as they are written.
func values(t testing.TB, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

var sameNumber = cmp.Comparer(func(a, b json.Number) bool {
	x, _, errX := apd.NewFromString(a.String())
	y, _, errY := apd.NewFromString(b.String())
	return errX == nil && errY == nil && x.Cmp(y) == 0
})

func TestNumbers(t *testing.T) {
	tests := []struct {
		text, back string // back "" is the same
		kind       bson.Type
	}{
		{"0", "", bson.TypeInt32},
		{"-1", "", bson.TypeInt32},
		{"2147483647", "", bson.TypeInt32},
		{"2147483648", "", bson.TypeInt64},
		{"-2147483648", "", bson.TypeInt32},
		{"-2147483649", "", bson.TypeInt64},
		{"9223372036854775807", "", bson.TypeInt64},
		{"-9223372036854775808", "", bson.TypeInt64},
		{"9223372036854775808", "", bson.TypeDecimal128},
		{"-0", "", bson.TypeDecimal128},
		{"-0.0", "", bson.TypeDecimal128},
		{"0.00", "", bson.TypeDecimal128},
		{"1.10", "", bson.TypeDecimal128},
		{"100.0", "", bson.TypeDecimal128},
		{"-12.5", "", bson.TypeDecimal128},
		{"0.0000001", "", bson.TypeDecimal128},
		{"9999999999999999999999999999999999", "", bson.TypeDecimal128},
		{"99999999999999999.99999999999999999", "", bson.TypeDecimal128},
		{"10000000000000000000.0", "", bson.TypeDecimal128},
		{"0.0000000000000000000000000000000000000000000000000000000000000001", "", bson.TypeDecimal128}, // 64 digits
		{"0.00000000000000000000000000000000000000000000000000000000000000010", "1.0E-64", bson.TypeDecimal128},
		{"1E+5", "", bson.TypeDecimal128},
		{"1.5E+6144", "1.500000000000000000000000000000000E+6144", bson.TypeDecimal128},
		{"1.5E+6145", "none", bson.TypeDecimal128},
		{"-1E+99999999999999999999999", "none", bson.TypeDecimal128},
		{"1E-6176", "", bson.TypeDecimal128},
		{"5E-6177", "0E-6176", bson.TypeDecimal128},
		{"6E-6177", "1E-6176", bson.TypeDecimal128},
		{"1E-99999999999999999999999", "0E-6176", bson.TypeDecimal128},
		{"0E+7000", "0E+6111", bson.TypeDecimal128},
		{"1e5", "1E+5", bson.TypeDecimal128},
		{"1E5", "1E+5", bson.TypeDecimal128},
		{"1e-2", "0.01", bson.TypeDecimal128},
		{"1.50E+1", "15.0", bson.TypeDecimal128},
		{"15E+4", "1.5E+5", bson.TypeDecimal128},
		{"12345678901234567890123456789012345", "1.234567890123456789012345678901234E+34", bson.TypeDecimal128},
		{"12345678901234567890123456789012355", "1.234567890123456789012345678901236E+34", bson.TypeDecimal128},
		{"1.23456789012345678901234567890123451", "1.234567890123456789012345678901235", bson.TypeDecimal128},
		{"99999999999999999999999999999999999.5", "1.000000000000000000000000000000000E+35", bson.TypeDecimal128},
	}
	for _, test := range tests {
		text := `{"n":` + test.text + `}`
		document, fidelity := convert(t, []byte(text))
		value := bson.Raw(document).Lookup("n")
		if value.Type != test.kind {
			t.Errorf("%s is of type %s", test.text, value.Type)
		}
		if d, ok := value.Decimal128OK(); ok {
			checkDecimal(t, test.text, d)
		}
		back, err := bsonjson.AppendText(nil, document)
		switch {
		case test.back == "none" && (err == nil || fidelity != bsonjson.Nearest || value.Decimal128().IsInf() == 0):
			t.Errorf("%s comes back as %s, and is %s", test.text, back, fidelity)
		case test.back == "" && (fidelity != bsonjson.Exact || string(back) != text):
			t.Errorf("%s comes back as %s, and is %s", test.text, back, fidelity)
		case test.back != "" && test.back != "none" && (fidelity != bsonjson.Nearest || string(back) != `{"n":`+test.back+`}`):
			t.Errorf("%s comes back as %s, and is %s", test.text, back, fidelity)
		}
	}
}

// checkDecimal compares with what the driver reads, where it reads the number: it rounds none.
func checkDecimal(t testing.TB, text string, got bson.Decimal128) {
	t.Helper()
	want, err := bson.ParseDecimal128(text)
	if err == nil && got != want {
		t.Errorf("%s is %s to the driver, and was written as %s", text, want, got)
	}
}

func TestWhatIsSpelledOtherwiseIsNearest(t *testing.T) {
	tests := map[string]string{
		` {"a":1}`: `{"a":1}`, "{\"a\":1}\n": `{"a":1}`, `{ }`: `{}`, `{"a" :[ 1 , 2 ]}`: `{"a":[1,2]}`, `{"a":{ "b":null}}`: `{"a":{"b":null}}`,
		`{"a":"\/"}`: `{"a":"/"}`, `{"a":"\u00e9"}`: `{"a":"é"}`, `{"a":"\u001F"}`: `{"a":"\u001f"}`, `{"a":"\u000a"}`: `{"a":"\n"}`,
		`{"a":"\ud83d\ude00\u0022"}`: `{"a":"😀\""}`, `{"\u0061":1}`: `{"a":1}`, `{"a":"\u007f"}`: "{\"a\":\"\x7f\"}",
	}
	for text, want := range tests {
		document, fidelity := convert(t, []byte(text))
		back, err := bsonjson.AppendText(nil, document)
		if fidelity != bsonjson.Nearest || err != nil || string(back) != want {
			t.Errorf("%s is %s and comes back as %s, %v", text, fidelity, back, err)
		}
	}
}

func TestRefused(t *testing.T) {
	deep := func(levels int) string { return strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels) }
	checkSame(t, []byte(deep(bsonjson.MaxDepth)))
	for _, text := range []string{
		``, `1`, `[]`, `null`, `"a"`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{"a":1}}`, `{"a":1} x`, `{"a" 1}`,
		`{"a":[1,]}`, `{"a":[1`, `{"a":[}`, `{"a":tru}`, `{"a":nul`, `{"a":"`, `{"a":"\`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\ud83d"}`,
		`{"a":"\ud83d\u0041"}`, `{"a":"\ude00"}`, "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":1e}`, `{"a":.5}`, `{"a":+1}`,
		`{"":1}`, `{"$a":1}`, `{"a.b":1}`, `{"\u0000":1}`, `{"a\u002eb":1}`, `{"\u0024a":1}`, `{"a":[{"$b":1}]}`, deep(bsonjson.MaxDepth + 1),
	} {
		if document, fidelity := convert(t, []byte(text)); fidelity != bsonjson.Refused {
			t.Errorf("%.80s gives %x", text, document)
		}
	}
}

func TestDamagedDocumentsAreRefused(t *testing.T) {
	whole, _ := convert(t, lines(t, "testdata/resources.ndjson")[0])
	for i := range whole {
		if _, err := bsonjson.AppendText(nil, whole[:i]); err == nil {
			t.Errorf("a document cut at byte %d is read", i)
		}
	}
	others := []bson.D{
		{{Key: "a", Value: 1.5}},
		{{Key: "a", Value: bson.Decimal128{}}, {Key: "b", Value: bson.NewObjectID()}},
		{{Key: "a", Value: bson.NewDecimal128(0x7c<<56, 0)}},                        // no number
		{{Key: "a", Value: bson.NewDecimal128(0x6c<<56, 0)}},                        // a coefficient of another form
		{{Key: "a", Value: bson.NewDecimal128(math.MaxUint64>>15, math.MaxUint64)}}, // one of 35 digits
	}
	for _, d := range others {
		raw, err := bson.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := bsonjson.AppendText([]byte("a"), raw); err == nil || string(text) != "a" {
			t.Errorf("%v is read as %s", d, text)
		}
	}
}

// TestLyingLengthsAreRefused: lengths and ends must agree.
func TestLyingLengthsAreRefused(t *testing.T) {
	nested := func(levels int) []byte {
		b := []byte{5, 0, 0, 0, 0}
		for range levels - 1 {
			outer := binary.LittleEndian.AppendUint32(nil, uint32(len(b)+8))
			b = append(append(append(outer, 3, 'a', 0), b...), 0)
		}
		return b
	}
	if _, err := bsonjson.AppendText(nil, nested(bsonjson.MaxDepth)); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"too deep":                     nested(bsonjson.MaxDepth + 1),
		"a string without end":         {14, 0, 0, 0, 2, 'a', 0, 2, 0, 0, 0, 'x', 'y', 0},
		"a string of no length":        {12, 0, 0, 0, 2, 'a', 0, 0, 0, 0, 0, 0},
		"a string beyond the end":      {14, 0, 0, 0, 2, 'a', 0, 200, 0, 0, 0, 'x', 0, 0},
		"an inner one beyond its own":  {21, 0, 0, 0, 3, 'a', 0, 12, 0, 0, 0, 3, 'b', 0, 6, 0, 0, 0, 0, 0, 0},
		"an inner one of another size": {13, 0, 0, 0, 3, 'a', 0, 6, 0, 0, 0, 0, 0},
		"a value at the end":           {11, 0, 0, 0, 16, 'a', 0, 1, 0, 0, 0},
		"more behind the end":          {5, 0, 0, 0, 0, 0},
		"no end":                       {5, 0, 0, 0, 3},
		"a name without end":           {9, 0, 0, 0, 10, 'a', 'b', 'c', 'd'},
		"a number cut":                 {10, 0, 0, 0, 16, 'a', 0, 1, 0, 0},
	} {
		if text, err := bsonjson.AppendText(nil, b); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
	if text, err := bsonjson.AppendText(nil, []byte{8, 0, 0, 0, 10, 'a', 0, 0}); err != nil || string(text) != `{"a":null}` {
		t.Errorf("%s, %v", text, err)
	}
}

func TestArraysAreNumbered(t *testing.T) {
	var text []byte
	for i := range 1002 {
		text = strconv.AppendInt(append(text, ','), int64(i), 10)
	}
	text = append(append([]byte(`{"a":[`), text[1:]...), "]}"...)
	document, _ := convert(t, text)
	if v := bson.Raw(document).Lookup("a", "1001"); v.Int32() != 1001 {
		t.Errorf("item 1001 is %v", v)
	}
	checkSame(t, text)
}

// checkText compares what is said of a text with what becomes of it.
func checkText(t testing.TB, text []byte) {
	t.Helper()
	document, fidelity := convert(t, text)
	if fidelity == bsonjson.Refused {
		return
	}
	if !json.Valid(text) {
		t.Fatalf("%q is read", text)
	}
	back, err := bsonjson.AppendText(nil, document)
	if err != nil {
		if fidelity == bsonjson.Exact || !bytes.ContainsAny(text, "eE") && len(text) < 6000 {
			t.Fatalf("%q cannot be made again: %v", text, err)
		}
		return
	}
	if same := bytes.Equal(back, text); same != (fidelity == bsonjson.Exact) {
		t.Fatalf("%q is %s and comes back as %q", text, fidelity, back)
	}
	checkAgain(t, back)
}

// checkAgain expects that what was made of a document is exact itself.
func checkAgain(t testing.TB, text []byte) {
	t.Helper()
	document, fidelity := convert(t, text)
	back, err := bsonjson.AppendText(nil, document)
	if fidelity != bsonjson.Exact || err != nil || !bytes.Equal(back, text) {
		t.Fatalf("%q is %s and comes back as %q, %v", text, fidelity, back, err)
	}
}

func TestDrawnNumbers(t *testing.T) {
	number := rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,70})?`),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,36})(\.[0-9]{1,36})?[eE][-+]?[0-9]{1,4}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := number.Draw(t, "number")
		document, _ := bsonjson.AppendDocument(nil, []byte(`{"n":`+text+`}`))
		if d, ok := bson.Raw(document).Lookup("n").Decimal128OK(); ok {
			want, err := bson.ParseDecimal128(text)
			if err == nil && d != want {
				t.Fatalf("%s is %s to the driver, and was written as %s", text, want, d)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	for _, line := range lines(f, "testdata/resources.ndjson") {
		f.Add(line)
	}
	for _, text := range []string{`{"a":1e5,"b":[{},[],"\u00e9\/"]}`, ` { "a" : 1.0E-70 } `, `{"a":123456789012345678901234567890123456789.5}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkText(t, text) })
}

// FuzzDocument reads what no writer wrote: it may be refused, and must not end the process. What is read is JSON
// unless strings are no UTF-8.
func FuzzDocument(f *testing.F) {
	for _, line := range lines(f, "testdata/resources.ndjson") {
		document, _ := convert(f, line)
		f.Add(document)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		text, err := bsonjson.AppendText(nil, document)
		if err == nil && !json.Valid(text) {
			t.Fatalf("%x gives %q", document, text)
		}
		if len(text) > 64+8*len(document) {
			t.Fatalf("%d bytes give %d", len(document), len(text))
		}
	})
}
