package ucum

import (
	"math/big"

	"github.com/cockroachdb/apd/v3"
)

// function relates the values of a scale to amounts. https://ucum.org/ucum#section-Alphabetic-Index-By-Symbol
type function struct {
	// base and rate are of an exponential: the amount is base^(rate × value). base is 0 for
	// Euler's number.
	base int64
	rate *big.Rat
	// square is for the root of an amount, angle for a hundred times the tangent of an angle.
	square, angle bool
}

// functions are those that the table names.
var functions = map[string]function{
	"ln":          {base: 0, rate: big.NewRat(1, 1)},
	"lg":          {base: 10, rate: big.NewRat(1, 1)},
	"lgTimes2":    {base: 10, rate: big.NewRat(1, 2)},
	"ld":          {base: 2, rate: big.NewRat(1, 1)},
	"pH":          {base: 10, rate: big.NewRat(-1, 1)},
	"hpX":         {base: 10, rate: big.NewRat(-1, 1)},
	"hpC":         {base: 100, rate: big.NewRat(-1, 1)},
	"hpM":         {base: 1000, rate: big.NewRat(-1, 1)},
	"hpQ":         {base: 50000, rate: big.NewRat(-1, 1)},
	"sqrt":        {square: true},
	"tanTimes100": {angle: true},
	"100tan":      {angle: true},
}

// working is the precision of the steps, well beyond that of the result.
var working = apd.BaseContext.WithPrecision(Precision + 20)

// The bounds of a scale: beyond them amounts have more zeros than is computed with, or the
// computation loses its digits.
var (
	maxOnScale = big.NewRat(700, 1)
	maxSquared = new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(700), nil))
)

func within(x, bound *big.Rat) bool { return new(big.Rat).Abs(x).Cmp(bound) <= 0 }

// inverse is the amount that a value on the scale stands for.
func (f function) inverse(x *big.Rat) (*big.Rat, bool) {
	switch {
	case f.square:
		return new(big.Rat).Mul(x, x), x.Sign() >= 0 && within(x, maxSquared)
	case f.angle:
		return arctangent(new(big.Rat).Quo(x, hundred)), within(x, maxSquared)
	case !within(x, maxOnScale):
		return nil, false
	}
	exponent := new(big.Rat).Mul(x, f.rate)
	if f.base != 0 && exponent.IsInt() {
		return rationalPower(big.NewRat(f.base, 1), int(exponent.Num().Int64())), true
	}
	d := precise(exponent)
	if _, err := working.Mul(d, d, f.logarithmOfBase()); err != nil {
		return nil, false
	}
	if _, err := working.Exp(d, d); err != nil {
		return nil, false
	}
	return exact(d)
}

// forward is the value on the scale that an amount has.
func (f function) forward(y *big.Rat) (*big.Rat, bool) {
	switch {
	case f.angle:
		return tangent(y)
	case y.Sign() < 0 || y.Sign() == 0 && !f.square:
		return nil, false
	case f.square:
		d := precise(y)
		if _, err := working.Sqrt(d, d); err != nil {
			return nil, false
		}
		return exact(d)
	}
	d := precise(y)
	if _, err := working.Ln(d, d); err != nil {
		return nil, false
	}
	if _, err := working.Quo(d, d, f.logarithmOfBase()); err != nil {
		return nil, false
	}
	x, ok := exact(d)
	if !ok {
		return nil, false
	}
	return x.Quo(x, f.rate), true
}

// logarithmOfBase is the natural one.
func (f function) logarithmOfBase() *apd.Decimal {
	d := apd.New(1, 0)
	if f.base == 0 {
		return d
	}
	// The base is a number of the table above, so this does not fail.
	if _, err := working.Ln(d, apd.New(f.base, 0)); err != nil {
		return apd.New(1, 0)
	}
	return d
}

// precise is r with the digits of a step.
func precise(r *big.Rat) *apd.Decimal {
	num, den := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(r.Num()), 0), apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(r.Denom()), 0)
	d := new(apd.Decimal)
	if _, err := working.Quo(d, num, den); err != nil {
		return new(apd.Decimal) // as in Decimal
	}
	return d
}

func exact(d *apd.Decimal) (*big.Rat, bool) {
	r, err := Fraction(d)
	return r, err == nil
}
