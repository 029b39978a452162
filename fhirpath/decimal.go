package fhirpath

import "github.com/cockroachdb/apd/v3"

// Decimals are exact for sums and products up to 100 digits, far beyond the 28 that
// http://hl7.org/fhirpath/N1/#decimal asks for. Quotients, roots and logarithms have 34.
var (
	exact   = decimalContext(100)
	rounded = decimalContext(34)
)

func decimalContext(precision uint32) *apd.Context {
	return &apd.Context{
		Precision: precision, Rounding: apd.RoundHalfUp, MaxExponent: 6144, MinExponent: -6144,
		Traps: apd.SystemOverflow | apd.SystemUnderflow | apd.Overflow | apd.DivisionUndefined | apd.DivisionByZero | apd.DivisionImpossible | apd.InvalidOperation,
	}
}

// decimalOp computes a binary operation; false where it has no value (division by zero,
// overflow).
type decimalOp func(d, a, b *apd.Decimal) (apd.Condition, error)

func (op decimalOp) of(a, b *apd.Decimal) (*apd.Decimal, bool) {
	d := new(apd.Decimal)
	_, err := op(d, a, b)
	return d, err == nil && d.Form == apd.Finite
}

// quotient is a / b without the zeros that a division makes.
func quotient(a, b *apd.Decimal) (*apd.Decimal, bool) {
	d, ok := decimalOp(rounded.Quo).of(a, b)
	if !ok {
		return nil, false
	}
	return reduced(d), true
}

// reduced drops trailing zeros behind the point.
func reduced(d *apd.Decimal) *apd.Decimal {
	r := new(apd.Decimal)
	r.Reduce(d)
	if r.Exponent > 0 {
		return roundTo(r, 0)
	}
	return r
}

// roundTo gives d the exponent, rounding half away from zero.
func roundTo(d *apd.Decimal, exponent int32) *apd.Decimal {
	return quantize(d, exponent, apd.RoundHalfUp)
}

func quantize(d *apd.Decimal, exponent int32, mode apd.Rounder) *apd.Decimal {
	c := *exact
	c.Precision, c.Rounding = 4000, mode
	r := new(apd.Decimal)
	if _, err := c.Quantize(r, d, exponent); err != nil {
		return d
	}
	if r.IsZero() {
		r.Negative = false
	}
	return r
}

// asInteger is a whole decimal as an integer of 64 bits.
func asInteger(d *apd.Decimal) (int64, bool) {
	i, err := reduced(d).Int64()
	return i, err == nil
}

// fromWhole is a whole number as an Integer, or as a Decimal where it is too large for that.
func fromWhole(d *apd.Decimal) Value {
	if i, ok := asInteger(d); ok && i == int64(int32(i)) {
		return FromInteger(i)
	}
	return FromDecimal(d)
}
