package fhirpath

import (
	"math/big"
	"strconv"
	"strings"
	"sync"
)

// Units of quantities. FHIRPath asks for UCUM (http://hl7.org/fhirpath/N1/#quantity); this file
// reads its grammar (https://ucum.org/ucum#section-Syntax-Rules) over the units of
// unit_table.go, which are those of everyday measurement. Quantities of other units are compared
// only with the same unit. Factors are exact fractions.

// ucumURL is the code system of UCUM, and %ucum.
const ucumURL = "http://unitsofmeasure.org"

// dimension counts the base units m, s, g, rad, K, C, cd.
type dimension [7]int8

// unit is a measure in terms of base units: factor, and for temperatures an offset first.
type unit struct {
	dimension dimension
	factor    *big.Rat
	offset    *big.Rat // added before the factor; nil for ratio scales
}

// toBase and fromBase change r.
func (u unit) toBase(r *big.Rat) *big.Rat {
	if u.offset != nil {
		r.Add(r, u.offset)
	}
	return r.Mul(r, u.factor)
}

func (u unit) fromBase(r *big.Rat) *big.Rat {
	r.Quo(r, u.factor)
	if u.offset != nil {
		r.Sub(r, u.offset)
	}
	return r
}

// Bounds of a unit's text; real ones have some ten characters.
const (
	maxUnit     = 200
	maxExponent = 12
	maxUnitNest = 8
)

// parseUnit reads a UCUM code; false for one that is not UCUM or uses units not in the table.
func parseUnit(code string) (unit, bool) {
	if len(code) > maxUnit || code == "" {
		return unit{}, false
	}
	return parseWith(code, units())
}

func parseWith(code string, table map[string]unit) (unit, bool) {
	p := unitParser{rest: code, table: table}
	u, ok := p.term(0)
	return u, ok && p.rest == ""
}

type unitParser struct {
	rest  string
	table map[string]unit
}

