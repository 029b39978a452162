package ucum

import (
	"math/big"
)

// Unit is a unit that has been read. It never changes.
type Unit struct {
	code       string
	canonical  string
	powers     powers
	factor     *big.Rat // an amount in canonical units is value × factor + shift
	shift      *big.Rat // nil but for temperatures
	curve      *curve   // nil but for scales that are no straight line
	arithmetic bool     // a plain number, without a unit: 4, 1, {annotation}
}

// String is the code as it was read.
func (u *Unit) String() string { return u.code }

// Canonical is the code of the same dimensions in base units, "1" for none: "g.m-3" for mg/dL.
// Units with the same canonical code are commensurable, and Parse reads it.
func (u *Unit) Canonical() string { return u.canonical }

// Ratio reports whether amounts in u can be added, multiplied and divided: zero means nothing of
// it. That is so of all but special units (Cel, [pH], B).
// https://ucum.org/ucum#section-Special-Units-on-non-ratio-Scales
func (u *Unit) Ratio() bool { return u.shift == nil && u.curve == nil }

// Curved reports whether u is a scale that is no straight line ([pH], B), on which not even
// differences mean the same everywhere.
func (u *Unit) Curved() bool { return u.curve != nil }

// Commensurable reports whether amounts in u and v can be compared.
func (u *Unit) Commensurable(v *Unit) bool { return u.canonical == v.canonical }

// ToCanonical is a value in u as one in canonical units, exactly.
func (u *Unit) ToCanonical(value *big.Rat) *big.Rat {
	r := new(big.Rat).Mul(value, u.factor)
	if u.shift != nil {
		r.Add(r, u.shift)
	}
	return r
}

// FromCanonical is a value in canonical units as one in u, exactly.
func (u *Unit) FromCanonical(value *big.Rat) *big.Rat {
	r := new(big.Rat).Set(value)
	if u.shift != nil {
		r.Sub(r, u.shift)
	}
	return r.Quo(r, u.factor)
}

// number is a unit that is only a number.
func number(n *big.Rat) *Unit {
	return &Unit{factor: n, canonical: "1", arithmetic: true}
}

var one = big.NewRat(1, 1)
