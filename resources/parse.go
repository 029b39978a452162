package resources

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"kiln/resources/outcome"
)

// Parse reads one JSON text. The document keeps src, which must not be changed afterwards; a
// byte order mark at its start is skipped.
//
// The error is an *outcome.Error of stage syntax with line and column: text that is not JSON,
// invalid UTF-8, a lone surrogate, a duplicate member name, more than MaxDepth levels, or more
// than MaxSize bytes.
func Parse(src []byte) (*Document, error) {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if len(src) > MaxSize {
		return nil, outcome.New(outcome.TooLong, "The text has %d bytes; at most %d are read.", len(src), MaxSize).In(outcome.StageTooLarge)
	}
	p := parser{src: src, nodes: make([]node, 0, len(src)/18+8)}
	if !utf8.Valid(src) {
		return nil, p.fail(invalidUTF8(src), "The text is not valid UTF-8.")
	}
	p.space()
	if err := p.value(-1, 0, 0, 0); err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(src) {
		return nil, p.fail(p.at, "There is more text after the end of the JSON value.")
	}
	return &Document{src: src, nodes: p.nodes}, nil
}

type parser struct {
	src   []byte
	at    int
	depth int
	nodes []node
}

func (p *parser) fail(at int, format string, args ...any) error {
	line, column := position(p.src, min(at, len(p.src)))
	return outcome.New(outcome.Structure, "%s", fmt.Sprintf(format, args...)).AtPosition(line, column).In(outcome.StageSyntax)
}

// unexpected reports what stands at the current place instead of what was expected.
func (p *parser) unexpected(expected string) error {
	if p.at >= len(p.src) {
		return p.fail(p.at, "The text ends where %s was expected.", expected)
	}
	r, _ := utf8.DecodeRune(p.src[p.at:])
	return p.fail(p.at, "Found %s where %s was expected.", strconv.QuoteRune(r), expected)
}

func (p *parser) space() {
	for p.at < len(p.src) {
		if c := p.src[p.at]; c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
			return
		}
		p.at++
	}
}

// value reads one value as a child of parent. name and nameLen locate its member name.
func (p *parser) value(parent int32, name uint32, nameLen uint16, flags uint8) error {
	if p.at >= len(p.src) {
		return p.unexpected("a JSON value")
	}
	self := len(p.nodes)
	p.nodes = append(p.nodes, node{start: uint32(p.at), name: name, nameLen: nameLen, parent: parent, flags: flags})
	var err error
	kind := String
	switch c := p.src[p.at]; {
	case c == '"':
		p.at++
		p.nodes[self].start = uint32(p.at)
		var escaped bool
		if escaped, err = p.text(); err != nil {
			return err
		}
		if escaped {
			p.nodes[self].flags |= flagEscaped
		}
		v := &p.nodes[self]
		v.kind, v.end, v.next = String, uint32(p.at-1), uint32(self+1)
		return nil
	case c == '{':
		kind, err = Object, p.object(int32(self))
	case c == '[':
		kind, err = Array, p.array(int32(self))
	case c == '-' || c >= '0' && c <= '9':
		kind, err = Number, p.number()
	case c == 't':
		kind, err = Bool, p.literal("true")
	case c == 'f':
		kind, err = Bool, p.literal("false")
	case c == 'n':
		kind, err = Null, p.literal("null")
	default:
		err = p.unexpected("a JSON value")
	}
	if err != nil {
		return err
	}
	v := &p.nodes[self]
	v.kind, v.end, v.next = kind, uint32(p.at), uint32(len(p.nodes))
	return nil
}

func (p *parser) enter() error {
	if p.depth++; p.depth > MaxDepth {
		return p.fail(p.at, "Objects and arrays nest deeper than %d levels.", MaxDepth)
	}
	p.at++
	p.space()
	return nil
}

func (p *parser) object(self int32) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer func() { p.depth-- }()
	if p.at < len(p.src) && p.src[p.at] == '}' {
		p.at++
		return nil
	}
	var seen names
	for {
		if p.at >= len(p.src) || p.src[p.at] != '"' {
			return p.unexpected("a member name in quotes")
		}
		p.at++
		start := p.at
		escaped, err := p.text()
		if err != nil {
			return err
		}
		length := p.at - 1 - start
		if length > math.MaxUint16 {
			return p.fail(start, "A member name has %d bytes; at most %d are read.", length, math.MaxUint16)
		}
		name := p.src[start : start+length]
		var flags uint8
		if escaped {
			flags, name = flagNameEscaped, []byte(unescape(name))
		}
		if length > 0 && name[0] == '_' {
			p.nodes[self].flags |= flagShadows
		}
		if seen.add(p, self, name) {
			return p.fail(start-1, "The member %q appears twice in the same object.", name)
		}
		p.space()
		if p.at >= len(p.src) || p.src[p.at] != ':' {
			return p.unexpected("':'")
		}
		p.at++
		p.space()
		if err := p.value(self, uint32(start), uint16(length), flags); err != nil {
			return err
		}
		if done, err := p.separator('}', "',' or '}'"); done || err != nil {
			return err
		}
	}
}

func (p *parser) array(self int32) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer func() { p.depth-- }()
	if p.at < len(p.src) && p.src[p.at] == ']' {
		p.at++
		return nil
	}
	for {
		if err := p.value(self, 0, 0, 0); err != nil {
			return err
		}
		if done, err := p.separator(']', "',' or ']'"); done || err != nil {
			return err
		}
	}
}

// separator reads a comma (not done) or the closing bracket (done).
func (p *parser) separator(end byte, expected string) (done bool, err error) {
	p.space()
	if p.at >= len(p.src) {
		return false, p.unexpected(expected)
	}
	switch p.src[p.at] {
	case ',':
		p.at++
		p.space()
		return false, nil
	case end:
		p.at++
		return true, nil
	}
	return false, p.unexpected(expected)
}

func (p *parser) literal(word string) error {
	if !bytes.HasPrefix(p.src[p.at:], []byte(word)) {
		return p.unexpected("a JSON value")
	}
	p.at += len(word)
	return nil
}

// number reads the grammar of RFC 8259 section 6.
func (p *parser) number() error {
	if p.src[p.at] == '-' {
		p.at++
	}
	switch {
	case p.at < len(p.src) && p.src[p.at] == '0':
		p.at++
	case !p.digits():
		return p.unexpected("a digit")
	}
	if p.at < len(p.src) && p.src[p.at] == '.' {
		p.at++
		if !p.digits() {
			return p.unexpected("a digit")
		}
	}
	if p.at < len(p.src) && p.src[p.at]|0x20 == 'e' {
		p.at++
		if p.at < len(p.src) && (p.src[p.at] == '+' || p.src[p.at] == '-') {
			p.at++
		}
		if !p.digits() {
			return p.unexpected("a digit")
		}
	}
	return nil
}

func (p *parser) digits() bool {
	start := p.at
	for p.at < len(p.src) && p.src[p.at]-'0' <= 9 {
		p.at++
	}
	return p.at > start
}

func invalidUTF8(src []byte) int {
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return len(src)
}
