package ucum

import (
	_ "embed"
	"fmt"
	"math/big"
	"strings"
	"sync"
)

// unitsTable has the columns kind, code, flags (m metric, a arbitrary), function, value, unit.
//
//go:embed units.tsv
var unitsTable string

// units are the units and prefixes by symbol.
type units struct {
	atoms    map[string]*atom
	prefixes map[string]*big.Rat
}

// atom is a unit of the table, resolved where it is first used.
type atom struct {
	unit   *Unit
	metric bool

	arbitrary             bool
	function, value, code string
}

// table is the embedded table, read on first use. It depends on nothing but the source, so damage is
// a fault of the build and panics.
var table = sync.OnceValue(func() units { return readTable(unitsTable) })

func readTable(text string) units {
	t := units{atoms: map[string]*atom{}, prefixes: map[string]*big.Rat{}}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 6 {
			continue // the notice
		}
		code := cells[1]
		switch cells[0] {
		case "prefix":
			t.prefixes[code] = fraction(cells[4])
		case "base":
			t.atoms[code] = &atom{metric: true, unit: &Unit{factor: one, powers: powers{{code, 1}}}}
		case "unit":
			metric, arbitrary := strings.Contains(cells[2], "m"), strings.Contains(cells[2], "a")
			t.atoms[code] = &atom{metric: metric, arbitrary: arbitrary, function: cells[3], value: cells[4], code: cells[5]}
		}
	}
	for symbol, a := range t.atoms {
		t.resolve(symbol, a, 0)
	}
	return t
}

func fraction(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok || r.Sign() <= 0 {
		panic(fmt.Sprintf("ucum: the table has the value %q", text))
	}
	return r
}

// maxDefinitions bounds the definitions that a unit goes through down to base units.
const maxDefinitions = 20

// resolve gives an atom its unit.
func (t units) resolve(symbol string, a *atom, depth int) {
	if a.unit != nil {
		return
	}
	if depth > maxDefinitions {
		panic(fmt.Sprintf("ucum: the table defines %q by itself", symbol))
	}
	if a.arbitrary && a.code == "1" {
		a.unit = &Unit{factor: one, powers: powers{{symbol, 1}}}
		return
	}
	t.need(a.code, depth)
	r := read(a.code, t)
	if r.refusal != nil {
		panic(fmt.Sprintf("ucum: the table defines %q wrongly: %v", symbol, r.refusal))
	}
	u, no := r.unit.times(fraction(a.value))
	if no != "" {
		panic(fmt.Sprintf("ucum: %q: %s", symbol, no))
	}
	a.unit = u
	if a.function != "" {
		a.unit = special(symbol, a.function, u)
	}
}

// need resolves the units that a definition may name: every part of it that is a symbol, and
// what follows a prefix.
func (t units) need(code string, depth int) {
	p := parser{code: code, units: t}
	for p.at < len(code) {
		symbol := p.symbol()
		if symbol == "" {
			p.at++
			continue
		}
		for cut := 0; cut <= longestPrefix && cut < len(symbol); cut++ {
			if a := t.atoms[symbol[cut:]]; a != nil {
				t.resolve(symbol[cut:], a, depth+1)
				break
			}
		}
	}
}

const longestPrefix = 2

// find is the unit of a symbol, or why there is none.
func (t units) find(symbol string) (u *Unit, refusal string) {
	if a := t.atoms[symbol]; a != nil {
		return a.unit, ""
	}
	for cut := 1; cut <= longestPrefix && cut < len(symbol); cut++ {
		prefix, a := t.prefixes[symbol[:cut]], t.atoms[symbol[cut:]]
		if prefix == nil || a == nil {
			continue
		}
		if !a.metric {
			refusal = fmt.Sprintf("puts a prefix before %s, which takes none", symbol[cut:])
			continue
		}
		u, no := a.unit.times(prefix)
		return u, string(no)
	}
	if refusal != "" {
		return nil, refusal
	}
	return nil, "is not in its table, version 2.0.1; expected a code such as mg, mm[Hg] or 10*9"
}
