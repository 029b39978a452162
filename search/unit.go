package search

import (
	"strings"
	"sync"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources/ucum"
)

// In is the comparison that c asks for among values with the unit of v; false where they do not
// meet it whatever their number. With a unit of UCUM that is every commensurable one, and the number
// and its implied range are converted to the unit of v: 5.4 g is [5350, 5450) in mg.
// https://hl7.org/fhir/R4/search.html#quantity
func (c QuantityCriterion) In(v QuantityValue) (NumberCriterion, bool) {
	switch {
	case c.AnyUnit:
		return c.NumberCriterion, true
	case c.AnySystem:
		return c.NumberCriterion, c.Code == v.Code || c.Code == v.Unit
	case c.System != v.System:
		return NumberCriterion{}, false
	case c.Code == v.Code:
		return c.NumberCriterion, true
	case c.System != ucum.System:
		return NumberCriterion{}, false
	case c.conversions == nil:
		return c.convert(v.Code)
	}
	return c.conversions.of(c, v.Code)
}

// convert is the number of c in another unit of UCUM.
func (c QuantityCriterion) convert(code string) (NumberCriterion, bool) {
	if !ucum.Commensurable(c.Code, code) {
		return NumberCriterion{}, false
	}
	n := NumberCriterion{Prefix: c.Prefix}
	for _, end := range [...]struct{ from, to **apd.Decimal }{{&c.Value, &n.Value}, {&c.Low, &n.Low}, {&c.High, &n.High}} {
		var err error
		if *end.to, err = ucum.Convert(*end.from, c.Code, code); err != nil {
			return NumberCriterion{}, false // larger than can be computed with
		}
	}
	return n, true
}

// conversions are what a criterion is in the units that it met.
type conversions struct {
	mu sync.RWMutex
	in map[string]conversion
}

type conversion struct {
	NumberCriterion
	ok bool
}

// maxConversions bounds the units that are remembered; the others are converted each time.
const maxConversions = 256

func (m *conversions) of(c QuantityCriterion, code string) (NumberCriterion, bool) {
	m.mu.RLock()
	known, seen := m.in[code]
	m.mu.RUnlock()
	if !seen {
		known.NumberCriterion, known.ok = c.convert(code)
		m.keep(code, known)
	}
	return known.NumberCriterion, known.ok
}

func (m *conversions) keep(code string, known conversion) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.in == nil {
		m.in = map[string]conversion{}
	}
	if len(m.in) < maxConversions {
		m.in[strings.Clone(code)] = known
	}
}
