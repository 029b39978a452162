package ucum

import (
	"slices"
	"strconv"
	"strings"
)

// power is a base unit or an arbitrary unit with its exponent.
type power struct {
	symbol   string
	exponent int
}

// powers is a product of base units, sorted by symbol and without those of exponent zero.
type powers []power

// times is p × q^n; ok is false where an exponent is out of bounds.
func (p powers) times(q powers, n int) (product powers, ok bool) {
	product = slices.Clone(p)
	for _, b := range q {
		i, found := slices.BinarySearchFunc(product, b.symbol, func(a power, symbol string) int {
			return strings.Compare(a.symbol, symbol)
		})
		if !found {
			product = slices.Insert(product, i, power{symbol: b.symbol})
		}
		product[i].exponent += b.exponent * n
		if e := product[i].exponent; e > maxPower || e < -maxPower {
			return nil, false
		}
		if product[i].exponent == 0 {
			product = slices.Delete(product, i, i+1)
		}
	}
	return product, true
}

// String is the product as UCUM code.
func (p powers) String() string {
	if len(p) == 0 {
		return "1"
	}
	var b strings.Builder
	for i, f := range p {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(f.symbol)
		if f.exponent != 1 {
			b.WriteString(strconv.Itoa(f.exponent))
		}
	}
	return b.String()
}
