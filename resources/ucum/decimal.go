package ucum

import (
	"math/big"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources/outcome"
)

const (
	// maxExact is the number of digits up to which a result that has an end is given in full.
	maxExact = 100
	// Precision is the number of digits of all other results.
	Precision = 34
	// maxDigits bounds what is computed with.
	maxDigits = 2 * MaxExponent
)

var rounded = apd.BaseContext.WithPrecision(Precision)

// Fraction is d exactly. A number with more than MaxExponent zeros or more than twice as many digits
// is an *outcome.Error.
func Fraction(d *apd.Decimal) (*big.Rat, error) {
	if d.Form != apd.Finite || d.Exponent > MaxExponent || d.Exponent < -MaxExponent || d.NumDigits() > maxDigits {
		return nil, outcome.New(outcome.Value, "The number is too large to convert; expected an exponent from -%d to %d.", MaxExponent, MaxExponent)
	}
	n := d.Coeff.MathBigInt()
	if d.Negative {
		n.Neg(n)
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(d.Exponent, -d.Exponent))), nil)
	if d.Exponent < 0 {
		return new(big.Rat).SetFrac(n, ten), nil
	}
	return new(big.Rat).SetInt(n.Mul(n, ten)), nil
}

// Decimal is r without trailing zeros: exactly where it has an end within 100 digits, else
// rounded to 34. Equal fractions give equal decimals.
func Decimal(r *big.Rat) *apd.Decimal {
	if d := ended(r); d != nil {
		return d
	}
	num, den := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(r.Num()), 0), apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(r.Denom()), 0)
	d := new(apd.Decimal)
	// The divisor is not zero and the exponents are far within those of apd, so this does not fail.
	if _, err := rounded.Quo(d, num, den); err != nil {
		return new(apd.Decimal)
	}
	d.Reduce(d)
	return d
}

// ended is r where its decimals end within maxExact digits, else nil. They do where the denominator
// has no other factors than 2 and 5.
func ended(r *big.Rat) *apd.Decimal {
	den := new(big.Int).Set(r.Denom())
	twos := int(den.TrailingZeroBits())
	den.Rsh(den, uint(twos))
	fives := 0
	for five, rest := big.NewInt(5), new(big.Int); den.BitLen() > 1; fives++ {
		q, _ := new(big.Int).QuoRem(den, five, rest)
		if rest.Sign() != 0 || fives > MaxExponent {
			return nil
		}
		den = q
	}
	places := max(twos, fives)
	n := new(big.Int).Exp(big.NewInt(2), big.NewInt(int64(places-twos)), nil)
	n.Mul(n, new(big.Int).Exp(big.NewInt(5), big.NewInt(int64(places-fives)), nil))
	n.Mul(n, r.Num())
	d := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(n), int32(-places)) //nolint:gosec // bounded by maxBits and MaxExponent
	if d.Reduce(d); d.NumDigits() > maxExact {
		return nil
	}
	return d
}
