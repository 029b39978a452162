package pebble

import (
	"bytes"
	"unsafe"
)

// Texts in keys end with a 0 byte, so that a text sorts before its continuations and no text is
// the beginning of another; 0 and 1 inside are written as two bytes.
const (
	textEnd    = 0
	textEscape = 1
)

// appendText writes a text with its end.
func appendText(b []byte, s string) []byte { return append(appendPrefix(b, s), textEnd) }

// appendPrefix writes the beginning of a text: the keys of all texts that start with s start with it.
func appendPrefix(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] <= textEscape {
			b = append(b, textEscape, s[i]+1)
		} else {
			b = append(b, s[i])
		}
	}
	return b
}

// appendCut writes a text of which no more than limit bytes count.
func appendCut(b []byte, s string, limit int) []byte { return appendText(b, clip(s, limit)) }

func clip(s string, limit int) string {
	if len(s) > limit {
		return s[:limit]
	}
	return s
}

// readText reads what appendText wrote. The text shares memory with b where it has no escapes.
func readText(b []byte) (text, rest []byte, ok bool) {
	end := bytes.IndexByte(b, textEnd)
	if end < 0 {
		return nil, nil, false
	}
	text, rest = b[:end], b[end+1:]
	if bytes.IndexByte(text, textEscape) < 0 {
		return text, rest, true
	}
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == textEscape {
			if i++; i == len(text) || text[i] < 1 || text[i] > 2 {
				return nil, nil, false
			}
			c = text[i] - 1
		}
		plain = append(plain, c)
	}
	return plain, rest, true
}

// asString makes a string of bytes that are not changed while it is used.
func asString(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // the bytes stay as they are for as long as the string is used
}
