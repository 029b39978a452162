package xmlformat

import (
	"strings"
	"sync"

	"kiln/resources"
	"kiln/resources/definitions"
)

// families are the base types whose values JSON writes without quotes; xhtml is the one whose
// XML form is no value attribute. https://hl7.org/fhir/R4/json.html#primitive
var families = map[string]resources.Kind{
	"boolean": resources.Bool,
	"integer": resources.Number,
	"decimal": resources.Number,
}

// primitives knows how JSON writes the values of each primitive type.
var primitives = sync.OnceValue(func() map[*definitions.Type]resources.Kind {
	kinds := map[*definitions.Type]resources.Kind{}
	for t := range definitions.R4().Types {
		if !t.Primitive() {
			continue
		}
		kinds[t] = resources.String
		for family, kind := range families {
			if t.Is(family) {
				kinds[t] = kind
			}
		}
	}
	return kinds
})

var xhtml = sync.OnceValue(func() *definitions.Type { return definitions.R4().Type("xhtml") })

// literal is the JSON text of a value that JSON writes without quotes; false if it is none. XML
// allows white space around it, and integers a plus sign (https://hl7.org/fhir/R4/datatypes.html).
func literal(kind resources.Kind, value string) (string, bool) {
	value = strings.Trim(value, " ")
	if kind == resources.Bool {
		return value, value == "true" || value == "false"
	}
	if unsigned, found := strings.CutPrefix(value, "+"); found {
		return unsigned, isNumber(unsigned) && unsigned[0] != '-'
	}
	return value, isNumber(value)
}

// isNumber reports whether s is a number by the grammar of RFC 8259 section 6, which is also
// R4's of decimal.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := digits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	s = s[whole:]
	if strings.HasPrefix(s, ".") {
		part := digits(s[1:])
		if part == 0 {
			return false
		}
		s = s[1+part:]
	}
	if s == "" {
		return true
	}
	if s[0]|0x20 != 'e' {
		return false
	}
	s = s[1:]
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return s != "" && digits(s) == len(s)
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n]-'0' <= 9 {
		n++
	}
	return n
}
