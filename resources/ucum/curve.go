package ucum

import (
	"fmt"
	"math/big"
)

// curve is a scale that is no straight line. A value x on it stands for the amount
// inverse(x) × of. https://ucum.org/ucum#section-Special-Units-on-non-ratio-Scales
type curve struct {
	symbol string
	of     *Unit
	function
}

// shifts are the special units that are straight lines which do not go through zero: what the
// zero of the scale is in the unit that it is defined by, kelvins or fractions of them.
var shifts = map[string]*big.Rat{
	"Cel":   big.NewRat(27315, 100),
	"degF":  big.NewRat(45967, 100),
	"degRe": big.NewRat(21852, 100), // 273.15 K in units of 5/4 K
}

// special is the unit that a function makes of u.
func special(symbol, name string, u *Unit) *Unit {
	if zero := shifts[name]; zero != nil {
		return &Unit{factor: u.factor, powers: u.powers, shift: new(big.Rat).Mul(zero, u.factor)}
	}
	f, ok := functions[name]
	if !ok {
		panic(fmt.Sprintf("ucum: the table has the function %q", name))
	}
	if f.angle {
		u = &Unit{factor: one, powers: u.powers} // the tangent is that of the angle, in any unit
	}
	return &Unit{factor: one, curve: &curve{symbol: symbol, of: u, function: f}}
}
