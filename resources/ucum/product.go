package ucum

import (
	"math/big"
)

// A sentence that refuses what cannot be computed; empty if it can.
type objection string

const (
	tooLarge   objection = "the unit is too large to compute with"
	notOnRatio objection = "a unit that is not on a ratio scale (such as Cel, [pH] or B) stands alone, but for a prefix or a number before it; K can take part in products"
)

// product is a × b, or a / b.
func product(a, b *Unit, divide bool) (*Unit, objection) {
	if !a.Ratio() || !b.Ratio() {
		return scaled(a, b, divide)
	}
	n := 1
	if divide {
		n = -1
	}
	p, ok := a.powers.times(b.powers, n)
	if !ok {
		return nil, tooLarge
	}
	u := &Unit{powers: p, factor: new(big.Rat), arithmetic: a.arithmetic && b.arithmetic}
	if divide {
		u.factor.Quo(a.factor, b.factor)
	} else {
		u.factor.Mul(a.factor, b.factor)
	}
	if large(u.factor) {
		return nil, tooLarge
	}
	return u, ""
}

// scaled is a special unit times a number, the only product it takes part in. A number is nothing
// but a number: 2.Cel, not %.Cel.
func scaled(a, b *Unit, divide bool) (*Unit, objection) {
	special, by := a, b
	if a.Ratio() {
		special, by = b, a
	}
	if !by.arithmetic || divide && special == b {
		return nil, notOnRatio
	}
	if !divide {
		return special.times(by.factor)
	}
	return special.times(new(big.Rat).Inv(by.factor))
}

// times is u with its values worth n of them.
func (u *Unit) times(n *big.Rat) (*Unit, objection) {
	v := *u
	v.arithmetic = false
	if v.factor = new(big.Rat).Mul(u.factor, n); large(v.factor) {
		return nil, tooLarge
	}
	return &v, ""
}

// raised is u to the power of n.
func raised(u *Unit, n int) (*Unit, objection) {
	switch {
	case n == 1:
		return u, ""
	case !u.Ratio():
		return nil, notOnRatio
	case n > MaxExponent || n < -MaxExponent || bits(u.factor)*max(n, -n) > 2*maxBits:
		return nil, tooLarge
	}
	p, ok := powers(nil).times(u.powers, n)
	factor := rationalPower(u.factor, n)
	if !ok || large(factor) {
		return nil, tooLarge
	}
	return &Unit{powers: p, factor: factor}, ""
}

// rationalPower is r^n; r is not zero.
func rationalPower(r *big.Rat, n int) *big.Rat {
	e := big.NewInt(int64(max(n, -n)))
	num, den := new(big.Int).Exp(r.Num(), e, nil), new(big.Int).Exp(r.Denom(), e, nil)
	if n < 0 {
		num, den = den, num
	}
	return new(big.Rat).SetFrac(num, den)
}

// bits is the length of what is multiplied; 1 takes none.
func bits(r *big.Rat) int { return max(r.Num().BitLen(), r.Denom().BitLen()) - 1 }

func large(r *big.Rat) bool { return bits(r) > maxBits }
