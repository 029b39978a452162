package markup_test

import (
	"fmt"
	"strings"
	"testing"

	"kiln/resources/outcome"
	"kiln/resources/xmlformat/markup"
)

// tokens writes the tokens of a text in one line: <ns|a b="c">, /a, 'text', !comment, ?target.
func tokens(text string) (string, error) {
	var b strings.Builder
	r := markup.NewStringReader(text)
	for r.Next() {
		switch r.Kind {
		case markup.StartTag:
			fmt.Fprintf(&b, "<%s", name(r.Name))
			for _, a := range r.Attributes {
				fmt.Fprintf(&b, " %s=%q", name(a.Name), a.Value)
			}
			b.WriteString("> ")
		case markup.EndTag:
			fmt.Fprintf(&b, "/%s ", r.Name.Local)
		case markup.Text:
			fmt.Fprintf(&b, "%q ", r.Text)
		case markup.Comment:
			fmt.Fprintf(&b, "!%q ", r.Text)
		case markup.Instruction:
			fmt.Fprintf(&b, "?%s %q ", r.Name.Local, r.Text)
		}
	}
	return strings.TrimSuffix(b.String(), " "), r.Err()
}

func name(n markup.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + "|" + n.Local
}

func TestTokens(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"An empty element has an end", `<a/>`, `<a> /a`},
		{"A byte order mark and a declaration are skipped", "\ufeff<?xml version='1.0' encoding='utf-8' standalone=\"yes\" ?><a/>", `<a> /a`},
		{"A default namespace is for elements alone", `<a xmlns="u" b="c"><d/></a>`, `<u|a http://www.w3.org/2000/xmlns/|xmlns="u" b="c"> <u|d> /d /a`},
		{"A default namespace can be taken back", `<a xmlns="u"><d xmlns=""/></a>`, `<u|a http://www.w3.org/2000/xmlns/|xmlns="u"> <d http://www.w3.org/2000/xmlns/|xmlns=""> /d /a`},
		{"A prefix stands for its namespace", `<p:a xmlns:p="u" p:b="c"/>`, `<u|a http://www.w3.org/2000/xmlns/|p="u" u|b="c"> /a`},
		{"The inner declaration of a prefix wins", `<p:a xmlns:p="u"><p:b xmlns:p="v"/><p:c/></p:a>`, `<u|a http://www.w3.org/2000/xmlns/|p="u"> <v|b http://www.w3.org/2000/xmlns/|p="v"> /b <u|c> /c /a`},
		{"The prefix xml needs no declaration", `<a xml:lang="de"/>`, `<a http://www.w3.org/XML/1998/namespace|lang="de"> /a`},
		{"References are resolved", `<a b="&lt;&#65;&#x42;&quot;">&amp;&apos;&gt;</a>`, `<a b="<AB\""> "&'>" /a`},
		{"White space in an attribute becomes spaces, one for a line end", "<a b=\"1\t2\n3\r\n4\r5&#10;6\"/>", `<a b="1 2 3 4 5\n6"> /a`},
		{"Line ends of text become line feeds", "<a>1\r\n2\r3&#13;4</a>", `<a> "1\n2\n3\r4" /a`},
		{"A CDATA section is text", `<a><![CDATA[<b>&amp;]]]]><![CDATA[>]]></a>`, `<a> "<b>&amp;]]" ">" /a`},
		{"Comments and instructions are told apart", `<!--c--><?x y z?><a><!----></a><?q?>`, `!"c" ?x "y z" <a> !"" /a ?q ""`},
		{"Names may be of any script", `<ñé·1 属性="é"/>`, `<ñé·1 属性="é"> /ñé·1`},
		{"White space stands almost anywhere in a tag", "<a\n b = 'c'\t></a >", `<a b="c"> /a`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := tokens(c.text)
			if err != nil || got != c.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"Nothing", ``, "line 1, column 1: The text ends where an element was expected."},
		{"Only a comment", `<!-- a -->`, "line 1, column 11: The text ends where an element was expected."},
		{"An element that is not closed", "<a>\n <b>\n</a>", "line 3, column 1: The end tag </a> was found where </b> was expected."},
		{"The end of the text", "<a>\n <b>", "line 2, column 2: The element <b> is not closed before the text ends."},
		{"An end without a start", `<a/></b>`, "line 1, column 5: The end tag </b> has no start tag."},
		{"A second root", `<a/><b/>`, "line 1, column 5: There is a second root element."},
		{"Text after the root", "<a/>\n x", "line 2, column 2: There is text outside of the root element."},
		{"CDATA after the root", `<a/><![CDATA[ ]]>`, "line 1, column 5: There is text outside of the root element."},
		{"A document type", `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, "line 1, column 1: A document type, or an entity declaration, is not accepted in FHIR."},
		{"An entity that is not defined", `<a>&x;</a>`, `line 1, column 4: The entity "&x;" is not defined; XML has amp, lt, gt, quot and apos.`},
		{"An entity of HTML", `<a b="&nbsp;"/>`, "line 1, column 7: The entity &nbsp; belongs to HTML, not to XML; write &#160; or the character itself."},
		{"The beginning of an entity of HTML", `<a b="&notit;"/>`, `line 1, column 7: The entity "&notit;" is not defined; XML has amp, lt, gt, quot and apos.`},
		{"A bare ampersand", `<a>b & c</a>`, `line 1, column 6: "&" does not begin a reference; the character itself is written as "&amp;".`},
		{"A reference to no character", `<a>&#0;</a>`, "line 1, column 4: The reference &#0; is not the number of a character that XML allows."},
		{"A reference to a surrogate", `<a>&#xD800;</a>`, "line 1, column 4: The reference &#xD800; is not the number of a character that XML allows."},
		{"A reference with a sign", `<a>&#+65;</a>`, "line 1, column 4: The reference &#+65; is not the number of a character that XML allows."},
		{"A less-than sign in an attribute", `<a b="<"/>`, `line 1, column 7: The value of an attribute holds "<"; it is written as "&lt;".`},
		{"The end of a CDATA section in text", `<a>]]></a>`, `line 1, column 4: A text holds "]]>"; the last character must be written as "&gt;".`},
		{"Two dashes in a comment", `<!-- a -- b --><a/>`, `line 1, column 8: A comment holds "--", which XML does not allow.`},
		{"An open comment", `<a><!-- a`, "line 1, column 4: A comment is not closed."},
		{"An open CDATA section", `<a><![CDATA[`, "line 1, column 4: A CDATA section is not closed."},
		{"An open instruction", `<a><?b`, "line 1, column 4: A processing instruction is not closed."},
		{"A late declaration", ` <?xml version="1.0"?><a/>`, "line 1, column 2: An XML declaration stands at the very beginning of the text or nowhere."},
		{"XML 1.1", `<?xml version="1.1"?><a/>`, `line 1, column 14: The XML declaration gives the version "1.1"; only XML 1.0 is read.`},
		{"Latin 1", `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, `line 1, column 29: The XML declaration gives the encoding "ISO-8859-1"; only UTF-8 is read.`},
		{"A declaration without a version", `<?xml encoding="UTF-8"?><a/>`, "line 1, column 7: Found 'e' where version was expected."},
		{"UTF-16", "\xff\xfe<\x00a\x00", "line 1, column 1: The text is UTF-16 or UTF-32; only UTF-8 is read."},
		{"UTF-16 without a mark", "\x00<\x00a", "line 1, column 1: The text is UTF-16 or UTF-32; only UTF-8 is read."},
		{"Bytes that are no UTF-8", "<a>\xe9</a>", "line 1, column 4: The text is not valid UTF-8."},
		{"A control character", "<a>\x01</a>", "line 1, column 4: The text holds the character U+0001, which XML does not allow."},
		{"A character that is none", "<a>\uffff</a>", "line 1, column 4: The text holds the character U+FFFF, which XML does not allow."},
		{"A prefix that is not declared", `<a><p:b/></a>`, `line 1, column 5: The namespace prefix "p" is not declared.`},
		{"A prefix of an attribute that is not declared", `<a p:b=""/>`, `line 1, column 4: The namespace prefix "p" is not declared.`},
		{"A prefix that was declared elsewhere", `<a><p:b xmlns:p="u"/><p:c/></a>`, `line 1, column 23: The namespace prefix "p" is not declared.`},
		{"A prefix for no namespace", `<a xmlns:p=""/>`, `line 1, column 4: The prefix "p" is declared without a namespace.`},
		{"Another namespace for xml", `<a xmlns:xml="u"/>`, "line 1, column 4: The namespaces of xml and xmlns are fixed and must not be declared otherwise."},
		{"An attribute twice", `<a b="1" b="2"/>`, `line 1, column 10: The attribute "b" appears twice in the same tag.`},
		{"An attribute twice under two prefixes", `<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>`, `line 1, column 36: The attribute "b" appears twice in the same tag, under two prefixes.`},
		{"Attributes without white space", `<a b="1"c="2"/>`, `line 1, column 9: Found 'c' where white space, ">" or "/>" was expected.`},
		{"An attribute without a value", `<a b/>`, `line 1, column 5: Found '/' where "=" and a value in quotes was expected.`},
		{"A value without quotes", `<a b=c/>`, "line 1, column 6: Found 'c' where a value in quotes was expected."},
		{"An open value", `<a b="c/>`, "line 1, column 6: The value of an attribute is not closed."},
		{"A name that begins with a digit", `<1/>`, "line 1, column 2: Found '1' where the name of an element was expected."},
		{"Two colons", `<a:b:c/>`, `line 1, column 2: "a:b:c" is not a name with at most one prefix.`},
		{"A prefix alone", `<a: />`, `line 1, column 2: "a:" is not a name with at most one prefix.`},
		{"A broken end of a tag", `<a/ >`, `line 1, column 4: Found ' ' where ">" was expected.`},
		{"Depth", strings.Repeat("<a>", markup.MaxDepth+1), "line 1, column 1537: Elements nest deeper than 512 levels."},
		{"Many attributes", "<a" + many(" a%d=''", markup.MaxAttributes+1) + "/>", "line 1, column 694: A tag has more than 100 attributes."},
		{"Many namespaces", "<a" + many(" xmlns:a%d='u'", 60) + "><b" + many(" xmlns:a%d='u'", 60) + "/></a>", "line 1, column 1373: More than 100 namespace declarations are in scope."},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := tokens(c.text)
			if err == nil {
				t.Fatalf("read as %s", got)
			}
			e := outcome.As(err)
			if e.Error() != c.want || e.Stage != outcome.StageSyntax || e.Code() != outcome.Structure {
				t.Errorf("got  %v (stage %d, %s)\nwant %s", e, e.Stage, e.Code(), c.want)
			}
		})
	}
}

