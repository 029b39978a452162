package narrative

import "strings"

// elements are those that a narrative may have, each with the attributes that it alone may have:
// chapters 7 to 11 (but section 4 of chapter 9) and 15 of HTML 4.0, <a> and images.
var elements = func() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for name := range set(`abbr acronym address b bdo big br caption cite code col colgroup dd dfn div dl dt em
		h1 h2 h3 h4 h5 h6 i kbd p pre samp small span strong sub sup tfoot thead tt var`) {
		all[name] = nil
	}
	for name, own := range map[string]string{
		"a":          "href name charset type hreflang rel rev shape coords target",
		"area":       "shape coords href nohref alt",
		"blockquote": "cite",
		"hr":         "noshade size",
		"img":        "src alt longdesc height usemap ismap border hspace vspace",
		"li":         "value",
		"map":        "name",
		"ol":         "start type compact",
		"q":          "cite",
		"table":      "summary border frame rules cellspacing cellpadding bgcolor height",
		"tbody":      "bgcolor",
		"td":         "nowrap bgcolor height",
		"th":         "nowrap bgcolor height",
		"tr":         "bgcolor height",
		"ul":         "type compact",
	} {
		all[name] = set(own)
	}
	return all
}()

// attributes are those that every element may have, and those that tables share. There is no
// event among them.
var attributes = set(`abbr accesskey align axis char charoff class colspan dir headers id lang rowspan scope span style
	tabindex title valign width xml:lang xml:space`)

// links are the attributes whose value is an address.
var links = set("cite href longdesc src usemap")

func set(words string) map[string]bool {
	s := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		s[word] = true
	}
	return s
}
