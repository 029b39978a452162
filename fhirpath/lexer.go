package fhirpath

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"kiln/resources/outcome"
)

// lexer cuts the source into tokens: http://hl7.org/fhirpath/N1/#lexical-elements
type lexer struct {
	src string
	pos int
}

func syntaxError(src string, at int, format string, args ...any) error {
	line, column := position(src, at)
	return outcome.New(outcome.Invalid, format, args...).AtPosition(line, column)
}

// position is the line and column, in bytes from 1.
func position(src string, at int) (line, column int) {
	before := src[:min(at, len(src))]
	return 1 + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')
}

func (l *lexer) fail(at int, format string, args ...any) error {
	return syntaxError(l.src, at, format, args...)
}

// next reads the token after white space and comments.
func (l *lexer) next() (token, error) {
	if err := l.space(); err != nil {
		return token{}, err
	}
	at := l.pos
	if at >= len(l.src) {
		return token{at: at, end: at}, nil
	}
	t, err := l.read(l.src[at])
	t.at, t.end = at, l.pos
	return t, err
}

func (l *lexer) read(c byte) (token, error) {
	switch {
	case isLetter(c):
		return token{kind: tokenName, text: l.while(isNamePart)}, nil
	case isDigit(c):
		return l.number(), nil
	case c == '\'':
		text, err := l.quoted("string")
		return token{kind: tokenString, text: text}, err
	case c == '`':
		text, err := l.quoted("name")
		return token{kind: tokenQuotedName, text: text}, err
	case c == '@':
		return l.moment()
	case c == '$':
		l.pos++
		return token{kind: tokenVariable, text: "$" + l.while(isNamePart)}, nil
	}
	return l.symbol()
}

func isLetter(c byte) bool   { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool    { return c >= '0' && c <= '9' }
func isNamePart(c byte) bool { return isLetter(c) || isDigit(c) }

func (l *lexer) while(accept func(byte) bool) string {
	start := l.pos
	for l.pos < len(l.src) && accept(l.src[l.pos]) {
		l.pos++
	}
	return l.src[start:l.pos]
}

// space skips white space, // and /* */.
func (l *lexer) space() error {
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch c := rest[0]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			l.pos++
		case strings.HasPrefix(rest, "//"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			l.pos += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return l.fail(l.pos, "The comment that begins here is not closed with */.")
			}
			l.pos += end + 4
		case strings.HasPrefix(rest, "\u00a0"), strings.HasPrefix(rest, "\ufeff"):
			_, size := utf8.DecodeRuneInString(rest)
			l.pos += size
		default:
			return nil
		}
	}
	return nil
}

// symbols are tried in order, longer ones first.
var symbols = [...]string{
	"!=", "!~", "<=", ">=", "(", ")", "[", "]", "{", "}", ".", ",", "+", "-", "*", "/", "|", "&", "<", ">", "=", "~", "%",
}

func (l *lexer) symbol() (token, error) {
	rest := l.src[l.pos:]
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			l.pos += len(s)
			return token{kind: tokenSymbol, text: s}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	if r == '"' {
		return token{}, l.fail(l.pos, `Found a double quote; strings are written in single quotes ('…') and unusual names in backticks (`+"`…`"+`).`)
	}
	return token{}, l.fail(l.pos, "Found %s, which begins no part of an expression.", strconv.QuoteRune(r))
}

// number reads 1, 1.5 and 1L. A dot belongs to it only before a digit: 1.toString() is a call.
func (l *lexer) number() token {
	start := l.pos
	l.while(isDigit)
	if l.pos+1 < len(l.src) && l.src[l.pos] == '.' && isDigit(l.src[l.pos+1]) {
		l.pos++
		l.while(isDigit)
		return token{kind: tokenNumber, text: l.src[start:l.pos]}
	}
	text := l.src[start:l.pos]
	if l.pos < len(l.src) && l.src[l.pos] == 'L' && (l.pos+1 == len(l.src) || !isNamePart(l.src[l.pos+1])) {
		l.pos++
		return token{kind: tokenLong, text: text}
	}
	return token{kind: tokenNumber, text: text}
}