func many(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestEscapesAreReadBack(t *testing.T) {
	const text = "<\"&'> \t\n\r ]]> é \U0001F600"
	xml := string(markup.AppendAttribute([]byte(`<a b="`), text)) + `">` + string(markup.AppendText(nil, text)) + `</a>`
	r := markup.NewStringReader(xml)
	if !r.Next() || r.Attributes[0].Value != text {
		t.Errorf("the attribute of %s is %v, %v", xml, r.Attributes, r.Err())
	}
	if !r.Next() || r.Text != text {
		t.Errorf("the text of %s is %q, %v", xml, r.Text, r.Err())
	}
}

func TestForbiddenCharactersAreFound(t *testing.T) {
	for text, want := range map[string]rune{"a\x00": 0, "é\x1f": 0x1f, "\ufffe": 0xfffe, "\uffff": 0xffff} {
		if c, found := markup.Forbidden(text); !found || c != want {
			t.Errorf("%q: %U, %v", text, c, found)
		}
	}
	if c, found := markup.Forbidden("\t\n\r \u007f\u0085\ufffd\U0010ffff"); found {
		t.Errorf("%U is allowed", c)
	}
}

func TestPlacesAreOfTheSource(t *testing.T) {
	const text = "\ufeff<a>\r\n<b c='d'/>é</a>"
	r := markup.NewStringReader(text)
	var got []string
	for r.Next() {
		line, column := r.Position(r.Start)
		got = append(got, fmt.Sprintf("%d:%d %d %q", line, column, r.Depth(), r.Source()[r.Start:r.End]))
	}
	want := []string{`1:1 1 "<a>"`, `1:4 1 "\r\n"`, `2:1 2 "<b c='d'/>"`, `2:11 1 ""`, `2:11 1 "é"`, `2:13 0 "</a>"`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]bool{"a": true, "_a-1.b": true, "é": true, "": false, "1a": false, "a:b": false, "a b": false, "-a": false} {
		if markup.IsName(text) != want {
			t.Errorf("IsName(%q) is not %v", text, want)
		}
	}
}
