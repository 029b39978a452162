package bsonjson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain is where the first byte at or behind at stands that a JSON string cannot hold as it is: a quote, a
// backslash or a control character; len(b) if there is none. It looks at eight bytes at a time
// (https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord).
func plain(b []byte, at int) int {
	for at+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[at:])
		quote, back := w^(ones*'"'), w^(ones*'\\')
		if found := ((quote-ones)&^quote | (back-ones)&^back | (w-ones*0x20)&^w) & highs; found != 0 {
			return at + bits.TrailingZeros64(found)/8
		}
		at += 8
	}
	for at < len(b) && b[at] != '"' && b[at] != '\\' && b[at] >= 0x20 {
		at++
	}
	return at
}

// string writes the string that begins at a quote.
func (e *encoder) string() bool {
	start := len(e.out)
	e.out = append(e.out, 0, 0, 0, 0)
	if !e.text() {
		return false
	}
	e.out = append(e.out, 0)
	binary.LittleEndian.PutUint32(e.out[start:], uint32(len(e.out)-start-4)) //nolint:gosec // MaxText bounds it
	return true
}

// text writes what stands between two quotes.
func (e *encoder) text() bool {
	e.at++
	for {
		end := plain(e.src, e.at)
		e.out = append(e.out, e.src[e.at:end]...)
		e.at = end
		switch e.peek() {
		case '"':
			e.at++
			return true
		case '\\':
			if !e.escape() {
				return false
			}
		default:
			return false
		}
	}
}

// inName are the bytes that end the plain part of a member name: those of strings, and those that make a name refused.
var inName = func() (list [256]bool) {
	for c := range 0x20 {
		list[c] = true
	}
	list['"'], list['\\'], list['.'] = true, true, true
	return list
}()

// name writes a member name with its end, unless it is one that a server refuses.
func (e *encoder) name() bool {
	if e.peek() != '"' {
		return false
	}
	src, end := e.src, e.at+1
	for end < len(src) && !inName[src[end]] {
		end++
	}
	if end == len(src) || src[end] != '"' {
		return e.unusualName()
	}
	name := src[e.at+1 : end]
	if len(name) == 0 || name[0] == '$' {
		return false
	}
	e.at = end + 1
	e.out = append(append(e.out, name...), 0)
	return true
}

// unusualName is name for one with escapes, and for those that are refused.
func (e *encoder) unusualName() bool {
	start := len(e.out)
	if !e.text() {
		return false
	}
	name := e.out[start:]
	for _, c := range name {
		if c == 0 || c == '.' {
			return false
		}
	}
	e.out = append(e.out, 0)
	return len(name) > 0 && name[0] != '$'
}

// escapes are the characters that have a short escape, by its letter; unescaped the letters by character. A slash
// may be escaped and needs not.
var escapes, unescaped = func() (by, letters [256]byte) {
	for letter, c := range map[byte]byte{'"': '"', '\\': '\\', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'} {
		by[letter], letters[c] = c, letter
	}
	return by, letters
}()

// escape writes the character that an escape sequence stands for.
func (e *encoder) escape() bool {
	if e.at+1 >= len(e.src) {
		return false
	}
	letter := e.src[e.at+1]
	if c := escapes[letter]; c != 0 {
		e.out = append(e.out, c)
		e.at += 2
		return true
	}
	switch letter {
	case '/':
		e.differs = true
		e.out = append(e.out, '/')
		e.at += 2
		return true
	case 'u':
		return e.unicode()
	}
	return false
}

// unicode writes the character of a \u escape, or of two that are a surrogate pair.
func (e *encoder) unicode() bool {
	r, ok := hex4(e.src, e.at+2)
	if !ok {
		return false
	}
	if r >= 0x20 || unescaped[byte(r)] != 0 || e.src[e.at+5] >= 'A' && e.src[e.at+5] <= 'F' {
		e.differs = true
	}
	e.at += 6
	if utf16.IsSurrogate(r) {
		if e.at+6 > len(e.src) || e.src[e.at] != '\\' || e.src[e.at+1] != 'u' {
			return false
		}
		low, ok := hex4(e.src, e.at+2)
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return false
		}
		e.at += 6
	}
	e.out = utf8.AppendRune(e.out, r)
	return true
}

func hex4(b []byte, at int) (r rune, ok bool) {
	if at+4 > len(b) {
		return 0, false
	}
	for _, c := range b[at : at+4] {
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

const hexDigits = "0123456789abcdef"

// appendString writes a string in quotes. Nothing is escaped but what must be.
func appendString(out, s []byte) []byte {
	out = append(out, '"')
	for at := 0; ; {
		end := plain(s, at)
		out = append(out, s[at:end]...)
		if end == len(s) {
			return append(out, '"')
		}
		if letter := unescaped[s[end]]; letter != 0 {
			out = append(out, '\\', letter)
		} else {
			out = append(out, '\\', 'u', '0', '0', hexDigits[s[end]>>4], hexDigits[s[end]&15])
		}
		at = end + 1
	}
}
