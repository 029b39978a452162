package validation

import (
	"html"
	"strings"
)

// htmlElements are the elements that a narrative may have, each with the attributes that it alone
// may have: chapters 7 to 11 (but section 4 of chapter 9) and 15 of HTML 4.0, <a> and images.
// https://hl7.org/fhir/R4/narrative.html#xhtml
var htmlElements = map[string][]string{
	"a":          {"href", "name", "charset", "type", "hreflang", "rel", "rev", "shape", "coords", "target"},
	"abbr":       nil,
	"acronym":    nil,
	"address":    nil,
	"area":       {"shape", "coords", "href", "nohref", "alt"},
	"b":          nil,
	"bdo":        nil,
	"big":        nil,
	"blockquote": {"cite"},
	"br":         nil,
	"caption":    nil,
	"cite":       nil,
	"code":       nil,
	"col":        nil,
	"colgroup":   nil,
	"dd":         nil,
	"dfn":        nil,
	"div":        nil,
	"dl":         nil,
	"dt":         nil,
	"em":         nil,
	"h1":         nil,
	"h2":         nil,
	"h3":         nil,
	"h4":         nil,
	"h5":         nil,
	"h6":         nil,
	"hr":         nil,
	"i":          nil,
	"img":        {"src", "alt", "longdesc", "height", "width", "usemap", "ismap", "border"},
	"kbd":        nil,
	"li":         nil,
	"map":        {"name"},
	"ol":         nil,
	"p":          nil,
	"pre":        {"space"},
	"q":          {"cite"},
	"samp":       nil,
	"small":      nil,
	"span":       nil,
	"strong":     nil,
	"sub":        nil,
	"sup":        nil,
	"table":      {"summary", "width", "border", "frame", "rules", "cellspacing", "cellpadding"},
	"tbody":      nil,
	"td":         {"nowrap"},
	"tfoot":      nil,
	"th":         {"nowrap"},
	"thead":      nil,
	"tr":         nil,
	"tt":         nil,
	"ul":         nil,
	"var":        nil,
}

// htmlAttributes are those that every element may have, and those that tables share. There is no
// event among them.
var htmlAttributes = map[string]bool{
	"title": true, "style": true, "class": true, "id": true, "lang": true, "xml:lang": true, "xml:space": true, "dir": true,
	"accesskey": true, "tabindex": true,
	"span": true, "width": true, "align": true, "valign": true, "char": true, "charoff": true, "abbr": true, "axis": true,
	"headers": true, "scope": true, "rowspan": true, "colspan": true,
}

// schemeOf is the scheme of a link as a browser reads it: in lower case, without the white space
// and control characters that it would drop, and with references resolved.
func schemeOf(link string) string {
	if !strings.ContainsAny(link, ":&") {
		return ""
	}
	link = html.UnescapeString(link)
	var b strings.Builder
	for i := 0; i < len(link) && b.Len() < 16; i++ {
		switch c := link[i]; {
		case c == ':':
			return strings.ToLower(b.String())
		case c > ' ':
			b.WriteByte(c)
		}
	}
	return ""
}
