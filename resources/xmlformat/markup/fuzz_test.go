package markup_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"kiln/resources/xmlformat/markup"
)

// FuzzReader compares with encoding/xml: what is read here is read there too, with the same
// names, texts and, but for line ends, attributes.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`<a/>`, `<?xml version="1.0"?><a xmlns="u" b="c">d<e>&lt;&#65;</e><![CDATA[x]]></a><!--f-->`,
		`<p:a xmlns:p="u" p:b="c"/>`, `<a><?b c?></a>`, "<a b='\n'>\r\n</a>", `<!DOCTYPE a><a/>`, `<a>&nbsp;</a>`, `<é/>`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ours, err := outline(text)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a sentence")
			}
			return
		}
		theirs, err := standardOutline(text)
		if err != nil && strings.Contains(err.Error(), "invalid XML name") {
			return // it has the names of the fourth edition of XML, markup those of the fifth
		}
		if err != nil {
			t.Fatalf("encoding/xml refuses %q: %v", text, err)
		}
		if ours != theirs {
			t.Errorf("%q\nours   %s\ntheirs %s", text, ours, theirs)
		}
	})
}

func outline(text string) (string, error) {
	var b strings.Builder
	r := markup.NewStringReader(text)
	pending := ""
	flush := func() {
		if pending != "" && r.Depth() >= 0 {
			fmt.Fprintf(&b, "%q ", pending)
		}
		pending = ""
	}
	depth := 0
	for r.Next() {
		switch r.Kind {
		case markup.StartTag:
			flush()
			depth++
			fmt.Fprintf(&b, "<%s|%s", r.Name.Space, r.Name.Local)
			for _, a := range r.Attributes {
				if a.Space == markup.XMLNS {
					continue
				}
				fmt.Fprintf(&b, " %s|%s=%q", a.Space, a.Local, unline(a.Value))
			}
			b.WriteString("> ")
		case markup.EndTag:
			flush()
			depth--
			b.WriteString("/ ")
		case markup.Text:
			if depth > 0 {
				pending += r.Text
			}
		}
	}
	return b.String(), r.Err()
}

// unline forgets the difference that encoding/xml does not know: line ends and tabs of
// attributes.
func unline(s string) string {
	return strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\t", " ").Replace(s)
}

func standardOutline(text string) (string, error) {
	var b strings.Builder
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	d.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil } // US-ASCII
	pending, depth := "", 0
	flush := func() {
		if pending != "" {
			fmt.Fprintf(&b, "%q ", pending)
		}
		pending = ""
	}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch v := token.(type) {
		case xml.StartElement:
			flush()
			depth++
			fmt.Fprintf(&b, "<%s|%s", v.Name.Space, v.Name.Local)
			for _, a := range v.Attr {
				if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
					continue
				}
				fmt.Fprintf(&b, " %s|%s=%q", a.Name.Space, a.Name.Local, unline(a.Value))
			}
			b.WriteString("> ")
		case xml.EndElement:
			flush()
			depth--
			b.WriteString("/ ")
		case xml.CharData:
			if depth > 0 {
				pending += string(v)
			}
		}
	}
}
