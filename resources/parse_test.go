package resources_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"kiln/resources"
	"kiln/resources/outcome"
)

func parse(t testing.TB, text string) *resources.Document {
	t.Helper()
	doc, err := resources.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return doc
}

func TestParseKeepsWhatWasWritten(t *testing.T) {
	doc := parse(t, "\xef\xbb\xbf{ \"b\" : [1.00, -0.0e+10 ,true,null], \"a\":\"x\\u00e9\\ud83d\\ude00\\n/\" , \"\\u0063\" : {}}")
	for _, c := range []struct {
		what string
		node resources.Node
		kind resources.Kind
		text string
	}{
		{"trailing zeros", doc.Item(doc.Member(0, "b"), 0), resources.Number, "1.00"},
		{"an exponent", doc.Item(doc.Member(0, "b"), 1), resources.Number, "-0.0e+10"},
		{"true", doc.Item(doc.Member(0, "b"), 2), resources.Bool, "true"},
		{"null", doc.Item(doc.Member(0, "b"), 3), resources.Null, "null"},
		{"escapes", doc.Member(0, "a"), resources.String, "xé😀\n/"},
		{"an escaped name", doc.Member(0, "c"), resources.Object, "{}"},
	} {
		if doc.Kind(c.node) != c.kind || doc.Text(c.node) != c.text {
			t.Errorf("%s: %s %q", c.what, doc.Kind(c.node), doc.Text(c.node))
		}
	}
	var order []string
	for n := range doc.Children(0) {
		order = append(order, doc.Name(n))
	}
	if got := strings.Join(order, ""); got != "bac" {
		t.Errorf("members come in the order %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	deep := strings.Repeat("[", resources.MaxDepth+1) + strings.Repeat("]", resources.MaxDepth+1)
	for _, c := range []struct {
		name, text   string
		line, column int
		says         string
	}{
		{"AnEmptyText", "", 1, 1, "ends where a JSON value"},
		{"ADuplicateMember", "{\"a\":1,\n \"a\":2}", 2, 2, "twice"},
		{"ADuplicateMemberWithAnEscape", `{"a":1,"\u0061":2}`, 1, 8, "twice"},
		{"ADuplicateAmongMany", manyMembers(40, 39), 1, 0, "twice"},
		{"NestingTooDeep", deep, 1, 65, "64 levels"},
		{"InvalidUTF8", "{\"a\":\"\xff\"}", 1, 7, "UTF-8"},
		{"ALoneSurrogate", `["\ud800"]`, 1, 3, "surrogate"},
		{"ASwappedSurrogatePair", `["\udc00\ud800"]`, 1, 3, "surrogate"},
		{"AControlCharacter", "[\"a\tb\"]", 1, 4, "U+0009"},
		{"AControlCharacterInALongString", "[\"abcdefghijklmnop\x01\"]", 1, 19, "U+0001"},
		{"ALeadingZero", `[01]`, 1, 3, "','"},
		{"ATrailingPoint", `[1.]`, 1, 4, "digit"},
		{"APlusSign", `[+1]`, 1, 2, "JSON value"},
		{"AnEmptyExponent", `[1e]`, 1, 4, "digit"},
		{"NaN", `[NaN]`, 1, 2, "JSON value"},
		{"ATrailingComma", `[1,]`, 1, 4, "JSON value"},
		{"ATrailingCommaInAnObject", `{"a":1,}`, 1, 8, "member name"},
		{"AnUnknownEscape", `["\x"]`, 1, 3, "escape"},
		{"AShortEscape", `["\u12"]`, 1, 3, "hexadecimal"},
		{"SingleQuotes", `{'a':1}`, 1, 2, "member name"},
		{"AComment", "[1 // one\n]", 1, 4, "','"},
		{"AnUnclosedString", `["abc`, 1, 6, "closing quote"},
		{"AnUnclosedObject", `{"a":1`, 1, 7, "','"},
		{"AWrongLiteral", `[tru]`, 1, 2, "JSON value"},
		{"TextAfterTheEnd", `{} {}`, 1, 4, "after the end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := resources.Parse([]byte(c.text))
			var refusal *outcome.Error
			if !errors.As(err, &refusal) {
				t.Fatalf("read without complaint, or with %v", err)
			}
			issue := refusal.Issues[0]
			if refusal.Stage != outcome.StageSyntax || issue.Code != outcome.Structure || !strings.Contains(issue.Diagnostics, c.says) {
				t.Errorf("refused with %+v", refusal)
			}
			if issue.Line != c.line || c.column != 0 && issue.Column != c.column {
				t.Errorf("located at %d:%d; want %d:%d", issue.Line, issue.Column, c.line, c.column)
			}
		})
	}
}

func manyMembers(n, again int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		fmt.Fprintf(&b, `"m%d":%d,`, i, i)
	}
	fmt.Fprintf(&b, `"m%d":0}`, again)
	return b.String()
}

