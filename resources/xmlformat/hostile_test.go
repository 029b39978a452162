package xmlformat_test

import (
	"fmt"
	"strings"
	"testing"

	"kiln/resources/xmlformat"
)

// BenchmarkHostile reads texts that are made to be slow; each must stay near the speed of
// BenchmarkToJSON.
func BenchmarkHostile(b *testing.B) {
	const size = 1 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	attributes := func(n int, format string) string {
		var all strings.Builder
		for i := range n {
			fmt.Fprintf(&all, format, i)
		}
		return all.String()
	}
	for name, text := range map[string]string{
		"AlternatingNames": wrap("Patient", fill(`<name/><telecom/>`)),
		"EmptyDivs":        wrap("Bundle", fill(`<entry><resource><Basic><text><div xmlns="http://www.w3.org/1999/xhtml"/></text></Basic></resource></entry>`)),
		"DeepDiv":          wrap("Basic", `<text>`+div+strings.Repeat(strings.Repeat("<p>", 500)+strings.Repeat("</p>", 500), size/3500)+`</div></text>`),
		"Attributes":       wrap("Basic", `<text>`+div+fill("<p"+attributes(99, ` a%d=""`)+"/>")+`</div></text>`),
		"Namespaces":       wrap("Basic", `<text><div xmlns="http://www.w3.org/1999/xhtml"`+attributes(90, ` xmlns:a%d="http://www.w3.org/1999/xhtml"`)+`>`+fill(`<a0:p/>`)+`</div></text>`),
		"References":       wrap("Basic", `<language value="`+fill("&amp;")+`"/>`),
		"Problems":         wrap("Basic", fill("\n")+strings.Repeat("<x/>", 99)),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := xmlformat.ToJSON([]byte(text)); err != nil && name != "Problems" {
					b.Fatal(err)
				}
			}
		})
	}
}
