package ucum

import (
	"math/big"
	"strconv"
	"strings"

	"kiln/resources/outcome"
)

// Parse reads a unit by its case-sensitive code: mg/dL, m[IU]/L, 10*9/L, /min, kg{dry}. A code that
// is no UCUM, or too long or too large to compute with, is an *outcome.Error that names the place
// and what was expected. A unit seen lately costs no more than finding it.
// https://ucum.org/ucum#section-Syntax-Rules
func Parse(code string) (*Unit, error) {
	if seen, ok := lately.find(code); ok {
		return seen.unit, seen.err()
	}
	r := read(code, table())
	lately.keep(code, r)
	return r.unit, r.err()
}

// reading is what became of a code.
type reading struct {
	unit    *Unit
	refusal *outcome.Error
}

// err is a copy of the refusal, since callers add to it what they know.
func (r reading) err() error {
	if r.refusal == nil {
		return nil
	}
	return outcome.New(r.refusal.Code(), "%s", r.refusal.Error())
}

func read(code string, units units) reading {
	switch {
	case code == "":
		return reading{refusal: outcome.New(outcome.CodeInvalid, "The unit is empty; expected a code of UCUM, which is 1 for plain numbers.")}
	case len(code) > MaxLength:
		return reading{refusal: outcome.New(outcome.TooLong, "The unit has %d characters; expected a code of UCUM of at most %d.", len(code), MaxLength)}
	}
	p := parser{code: code, units: units}
	u := p.mainTerm()
	if p.refusal != nil {
		return reading{refusal: p.refusal}
	}
	result := *u
	result.code = code
	if result.canonical = result.powers.String(); result.curve != nil {
		result.canonical = result.curve.symbol
	}
	return reading{unit: &result}
}

// parser reads one code. After the first refusal it reads nothing more.
type parser struct {
	code    string
	at      int
	units   units
	refusal *outcome.Error
}

// fail refuses the code at a place, counted in bytes from 0.
func (p *parser) fail(at int, format string, args ...any) *Unit {
	if p.refusal == nil {
		problem := outcome.New(outcome.CodeInvalid, format, args...).Error()
		p.refusal = outcome.New(outcome.CodeInvalid, "%q is no unit of UCUM: at character %d %s.", p.code, at+1, problem)
	}
	return number(one)
}

// peek is the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.code) {
		return p.code[p.at]
	}
	return 0
}

func (p *parser) skip(c byte) bool {
	if p.peek() != c || p.at == len(p.code) {
		return false
	}
	p.at++
	return true
}

// mainTerm is a term that may begin with a division: /min.
func (p *parser) mainTerm() *Unit {
	divide := p.skip('/')
	u := p.term(number(one), divide, 0)
	if p.refusal == nil && p.at < len(p.code) {
		return p.fail(p.at, "expected . or / or the end, found %s", p.found())
	}
	return u
}

// term reads components joined by . and /, which bind from the left: g/m.s is (g/m).s.
func (p *parser) term(total *Unit, divide bool, depth int) *Unit {
	for p.refusal == nil {
		start := p.at
		u := p.component(depth)
		var no objection
		if p.refusal == nil {
			total, no = product(total, u, divide)
		}
		if no != "" {
			return p.fail(start, "%s", no)
		}
		switch {
		case p.skip('.'):
			divide = false
		case p.skip('/'):
			divide = true
		default:
			return total
		}
	}
	return total
}

// component reads a unit with exponent and annotation, a number, an annotation alone, or a term
// in parentheses.
func (p *parser) component(depth int) *Unit {
	switch c := p.peek(); {
	case c == '(':
		return p.parentheses(depth)
	case c == '{':
		p.annotation()
		return number(one)
	case isDigit(c) && !p.power10():
		n := p.factor()
		p.annotation()
		return n
	}
	u := p.simpleUnit()
	p.annotation()
	return u
}

func (p *parser) parentheses(depth int) *Unit {
	open := p.at
	if p.at++; depth == maxNesting {
		return p.fail(open, "parentheses are nested deeper than %d", maxNesting)
	}
	u := p.term(number(one), false, depth+1)
	if p.refusal == nil && !p.skip(')') {
		return p.fail(p.at, "expected . or / or ) for the ( of character %d, found %s", open+1, p.found())
	}
	return u
}

// annotation skips {text}, which means nothing; there need not be one.
// https://ucum.org/ucum#section-Character-Set-and-Lexical-Rules
func (p *parser) annotation() {
	if !p.skip('{') {
		return
	}
	for open := p.at - 1; ; p.at++ {
		switch c := p.peek(); {
		case p.at == len(p.code):
			p.fail(open, "the { has no }")
			return
		case c == '}':
			p.at++
			return
		case c == '{' || c <= ' ' || c > '~':
			p.fail(p.at, "an annotation has %s; expected printing characters of ASCII without spaces and {", p.found())
			return
		}
	}
}

// power10 reports whether one of the units 10* and 10^ follows.
func (p *parser) power10() bool {
	rest := p.code[p.at:]
	return strings.HasPrefix(rest, "10*") || strings.HasPrefix(rest, "10^")
}

func (p *parser) digits() string {
	start := p.at
	for isDigit(p.peek()) {
		p.at++
	}
	return p.code[start:p.at]
}

// factor reads a positive whole number.
func (p *parser) factor() *Unit {
	start := p.at
	n, ok := new(big.Rat).SetString(p.digits())
	if !ok || n.Sign() == 0 {
		return p.fail(start, "expected a number greater than zero")
	}
	return number(n)
}

// simpleUnit reads a unit, with a prefix if it is metric, and its exponent.
func (p *parser) simpleUnit() *Unit {
	start := p.at
	symbol := p.symbol()
	if symbol == "" {
		return p.fail(start, "expected a unit, a number, an annotation or (, found %s", p.found())
	}
	u, refusal := p.units.find(symbol)
	if refusal != "" {
		return p.fail(start, "%q %s", symbol, refusal)
	}
	n, ok := p.exponent()
	if !ok {
		return p.fail(p.at, "expected the digits of an exponent, found %s", p.found())
	}
	u, no := raised(u, n)
	if no != "" {
		return p.fail(start, "%s", no)
	}
	return u
}

// symbol is the text up to the exponent or the next operator; brackets belong together.
func (p *parser) symbol() string {
	start := p.at
	if p.power10() {
		p.at += len("10*")
		return p.code[start:p.at]
	}
	for inside := false; p.at < len(p.code); p.at++ {
		switch c := p.peek(); {
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case !inside && (isDigit(c) || strings.IndexByte("+-./(){}", c) >= 0):
			return p.code[start:p.at]
		}
	}
	return p.code[start:p.at]
}

// exponent reads the 2 of m2 and the -1 of s-1; it is 1 where there is none. One that is out of
// all bounds is read as one that is just beyond them.
func (p *parser) exponent() (n int, ok bool) {
	sign := 1
	signed := p.skip('+')
	if !signed && p.skip('-') {
		signed, sign = true, -1
	}
	digits := p.digits()
	if digits == "" {
		return 1, !signed
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > MaxExponent {
		n = MaxExponent + 1
	}
	return sign * n, true
}

// found names what stands at the place.
func (p *parser) found() string {
	if p.at >= len(p.code) {
		return "the end"
	}
	for _, r := range p.code[p.at:] {
		return strconv.Quote(string(r))
	}
	return "the end"
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