func TestParseReadsManyMembersInLinearTime(t *testing.T) {
	doc := parse(t, strings.Replace(manyMembers(200_000, 1), `"m1":0}`, `"last":0}`, 1))
	if got := doc.Count(0); got != 200_001 {
		t.Errorf("%d members", got)
	}
}

func TestPosition(t *testing.T) {
	doc := parse(t, "{\n  \"a\": [\n    1,\n    22]}")
	if line, column := doc.Position(doc.Item(doc.Member(0, "a"), 1)); line != 4 || column != 5 {
		t.Errorf("found at %d:%d", line, column)
	}
}

// FuzzParse compares the reader with jsontext, which also refuses duplicate names and invalid
// UTF-8, and the tree with what encoding/json understands.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"resourceType":"Patient","active":true,"name":[{"given":["A",null],"_given":[null,{"id":"x"}]}]}`,
		`[1.00,-0,1e400,"\u00e9\ud83d\ude00",{"":[]}]`, `{"a":{"a":[[]]}}`, "\xef\xbb\xbf1", `"\ud800"`, `{"a":1,"\u0061":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		doc, err := resources.Parse(bytes.Clone(src))
		text := bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
		valid := jsontext.Value(text).IsValid()
		if err != nil {
			if valid && !deep(text) && !longName(text) {
				t.Fatalf("refused valid JSON: %v", err)
			}
			return
		}
		if !valid {
			t.Fatal("accepted what jsontext refuses")
		}
		if got, want := decode(t, doc.AppendCompact(nil, 0)), decode(t, text); got != want {
			t.Fatalf("compact text means %s, source %s", got, want)
		}
		var rebuilt bytes.Buffer
		rebuild(&rebuilt, doc, 0)
		if got, want := decode(t, rebuilt.Bytes()), decode(t, text); got != want {
			t.Fatalf("tree means %s, source %s", got, want)
		}
	})
}

// decode writes what encoding/json understands, with sorted members and numbers as text.
func decode(t *testing.T, text []byte) string {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("encoding/json: %v", err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// rebuild writes the tree by its public methods alone.
func rebuild(b *bytes.Buffer, d *resources.Document, n resources.Node) {
	switch d.Kind(n) {
	case resources.Object, resources.Array:
		b.WriteByte("[{"[d.Kind(n)-resources.Array])
		i := 0
		for c := range d.Children(n) {
			if i++; i > 1 {
				b.WriteByte(',')
			}
			if d.Kind(n) == resources.Object {
				b.Write(resources.Quote(d.Name(c)))
				b.WriteByte(':')
			}
			if d.Parent(c) != n {
				panic("parent")
			}
			rebuild(b, d, c)
		}
		b.WriteByte("]}"[d.Kind(n)-resources.Array])
	case resources.String:
		b.Write(resources.Quote(d.Text(n)))
	default:
		b.WriteString(d.Text(n))
	}
}

func deep(text []byte) bool {
	depth, most := 0, 0
	for _, c := range text {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		most = max(most, depth)
	}
	return most > resources.MaxDepth
}

func longName(text []byte) bool { return len(text) > 65535 }
