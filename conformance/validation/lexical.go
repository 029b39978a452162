package validation

import (
	"strings"

	"kiln/resources/datatypes"
)

func digit(c byte) bool  { return c-'0' <= 9 }
func letter(c byte) bool { return (c|0x20)-'a' <= 'z'-'a' }

func digits(s string) bool {
	for i := range len(s) {
		if !digit(s[i]) {
			return false
		}
	}
	return s != ""
}

// space is what \s means in the table's regular expressions.
func space(c byte) bool { return c == ' ' || c-'\t' <= '\r'-'\t' }

// validID is [A-Za-z0-9\-\.]{1,64} of the table.
func validID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !letter(c) && !digit(c) && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// validCode is [^\s]+(\s[^\s]+)* of the table.
func validCode(s string) bool {
	gap := true
	for i := range len(s) {
		if !space(s[i]) {
			gap = false
			continue
		}
		if gap {
			return false
		}
		gap = true
	}
	return !gap
}

// validURI is \S*.
func validURI(s string) bool {
	for i := range len(s) {
		if space(s[i]) {
			return false
		}
	}
	return true
}

// validURN reports whether a URI that says that it is an OID or a UUID is one. UUIDs should be in
// lower case, but RFC 4122 has readers take both.
func validURN(s string) bool {
	if oid, ok := strings.CutPrefix(s, "urn:oid:"); ok {
		return validArcs(oid)
	}
	uuid, ok := strings.CutPrefix(s, "urn:uuid:")
	return !ok || validHex(uuid, true)
}

// validOID is urn:oid:[0-2](\.(0|[1-9][0-9]*))+.
func validOID(s string) bool {
	arcs, ok := strings.CutPrefix(s, "urn:oid:")
	return ok && validArcs(arcs)
}

func validArcs(s string) bool {
	if len(s) < 3 || s[0] < '0' || s[0] > '2' {
		return false
	}
	for i := 1; i < len(s); {
		if s[i] != '.' {
			return false
		}
		i++
		start := i
		for i < len(s) && digit(s[i]) {
			i++
		}
		if i == start || s[start] == '0' && i > start+1 {
			return false
		}
	}
	return true
}

// validUUID is urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}.
func validUUID(s string) bool {
	hex, ok := strings.CutPrefix(s, "urn:uuid:")
	return ok && validHex(hex, false)
}

func validHex(s string, upper bool) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
			continue
		}
		if upper {
			c |= 0x20
		}
		if !digit(s[i]) && c-'a' > 5 {
			return false
		}
	}
	return true
}

// validBase64 is (\s*([0-9a-zA-Z\+/=]){4}\s*)+ with padding at the end alone.
func validBase64(s string) bool {
	_, ok := base64Length(s)
	return ok
}

// base64Length is how many bytes base64 stands for; false if it is none. White space may stand
// between groups, as the regular expression has it.
func base64Length(s string) (int, bool) {
	chars, padding := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case letter(c) || digit(c) || c == '+' || c == '/':
			if padding > 0 {
				return 0, false
			}
		case c == '=':
			padding++
		case space(c) && chars%4 == 0:
			continue
		default:
			return 0, false
		}
		chars++
	}
	if chars == 0 || chars%4 != 0 || padding > 2 {
		return 0, false
	}
	return chars/4*3 - padding, true
}

// validInteger is -?([0]|([1-9][0-9]*)) in 32 bits. JSON's own grammar has refused 007.
func validInteger(s string) bool {
	negative := s[0] == '-'
	if negative {
		s = s[1:]
	}
	limit := uint64(1<<31 - 1)
	if negative {
		limit++
	}
	return digits(s) && len(s) <= 10 && number(s) <= limit
}

// validUnsigned is [0]|([1-9][0-9]*) in 31 bits.
func validUnsigned(s string) bool { return s[0] != '-' && validInteger(s) }

// validPositive is [1-9][0-9]* in 31 bits.
func validPositive(s string) bool { return s != "0" && validUnsigned(s) }

func number(s string) (n uint64) {
	for i := range len(s) {
		n = 10*n + uint64(s[i]-'0')
	}
	return n
}

// validDecimal bounds what JSON calls a number to what is stored, searched and compared exactly.
func validDecimal(s string) bool {
	if len(s) < 18 {
		for i := range len(s) {
			if s[i]|0x20 == 'e' {
				_, err := datatypes.ParseDecimal(s)
				return err == nil
			}
		}
		return true
	}
	_, err := datatypes.ParseDecimal(s)
	return err == nil
}
