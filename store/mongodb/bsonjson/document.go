package bsonjson

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// AppendDocument writes the JSON object that text is as a BSON document behind dst. Where it is refused, dst comes
// back as it was. Members that appear twice are not looked for.
func AppendDocument(dst, text []byte) ([]byte, Fidelity) {
	if len(text) > MaxText || !utf8.Valid(text) {
		return dst, Refused
	}
	e := encoder{src: text, out: grow(dst, len(text)+len(text)/4+64)}
	e.space()
	if e.peek() != '{' || !e.object() {
		return dst, Refused
	}
	e.space()
	switch {
	case e.at < len(e.src):
		return dst, Refused
	case e.differs:
		return e.out, Nearest
	}
	return e.out, Exact
}

// grow makes room for n bytes behind b.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(make([]byte, 0, len(b)+n), b...)
}

// encoder reads JSON and writes BSON. Its methods report whether they could.
type encoder struct {
	src, out []byte
	at       int // in src
	depth    int
	differs  bool // the text cannot be made of the document
}

// peek is the next byte, 0 at the end.
func (e *encoder) peek() byte {
	if e.at < len(e.src) {
		return e.src[e.at]
	}
	return 0
}

func (e *encoder) space() {
	for e.at < len(e.src) {
		if c := e.src[e.at]; c > ' ' || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return
		}
		e.differs = true
		e.at++
	}
}

// open begins a document or an array and gives the place of its length.
func (e *encoder) open() (start int, ok bool) {
	e.at++
	e.depth++
	start = len(e.out)
	e.out = append(e.out, 0, 0, 0, 0)
	e.space()
	return start, e.depth <= MaxDepth
}

func (e *encoder) close(start int) bool {
	e.at++
	e.depth--
	e.out = append(e.out, 0)
	binary.LittleEndian.PutUint32(e.out[start:], uint32(len(e.out)-start)) //nolint:gosec // MaxText bounds it
	return true
}

func (e *encoder) object() bool {
	start, ok := e.open()
	if !ok {
		return false
	}
	if e.peek() == '}' {
		return e.close(start)
	}
	for {
		at := len(e.out)
		e.out = append(e.out, 0)
		if !e.name() || !e.colon() || !e.value(at) {
			return false
		}
		switch e.after() {
		case ',':
			e.comma()
		case '}':
			return e.close(start)
		default:
			return false
		}
	}
}

// after is what stands behind a value.
func (e *encoder) after() byte {
	e.space()
	return e.peek()
}

func (e *encoder) comma() {
	e.at++
	e.space()
}

func (e *encoder) colon() bool {
	if e.after() != ':' {
		return false
	}
	e.comma()
	return true
}

func (e *encoder) array() bool {
	start, ok := e.open()
	if !ok {
		return false
	}
	if e.peek() == ']' {
		return e.close(start)
	}
	for i := 0; ; i++ {
		at := len(e.out)
		if i < 10 {
			e.out = append(e.out, 0, '0'+byte(i), 0)
		} else {
			e.out = append(strconv.AppendInt(append(e.out, 0), int64(i), 10), 0)
		}
		if !e.value(at) {
			return false
		}
		switch e.after() {
		case ',':
			e.comma()
		case ']':
			return e.close(start)
		default:
			return false
		}
	}
}

// value writes the next value, and its type into out[at].
func (e *encoder) value(at int) bool {
	switch c := e.peek(); c {
	case '"':
		e.out[at] = typeString
		return e.string()
	case '{':
		e.out[at] = typeDocument
		return e.object()
	case '[':
		e.out[at] = typeArray
		return e.array()
	case 't':
		e.out[at] = typeBoolean
		e.out = append(e.out, 1)
		return e.literal("true")
	case 'f':
		e.out[at] = typeBoolean
		e.out = append(e.out, 0)
		return e.literal("false")
	case 'n':
		e.out[at] = typeNull
		return e.literal("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return e.number(at)
	}
	return false
}

func (e *encoder) literal(word string) bool {
	end := e.at + len(word)
	if end > len(e.src) || string(e.src[e.at:end]) != word {
		return false
	}
	e.at = end
	return true
}
