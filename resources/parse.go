package resources

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf16"
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

// names finds duplicate member names: by comparing with the siblings while there are few, then
// with a set, so that an object of many members costs linear time.
type names struct {
	count int
	set   map[string]struct{}
}

const fewNames = 24

func (s *names) add(p *parser, self int32, name []byte) (duplicate bool) {
	s.count++
	if s.set == nil && s.count <= fewNames {
		for c := int(self) + 1; c < len(p.nodes); c = int(p.nodes[c].next) {
			if p.sameName(c, name) {
				return true
			}
		}
		return false
	}
	if s.set == nil {
		s.set = make(map[string]struct{}, 4*fewNames)
		for c := int(self) + 1; c < len(p.nodes); c = int(p.nodes[c].next) {
			s.set[p.nameOf(c)] = struct{}{}
		}
	}
	if _, duplicate = s.set[view(name)]; !duplicate {
		s.set[view(name)] = struct{}{}
	}
	return duplicate
}

func (p *parser) sameName(n int, name []byte) bool {
	v := &p.nodes[n]
	if v.flags&flagNameEscaped != 0 {
		return p.nameOf(n) == view(name)
	}
	return int(v.nameLen) == len(name) && view(p.src[v.name:v.name+uint32(v.nameLen)]) == view(name)
}

func (p *parser) nameOf(n int) string {
	v := &p.nodes[n]
	name := p.src[v.name : v.name+uint32(v.nameLen)]
	if v.flags&flagNameEscaped != 0 {
		return unescape(name)
	}
	return view(name)
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
