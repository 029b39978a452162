package xmlformat_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"kiln/resources/xmlformat/markup"
)

// canonical writes the elements and attributes of an XML text one to a line, in order, without
// comments, white space between elements and the differences of escaping.
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
				if a.Space != markup.XMLNS {
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
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
