package resources

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Strings: https://www.rfc-editor.org/rfc/rfc8259#section-7

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// text reads the rest of a string after its opening quote, to behind the closing one. It looks
// at eight bytes at a time for a quote, a backslash or a control character
// (https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord).
func (p *parser) text() (escaped bool, err error) {
	src, at := p.src, p.at
	for {
		for at+8 <= len(src) {
			w := binary.LittleEndian.Uint64(src[at:])
			quote, back := w^(ones*'"'), w^(ones*'\\')
			found := ((quote-ones)&^quote | (back-ones)&^back | (w-ones*0x20)&^w) & highs
			if found != 0 {
				at += bits.TrailingZeros64(found) / 8
				break
			}
			at += 8
		}
		if at >= len(src) {
			p.at = at
			return false, p.unexpected("the closing quote of a string")
		}
		switch c := src[at]; {
		case c == '"':
			p.at = at + 1
			return escaped, nil
		case c == '\\':
			escaped, p.at = true, at
			if err := p.escape(); err != nil {
				return false, err
			}
			at = p.at
		case c < 0x20:
			return false, p.fail(at, "A string holds the control character U+%04X, which must be escaped.", c)
		default:
			at++
		}
	}
}

// escape checks one escape sequence and steps over it.
func (p *parser) escape() error {
	at := p.at
	if at+1 >= len(p.src) {
		return p.fail(at, "The text ends inside a string.")
	}
	switch p.src[at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		p.at += 2
		return nil
	case 'u':
		r, ok := hex4(p.src, at+2)
		if !ok {
			return p.fail(at, `An escape \u is not followed by four hexadecimal digits.`)
		}
		p.at += 6
		if !utf16.IsSurrogate(r) {
			return nil
		}
		if p.at+6 <= len(p.src) && p.src[p.at] == '\\' && p.src[p.at+1] == 'u' {
			if low, ok := hex4(p.src, p.at+2); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
				p.at += 6
				return nil
			}
		}
		return p.fail(at, `The escape \u%04X is half of a surrogate pair.`, r)
	}
	return p.fail(at, "A string holds an unknown escape sequence; a backslash itself is written as \\\\.")
}

func hex4(src []byte, at int) (rune, bool) {
	if at+4 > len(src) {
		return 0, false
	}
	var r rune
	for _, c := range src[at : at+4] {
		switch {
		case c-'0' <= 9:
			r = r<<4 | rune(c-'0')
		case (c|0x20)-'a' <= 5:
			r = r<<4 | rune((c|0x20)-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape resolves the escapes of a string that text has checked.
func unescape(s []byte) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			out = append(out, s[i])
			i++
			continue
		}
		if s[i+1] != 'u' {
			out = append(out, escapes[s[i+1]])
			i += 2
			continue
		}
		r, _ := hex4(s, i+2)
		i += 6
		if utf16.IsSurrogate(r) {
			low, _ := hex4(s, i+2)
			r = utf16.DecodeRune(r, low)
			i += 6
		}
		out = utf8.AppendRune(out, r)
	}
	return view(out)
}
