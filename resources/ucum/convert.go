package ucum

import (
	"math/big"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources/outcome"
)

// Canonical is an amount in base units, with their code. Amounts of one code are ordered as their
// canonical values are. Values whose decimals do not end within 100 digits are rounded to 34, the
// same way for all units. Errors are those of Parse and Fraction.
func Canonical(value *apd.Decimal, code string) (canonical *apd.Decimal, base string, err error) {
	u, err := Parse(code)
	if err != nil {
		return nil, "", err
	}
	r, err := Fraction(value)
	if err != nil {
		return nil, "", err
	}
	return Decimal(u.ToCanonical(r)), u.canonical, nil
}

// Compare orders two amounts exactly. ok is false where their units are not commensurable or
// one is no unit or number that can be computed with.
func Compare(a *apd.Decimal, codeA string, b *apd.Decimal, codeB string) (order int, ok bool) {
	x, err := inBase(a, codeA)
	if err != nil {
		return 0, false
	}
	y, err := inBase(b, codeB)
	if err != nil || !x.unit.Commensurable(y.unit) {
		return 0, false
	}
	return x.value.Cmp(y.value), true
}

// Equal reports whether two amounts are the same: 1 g and 1000 mg.
func Equal(a *apd.Decimal, codeA string, b *apd.Decimal, codeB string) bool {
	order, ok := Compare(a, codeA, b, codeB)
	return ok && order == 0
}

// Commensurable reports whether both codes are units that measure the same.
func Commensurable(a, b string) bool {
	u, err := Parse(a)
	if err != nil {
		return false
	}
	v, err := Parse(b)
	return err == nil && u.Commensurable(v)
}

// Convert is a value in another unit, exact or rounded as Canonical says. Between the scale of a
// special unit and the unit that it is made of it goes through the function of the scale ([pH]
// to mol/L), rounded to 34 digits. Units that do not measure the same, and values that the function
// is not defined for, are an *outcome.Error.
func Convert(value *apd.Decimal, from, to string) (*apd.Decimal, error) {
	source, err := inBase(value, from)
	if err != nil {
		return nil, err
	}
	target, err := Parse(to)
	if err != nil {
		return nil, err
	}
	if source.unit.Commensurable(target) {
		return Decimal(target.FromCanonical(source.value)), nil
	}
	return source.across(target)
}

// amount is a value in the canonical units of a unit.
type amount struct {
	value *big.Rat
	unit  *Unit
}

func inBase(value *apd.Decimal, code string) (amount, error) {
	u, err := Parse(code)
	if err != nil {
		return amount{}, err
	}
	r, err := Fraction(value)
	if err != nil {
		return amount{}, err
	}
	return amount{u.ToCanonical(r), u}, nil
}

// across converts to or from a scale, or from one to another.
func (a amount) across(target *Unit) (*apd.Decimal, error) {
	from, to := a.unit.measured(), target.measured()
	if from.powers.String() != to.powers.String() || a.unit.curve == nil && target.curve == nil {
		return nil, outcome.New(outcome.Value, "%q cannot be converted to %q: they do not measure the same; the one is in %s, the other in %s.",
			a.unit.code, target.code, from.powers, to.powers)
	}
	value := a.value
	if c := a.unit.curve; c != nil {
		x, ok := c.inverse(value)
		if !ok {
			return nil, notDefined(a.unit, target)
		}
		value = c.of.ToCanonical(x)
	}
	if c := target.curve; c != nil {
		x, ok := c.forward(c.of.FromCanonical(value))
		if !ok {
			return nil, notDefined(a.unit, target)
		}
		value = x
	}
	d := new(apd.Decimal)
	if _, err := rounded.Round(d, Decimal(target.FromCanonical(value))); err != nil {
		return nil, notDefined(a.unit, target)
	}
	d.Reduce(d)
	return d, nil
}

// measured is the unit that a scale is made of, or u itself.
func (u *Unit) measured() *Unit {
	if u.curve != nil {
		return u.curve.of
	}
	return u
}

func notDefined(from, to *Unit) error {
	return outcome.New(outcome.Value, "The value in %q has no counterpart in %q: the scale is not defined there or the number is too large.", from.code, to.code)
}
