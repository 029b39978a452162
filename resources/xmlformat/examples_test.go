package xmlformat_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"kiln/resources"
	"kiln/resources/xmlformat"
)

// shared is where the example resources of the specification and of guides lie, if they do.
const shared = "../../../shared/data/examples/"

// pair is an official XML example and the JSON that it must become.
type pair struct {
	Name      string
	XML, JSON string
}

// lines reads a compressed file of JSON lines, or skips the test.
func lines(t testing.TB, file string) iter.Seq[[]byte] {
	f, err := os.Open(filepath.Join(shared, file))
	if err != nil {
		t.Skipf("%s is not there, so its examples were not converted", file)
	}
	t.Cleanup(func() { f.Close() })
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func([]byte) bool) {
		s := bufio.NewScanner(z)
		s.Buffer(nil, 64<<20)
		for s.Scan() {
			if !yield(append([]byte(nil), s.Bytes()...)) {
				return
			}
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func pairs(t testing.TB) []pair {
	var all []pair
	for line := range lines(t, "xml-json-pairs.ndjson.gz") {
		var p pair
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func parse(t testing.TB, text []byte) *resources.Document {
	t.Helper()
	d, err := resources.Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

// toXML writes the resource of a JSON text.
func toXML(t testing.TB, text []byte, options ...xmlformat.Option) []byte {
	t.Helper()
	e, err := parse(t, text).Resource()
	if err != nil {
		t.Fatal(err)
	}
	xml, err := xmlformat.AppendXML(nil, e, options...)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return xml
}

func toJSON(t testing.TB, xml []byte) []byte {
	t.Helper()
	text, err := xmlformat.ToJSON(xml)
	if err != nil {
		t.Fatalf("%v\n%s", err, xml)
	}
	return text
}

func expectEqual(t testing.TB, got, want []byte) {
	t.Helper()
	if !resources.Equal(parse(t, got), 0, parse(t, want), 0) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOfficialXMLBecomesTheOfficialJSON(t *testing.T) {
	all := pairs(t)
	for _, p := range all {
		t.Run(p.Name, func(t *testing.T) {
			expectEqual(t, toJSON(t, []byte(p.XML)), []byte(p.JSON))
		})
	}
	if len(all) != 353 {
		t.Errorf("%d pairs, expected 353", len(all))
	}
}

func TestOfficialJSONBecomesTheOfficialXML(t *testing.T) {
	for _, p := range pairs(t) {
		t.Run(p.Name, func(t *testing.T) {
			xml := toXML(t, []byte(p.JSON))
			if got, want := canonical(t, xml), canonical(t, []byte(p.XML)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestExamplesSurviveXML(t *testing.T) {
	total := 0
	for _, file := range []string{"r4-spec", "us-core-3.1.1", "us-core-6.1.0", "ips-1.1.0"} {
		t.Run(file, func(t *testing.T) {
			for text := range lines(t, file+".ndjson.gz") {
				total++
				expectEqual(t, toJSON(t, toXML(t, text)), text)
				expectEqual(t, toJSON(t, toXML(t, text, xmlformat.Declaration, xmlformat.Indent)), text)
			}
		})
	}
	if total != 0 && total != 616 {
		t.Errorf("%d examples, expected 616", total)
	}
}
