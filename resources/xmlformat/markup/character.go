package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

var space = [256]bool{' ': true, '\t': true, '\n': true, '\r': true}

// Classes of ASCII characters in names: https://www.w3.org/TR/xml/#NT-NameStartChar
const (
	nameStart = 1 << iota
	nameRest
)

var nameClass = func() (class [utf8.RuneSelf]uint8) {
	for c := range class {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':':
			class[c] = nameStart | nameRest
		case c >= '0' && c <= '9', c == '-', c == '.':
			class[c] = nameRest
		}
	}
	return class
}()

var nameStartChars = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0xC0, 0xD6, 1},
		{0xD8, 0xF6, 1},
		{0xF8, 0x2FF, 1},
		{0x370, 0x37D, 1},
		{0x37F, 0x1FFF, 1},
		{0x200C, 0x200D, 1},
		{0x2070, 0x218F, 1},
		{0x2C00, 0x2FEF, 1},
		{0x3001, 0xD7FF, 1},
		{0xF900, 0xFDCF, 1},
		{0xFDF0, 0xFFFD, 1},
	},
	R32: []unicode.Range32{{0x10000, 0xEFFFF, 1}},
}

var nameRestChars = &unicode.RangeTable{
	R16: []unicode.Range16{{0xB7, 0xB7, 1}, {0x300, 0x36F, 1}, {0x203F, 0x2040, 1}},
}

// name reads a Name.
func (r *Reader) name(what string) (string, error) {
	start := r.at
	if !startsName(r.src[r.at:]) {
		return "", r.unexpected(what)
	}
	for r.at < len(r.src) {
		c := r.src[r.at]
		if c < utf8.RuneSelf {
			if nameClass[c]&nameRest == 0 {
				break
			}
			r.at++
			continue
		}
		wide, size := utf8.DecodeRuneInString(r.src[r.at:])
		if !unicode.Is(nameStartChars, wide) && !unicode.Is(nameRestChars, wide) {
			break
		}
		r.at += size
	}
	return r.src[start:r.at], nil
}

func startsName(s string) bool {
	if s == "" {
		return false
	}
	if c := s[0]; c < utf8.RuneSelf {
		return nameClass[c]&nameStart != 0
	}
	c, _ := utf8.DecodeRuneInString(s)
	return unicode.Is(nameStartChars, c)
}

// IsName reports whether s is a name without a prefix (NCName).
func IsName(s string) bool {
	r := Reader{src: s}
	name, err := r.name("a name")
	return err == nil && name == s && !strings.Contains(s, ":")
}

// invalid is the place of the first byte that is no character of XML; -1 if there is none.
// https://www.w3.org/TR/xml/#charsets
func invalid(s string) int {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= ' ' && c < utf8.RuneSelf || space[c]:
			i++
		case c < utf8.RuneSelf:
			return i
		default:
			wide, size := utf8.DecodeRuneInString(s[i:])
			if wide == utf8.RuneError && size == 1 || wide == 0xFFFE || wide == 0xFFFF {
				return i
			}
			i += size
		}
	}
	return -1
}

// Forbidden is the first character of s that no XML text can hold, not even as a reference;
// false if there is none.
func Forbidden(s string) (rune, bool) {
	at := invalid(s)
	if at < 0 {
		return 0, false
	}
	c, _ := utf8.DecodeRuneInString(s[at:])
	return c, true
}
