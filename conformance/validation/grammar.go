package validation

import (
	"strings"

	"golang.org/x/text/currency"
)

// validCurrency reports whether a code is one of ISO 4217, past ones included.
func validCurrency(s string) bool {
	if len(s) != 3 || strings.ToUpper(s) != s {
		return false
	}
	_, err := currency.ParseISO(s)
	return err == nil
}

// validMediaType is type/subtype of RFC 6838 section 4.2, with parameters of any content, or one
// of the words xml, json and ttl that FHIR has for its own formats
// (https://hl7.org/fhir/R4/http.html#parameters).
func validMediaType(s string) bool {
	name, _, _ := strings.Cut(s, ";")
	name = strings.TrimRight(name, " ")
	if name == "xml" || name == "json" || name == "ttl" {
		return true
	}
	typ, subtype, ok := strings.Cut(name, "/")
	return ok && restrictedName(typ) && restrictedName(subtype)
}

func restrictedName(s string) bool {
	if s == "" || len(s) > 127 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !letter(c) && !digit(c) && (i == 0 && c != '*' || strings.IndexByte("!#$&-^_.+*", c) < 0) {
			return false
		}
	}
	return true
}

// validUnit is the grammar of UCUM, without its table of atoms: https://ucum.org/ucum#section-Syntax-Rules
func validUnit(s string) bool {
	if len(s) > 256 {
		return false
	}
	u := unit{rest: strings.TrimPrefix(s, "/")}
	return u.term() && u.rest == ""
}

type unit struct {
	rest  string
	depth int
}

// term is component { ('.' | '/') component }.
func (u *unit) term() bool {
	for {
		if !u.component() {
			return false
		}
		if u.rest == "" || u.rest[0] != '.' && u.rest[0] != '/' {
			return true
		}
		u.rest = u.rest[1:]
	}
}

// component is '(' term ')', an annotation, a factor, or an atom with an exponent, each with an
// annotation behind it.
func (u *unit) component() bool {
	if strings.HasPrefix(u.rest, "(") {
		u.rest = u.rest[1:]
		if u.depth++; u.depth > 16 || !u.term() || !strings.HasPrefix(u.rest, ")") {
			return false
		}
		u.depth--
		u.rest = u.rest[1:]
		return true
	}
	if strings.HasPrefix(u.rest, "{") {
		return u.annotation()
	}
	if !u.atom() {
		return false
	}
	return !strings.HasPrefix(u.rest, "{") || u.annotation()
}

func (u *unit) annotation() bool {
	end := strings.IndexAny(u.rest[1:], "{}")
	if end < 0 || u.rest[1+end] != '}' || !visible(u.rest[:end+2]) {
		return false
	}
	u.rest = u.rest[end+2:]
	return true
}

// atom is a factor, or a symbol (10* and 10^ are ones) with an exponent.
func (u *unit) atom() bool {
	i := 0
	for i < len(u.rest) && digit(u.rest[i]) {
		i++
	}
	if i > 0 && (i != 2 || !strings.HasPrefix(u.rest, "10*") && !strings.HasPrefix(u.rest, "10^")) {
		u.rest = u.rest[i:]
		return true // a factor
	}
	start := i
	for i < len(u.rest) && strings.IndexByte("0123456789+-().=/{}\"", u.rest[i]) < 0 {
		if u.rest[i] == ']' {
			return false
		}
		if u.rest[i] == '[' {
			end := strings.IndexAny(u.rest[i+1:], "[]{}")
			if end <= 0 || u.rest[i+1+end] != ']' {
				return false
			}
			i += end + 1
		}
		i++
	}
	if i == start || !visible(u.rest[:i]) {
		return false
	}
	u.rest = u.rest[i:]
	return u.exponent()
}

func (u *unit) exponent() bool {
	i := 0
	if u.rest != "" && (u.rest[0] == '+' || u.rest[0] == '-') {
		i++
	}
	start := i
	for i < len(u.rest) && digit(u.rest[i]) {
		i++
	}
	if i == start {
		return start == 0
	}
	u.rest = u.rest[i:]
	return true
}

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
