package ucum

import (
	"math/big"
	"sync"
)

// The tangent and its inverse, for slopes and prism diopters, in fixed-point numbers of 256 bits
// after the point. https://ucum.org/ucum#para-clinical

const point = 256

var (
	hundred = big.NewRat(100, 1)
	unity   = new(big.Int).Lsh(big.NewInt(1), point) // as a fixed-point number
)

// fixed is r in units of 2^-point.
func fixed(r *big.Rat) *big.Int {
	n := new(big.Int).Lsh(r.Num(), point)
	return n.Quo(n, r.Denom())
}

func unfixed(n *big.Int) *big.Rat {
	return new(big.Rat).SetFrac(n, unity)
}

// times drops what is below the last bit, towards zero, so that a series comes to its end.
func times(a, b *big.Int) *big.Int {
	n := new(big.Int).Mul(a, b)
	return n.Quo(n, unity)
}

func over(a, b *big.Int) *big.Int {
	n := new(big.Int).Lsh(a, point)
	return n.Quo(n, b)
}

// series sums term × (±square)^k / divisor(k) until nothing is left.
func series(term, square *big.Int, next func(term *big.Int, k int64) (summand, following *big.Int)) *big.Int {
	sum := new(big.Int)
	for k := int64(0); term.Sign() != 0; k++ {
		summand, following := next(term, k)
		if k%2 == 0 {
			sum.Add(sum, summand)
		} else {
			sum.Sub(sum, summand)
		}
		term = times(following, square)
	}
	return sum
}

// arctangentSmall is the arctangent of |x| < 1/2 by its power series.
func arctangentSmall(x *big.Int) *big.Int {
	return series(x, times(x, x), func(term *big.Int, k int64) (summand, following *big.Int) {
		return new(big.Int).Quo(term, big.NewInt(2*k+1)), term
	})
}

// pi is by Machin's formula.
var pi = sync.OnceValue(func() *big.Int {
	a, b := arctangentSmall(fixed(big.NewRat(1, 5))), arctangentSmall(fixed(big.NewRat(1, 239)))
	a.Mul(a, big.NewInt(4)).Sub(a, b)
	return a.Mul(a, big.NewInt(4))
})

// arctangent is in radians. Angles are halved until the series is short, and those beyond one
// eighth of a circle are told from their complement.
func arctangent(r *big.Rat) *big.Rat {
	if r.Sign() < 0 {
		r = arctangent(new(big.Rat).Neg(r))
		return r.Neg(r)
	}
	if r.Cmp(one) > 0 {
		quarter := unfixed(new(big.Int).Rsh(pi(), 1))
		return quarter.Sub(quarter, arctangent(new(big.Rat).Inv(r)))
	}
	const halvings = 4
	x := fixed(r)
	for range halvings {
		root := new(big.Int).Add(unity, times(x, x))
		root.Lsh(root, point).Sqrt(root)
		x = over(x, root.Add(root, unity))
	}
	return unfixed(new(big.Int).Lsh(arctangentSmall(x), halvings))
}

// maxAngle bounds the turns that an angle may have.
var maxAngle = big.NewRat(1000, 1)

// tangent is a hundred times that of an angle in radians; ok is false at right angles, and for
// angles of so many turns that digits are lost.
func tangent(r *big.Rat) (t *big.Rat, ok bool) {
	if !within(r, maxAngle) {
		return nil, false
	}
	half := new(big.Int).Rsh(pi(), 1)
	x := fixed(r)
	x.Add(x, half).Mod(x, pi()).Sub(x, half)
	square := times(x, x)
	sine := series(x, square, func(term *big.Int, k int64) (summand, following *big.Int) {
		return term, new(big.Int).Quo(term, big.NewInt((2*k+2)*(2*k+3)))
	})
	cosine := series(unity, square, func(term *big.Int, k int64) (summand, following *big.Int) {
		return term, new(big.Int).Quo(term, big.NewInt((2*k+1)*(2*k+2)))
	})
	if cosine.BitLen() < point/2 {
		return nil, false // no digits are left
	}
	t = unfixed(over(sine, cosine))
	return t.Mul(t, hundred), true
}