func (p *unitParser) skip(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// term reads factors joined by . and /, which bind from the left: g/m/s is g/(m.s).
func (p *unitParser) term(depth int) (unit, bool) {
	total := unit{factor: big.NewRat(1, 1)}
	divide := p.skip('/')
	for first := true; ; first = false {
		u, ok := p.component(depth)
		if !ok {
			return unit{}, false
		}
		if u.offset != nil && (!first || divide || p.rest != "") {
			return unit{}, false // temperatures with an offset stand alone
		}
		if total, ok = combine(total, u, divide); !ok {
			return unit{}, false
		}
		switch {
		case p.skip('.'):
			divide = false
		case p.skip('/'):
			divide = true
		default:
			return total, true
		}
	}
}

// combine multiplies or divides.
func combine(a, b unit, divide bool) (unit, bool) {
	result := unit{factor: new(big.Rat), offset: b.offset}
	sign := 1
	if divide {
		sign = -1
		result.factor.Quo(a.factor, b.factor)
	} else {
		result.factor.Mul(a.factor, b.factor)
	}
	for i := range a.dimension {
		n := int(a.dimension[i]) + sign*int(b.dimension[i])
		if n > 100 || n < -100 {
			return unit{}, false
		}
		result.dimension[i] = int8(n)
	}
	return result, true
}

// component reads a unit with its exponent and annotation, a number, or a term in parentheses.
func (p *unitParser) component(depth int) (unit, bool) {
	if p.skip('(') {
		if depth == maxUnitNest {
			return unit{}, false
		}
		u, ok := p.term(depth + 1)
		return u, ok && p.skip(')')
	}
	if strings.HasPrefix(p.rest, "{") {
		return unit{factor: big.NewRat(1, 1)}, p.annotation()
	}
	if digits := p.span(isDigit); digits != "" && !strings.HasPrefix(p.rest[len(digits):], "*") && !strings.HasPrefix(p.rest[len(digits):], "^") {
		p.rest = p.rest[len(digits):]
		factor, ok := new(big.Rat).SetString(digits)
		return unit{factor: factor}, ok && factor.Sign() > 0 && p.annotation()
	}
	u, ok := p.atom()
	return u, ok && p.annotation()
}

// annotation skips {anything}; there need not be one.
func (p *unitParser) annotation() bool {
	if !strings.HasPrefix(p.rest, "{") {
		return true
	}
	end := strings.IndexByte(p.rest, '}')
	p.rest = p.rest[end+1:]
	return end >= 0
}

func (p *unitParser) span(accept func(byte) bool) string {
	i := 0
	for i < len(p.rest) && accept(p.rest[i]) {
		i++
	}
	return p.rest[:i]
}

// atom reads a unit symbol, with a prefix if it is metric, and an exponent.
func (p *unitParser) atom() (unit, bool) {
	symbol := p.symbol()
	if symbol == "" {
		return unit{}, false
	}
	p.rest = p.rest[len(symbol):]
	u, ok := p.table[symbol]
	if !ok {
		u, ok = prefixed(symbol, p.table)
	}
	if !ok {
		return unit{}, false
	}
	return p.raised(u)
}

// symbol is the text up to the exponent or the next operator; brackets belong together.
func (p *unitParser) symbol() string {
	if strings.HasPrefix(p.rest, "10*") || strings.HasPrefix(p.rest, "10^") {
		return p.rest[:3]
	}
	inside := false
	for i := range len(p.rest) {
		switch c := p.rest[i]; {
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case inside:
		case isDigit(c), strings.IndexByte("+-./(){}", c) >= 0:
			return p.rest[:i]
		}
	}
	return p.rest
}

func prefixed(symbol string, table map[string]unit) (unit, bool) {
	for length := 1; length <= 2 && length < len(symbol); length++ {
		exponent, ok := prefixes[symbol[:length]]
		if !ok || !metric[symbol[length:]] {
			continue
		}
		if u, ok := table[symbol[length:]]; ok {
			return unit{dimension: u.dimension, factor: new(big.Rat).Mul(u.factor, power(big.NewRat(10, 1), exponent))}, true
		}
	}
	return unit{}, false
}

// raised reads an exponent: m2, s-1, 10*3.
func (p *unitParser) raised(u unit) (unit, bool) {
	end := 0
	if p.rest != "" && (p.rest[0] == '-' || p.rest[0] == '+') {
		end = 1
	}
	for end < len(p.rest) && isDigit(p.rest[end]) {
		end++
	}
	if end == 0 {
		return u, true
	}
	n, err := strconv.Atoi(p.rest[:end])
	p.rest = p.rest[end:]
	if err != nil || n < -2*maxExponent || n > 2*maxExponent || u.offset != nil {
		return unit{}, false
	}
	result := unit{factor: power(u.factor, n)}
	for i, d := range u.dimension {
		if int(d)*n > 100 || int(d)*n < -100 {
			return unit{}, false
		}
		result.dimension[i] = d * int8(n)
	}
	return result, true
}

func power(r *big.Rat, n int) *big.Rat {
	result := big.NewRat(1, 1)
	for range max(n, -n) {
		result.Mul(result, r)
	}
	if n < 0 {
		result.Inv(result)
	}
	return result
}

// units are the units of the table by symbol, in terms of base units.
var units = sync.OnceValue(func() map[string]unit {
	table := make(map[string]unit, len(definedUnits)+len(baseUnits))
	for i, symbol := range baseUnits {
		u := unit{factor: big.NewRat(1, 1)}
		u.dimension[i] = 1
		table[symbol] = u
	}
	for _, row := range definedUnits {
		u, ok := parseWith(row.unit, table)
		if !ok {
			panic("fhirpath: the unit " + row.symbol + " is defined by an unknown one")
		}
		factor, _ := new(big.Rat).SetString(row.value)
		u.factor = new(big.Rat).Mul(u.factor, factor)
		if row.offset != "" {
			u.offset, _ = new(big.Rat).SetString(row.offset)
		}
		table[row.symbol] = u
	}
	return table
})

// combineUnits is the unit of a product or quotient, and a factor for the value: where the
// dimensions cancel, the unit is '1'.
func combineUnits(a, b, op string) (code string, factor *big.Rat, ok bool) {
	x, ok := parseUnit(a)
	if !ok || x.offset != nil {
		return "", nil, false
	}
	y, ok := parseUnit(b)
	if !ok || y.offset != nil {
		return "", nil, false
	}
	u, ok := combine(x, y, op == "/")
	if !ok {
		return "", nil, false
	}
	if u.dimension == (dimension{}) {
		return "1", u.factor, true
	}
	if strings.ContainsAny(b, "./") {
		b = "(" + b + ")"
	}
	if code = a + op + b; len(code) > maxUnit {
		return "", nil, false
	}
	return code, big.NewRat(1, 1), true
}
