package patch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kiln/resources"
	"kiln/resources/xmlformat"
	"kiln/resources/xmlformat/markup"
)

// shared is where the official suites lie, if they do.
const shared = "../../../shared/data/suites/patch/"

// suite reads a file of cases, or skips the test.
func suite[T any](t *testing.T, file string, count int) []T {
	t.Helper()
	f, err := os.Open(filepath.Join(shared, file))
	if err != nil {
		t.Skipf("%s is not there, so its cases were not tried", file)
	}
	defer f.Close()
	var cases []T
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var c T
		if err := json.Unmarshal(s.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if len(cases) != count {
		t.Errorf("%s has %d cases, expected %d", file, len(cases), count)
	}
	return cases
}

// TestOfficialJSONPatch runs cases over any JSON, so it does without the check that the result
// is the same resource.
func TestOfficialJSONPatch(t *testing.T) {
	type testCase struct {
		Comment, Error       string
		Doc, Patch, Expected json.RawMessage
	}
	for _, c := range suite[testCase](t, "json-patch.ndjson", 7) {
		t.Run(c.Comment, func(t *testing.T) {
			doc, err := resources.Parse(c.Doc)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Parse(JSON, c.Patch)
			if err != nil {
				t.Fatal(err)
			}
			root, err := p.(*jsonPatch).apply(t.Context(), of(doc, 0))
			if c.Error != "" {
				if err == nil {
					t.Errorf("no error, expected %q", c.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			expectJSON(t, root.append(nil), c.Expected)
		})
	}
}

func expectJSON(t testing.TB, got, want []byte) {
	t.Helper()
	g, err := resources.Parse(got)
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	w, err := resources.Parse(want)
	if err != nil {
		t.Fatal(err)
	}
	if !resources.Equal(g, 0, w, 0) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestOfficialXMLPatch runs cases over any XML.
func TestOfficialXMLPatch(t *testing.T) {
	type testCase struct{ Name, Target, Patch, Patched, Error string }
	for _, c := range suite[testCase](t, "xml-patch.ndjson", 20) {
		t.Run(c.Name, func(t *testing.T) {
			p, err := Parse(XML, []byte(c.Patch))
			if err != nil {
				t.Fatal(err)
			}
			document := unwrap(t, c.Target)
			err = p.(*xmlPatch).apply(newBudget(t.Context()), document)
			if c.Error != "" {
				if err == nil {
					t.Errorf("no error, expected %s", c.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, want := document.append(nil, ""), unwrap(t, c.Patched).append(nil, "")
			if g, w := canonical(t, got), canonical(t, want); g != w {
				t.Errorf("got  %s\nwant %s", g, w)
			}
		})
	}
}

// unwrap reads the document inside of a <target> or <patched>. The file writes the comments in
// these as <!-.- -.->, since it was a comment itself; the wrapper may be empty.
func unwrap(t testing.TB, text string) *xmlNode {
	t.Helper()
	text = strings.NewReplacer("<!-.-", "<!--", "-.->", "-->").Replace(text)
	wrapper, err := readXML([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	document := &xmlNode{children: wrapper.root().children}
	for _, c := range document.children {
		c.parent = document
	}
	return document
}

// canonical writes the nodes of an XML text one to a line, without white space between them.
func canonical(t testing.TB, xml []byte) string {
	t.Helper()
	var b strings.Builder
	r := markup.NewReader(xml)
	for r.Next() {
		switch r.Kind {
		case markup.StartTag:
			b.WriteString("\n<" + r.Name.Space + " " + r.Name.Local)
			var attributes []string
			for _, a := range r.Attributes {
				if a.Space != markup.XMLNS || a.Prefix != "" {
					attributes = append(attributes, " "+a.Local+"="+strconv.Quote(a.Value))
				}
			}
			slices.Sort(attributes)
			b.WriteString(strings.Join(attributes, ""))
		case markup.EndTag:
			b.WriteString("\n>")
		case markup.Text:
			if !r.Blank {
				b.WriteString("\n" + strconv.Quote(r.Text))
			}
		default:
			b.WriteString("\n" + r.Kind.String() + " " + r.Name.Local + " " + strconv.Quote(r.Text))
		}
	}
	if err := r.Err(); err != nil {
		t.Fatalf("%v\n%s", err, xml)
	}
	return b.String()
}

func TestOfficialFHIRPathPatch(t *testing.T) {
	type testCase struct{ Name, Mode, Input, Diff, Output string }
	toJSON := func(t *testing.T, xml string) []byte {
		text, err := xmlformat.ToJSON([]byte(xml))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, c := range suite[testCase](t, "fhir-patch.ndjson", 20) {
		t.Run(c.Name, func(t *testing.T) {
			for _, kind := range []Kind{FHIRPath, FHIRPathXML} {
				body := []byte(c.Diff)
				if kind == FHIRPath {
					body = toJSON(t, c.Diff)
				}
				p, err := Parse(kind, body)
				if err != nil {
					t.Fatal(err)
				}
				input, err := resources.Parse(toJSON(t, c.Input))
				if err != nil {
					t.Fatal(err)
				}
				patched, err := p.Apply(t.Context(), input)
				if err != nil {
					t.Fatal(err)
				}
				expectJSON(t, patched.Source(), toJSON(t, c.Output))
				if bytes.Equal(toJSON(t, c.Output), input.Source()) && patched != input {
					t.Error("a patch that changes nothing gives another document")
				}
			}
		})
	}
}