// moment reads @2024, @2024-05, @2024-05T, @2024-05-01T10:00:00.000+02:00 and @T10:00. That
// the day exists is checked by the parser.
func (l *lexer) moment() (token, error) {
	at := l.pos
	l.pos++
	start := l.pos
	if l.has('T') {
		start = l.pos
		l.clock()
		return l.momentToken(tokenTime, at, start)
	}
	l.digits(4)
	if l.dash() && l.digits(2) && l.dash() {
		l.digits(2)
	}
	if !l.has('T') {
		return l.momentToken(tokenDate, at, start)
	}
	if l.clock() {
		l.offset()
	}
	return l.momentToken(tokenDateTime, at, start)
}

func (l *lexer) momentToken(kind tokenKind, at, start int) (token, error) {
	text := l.src[start:l.pos]
	if text == "" {
		return token{}, l.fail(at, "A date is written @2024-05-01, a time @T10:30 and both @2024-05-01T10:30.")
	}
	return token{kind: kind, text: text}, nil
}

// dash steps over a dash that a digit follows: @2024-05, but @2024 - 1 'year'.
func (l *lexer) dash() bool {
	if l.pos+1 < len(l.src) && l.src[l.pos] == '-' && isDigit(l.src[l.pos+1]) {
		l.pos++
		return true
	}
	return false
}

func (l *lexer) has(c byte) bool {
	if l.pos < len(l.src) && l.src[l.pos] == c {
		l.pos++
		return true
	}
	return false
}

func (l *lexer) digits(n int) bool {
	for range n {
		if l.pos >= len(l.src) || !isDigit(l.src[l.pos]) {
			return false
		}
		l.pos++
	}
	return true
}

// clock reads hh[:mm[:ss[.fff]]]; false if there is none.
func (l *lexer) clock() bool {
	start := l.pos
	if l.digits(2) && l.has(':') && l.digits(2) && l.has(':') && l.digits(2) {
		if l.pos+1 < len(l.src) && l.src[l.pos] == '.' && isDigit(l.src[l.pos+1]) {
			l.pos++
			l.while(isDigit)
		}
	}
	return l.pos > start
}

// offset reads Z or ±hh:mm where it is complete; "@…T10 + 1 hour" and "@…T10-1" are sums.
func (l *lexer) offset() {
	start := l.pos
	if l.has('Z') {
		return
	}
	if (l.has('+') || l.has('-')) && l.digits(2) && l.has(':') && l.digits(2) {
		return
	}
	l.pos = start
}

var escapes = map[byte]byte{'\'': '\'', '"': '"', '`': '`', '\\': '\\', '/': '/', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// quoted reads a string or quoted name. A backslash before a character that is no escape is
// dropped: '\p' is 'p' (http://hl7.org/fhirpath/N1/#string).
func (l *lexer) quoted(what string) (string, error) {
	at, quote := l.pos, l.src[l.pos]
	l.pos++
	var b strings.Builder
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		l.pos++
		switch {
		case c == quote:
			return b.String(), nil
		case c != '\\':
			b.WriteByte(c)
		case l.pos < len(l.src):
			l.escape(&b)
		}
	}
	return "", l.fail(at, "The %s that begins here is not closed with %c.", what, quote)
}

func (l *lexer) escape(b *strings.Builder) {
	c := l.src[l.pos]
	if r, ok := l.unicode(); ok {
		if utf16.IsSurrogate(r) {
			low, _ := l.unicodeAfterBackslash()
			r = utf16.DecodeRune(r, low)
		}
		b.WriteRune(r)
		return
	}
	l.pos++
	if plain, ok := escapes[c]; ok {
		c = plain
	}
	b.WriteByte(c)
}

// unicode reads uXXXX at the position; false leaves it there.
func (l *lexer) unicode() (rune, bool) {
	if l.pos+5 > len(l.src) || l.src[l.pos] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(l.src[l.pos+1:l.pos+5], 16, 16)
	if err != nil {
		return 0, false
	}
	l.pos += 5
	return rune(n), true
}

func (l *lexer) unicodeAfterBackslash() (rune, bool) {
	if !l.has('\\') {
		return 0, false
	}
	r, ok := l.unicode()
	if !ok {
		l.pos--
	}
	return r, ok
}

// quote writes s between quotes with the escapes that the lexer reads.
func quote(s string, mark byte) string {
	var b strings.Builder
	b.WriteByte(mark)
	for i := range len(s) {
		switch c := s[i]; c {
		case mark, '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case '\f':
			b.WriteString(`\f`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(mark)
	return b.String()
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
