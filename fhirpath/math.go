package fhirpath

import "github.com/cockroachdb/apd/v3"

// Math functions: http://hl7.org/fhirpath/N1/#math. What has no real result is empty.

var mathFunctions = map[string]function{
	"abs":      {apply: onNumber(absolute)},
	"ceiling":  {apply: onNumber(toWhole(apd.RoundCeiling))},
	"floor":    {apply: onNumber(toWhole(apd.RoundFloor))},
	"truncate": {apply: onNumber(toWhole(apd.RoundDown))},
	"exp":      {apply: onNumber(irrational((*apd.Context).Exp))},
	"ln":       {apply: onNumber(irrational((*apd.Context).Ln))},
	"sqrt":     {apply: onNumber(irrational((*apd.Context).Sqrt))},
	"log":      {min: 1, max: 1, apply: onTwoNumbers(logarithm)},
	"power":    {min: 1, max: 1, apply: onTwoNumbers(raise)},
	"round":    {max: 1, apply: round},
}

// number is the input as a number or quantity.
func (n *callNode) number(e *evaluation, in Collection) (Value, bool, error) {
	v, ok, err := n.primitive(e, in)
	if err != nil {
		return v, false, err
	}
	if len(in) == 1 && in[0].isComplex() && !ok {
		return v, false, n.fail(e, "is called on a number, found a %s.", in[0].TypeName())
	}
	if !ok {
		return v, false, nil
	}
	if _, isNumber := v.asDecimal(); !isNumber && v.kind != kindQuantity {
		return v, false, n.fail(e, "is called on a number, found a %s.", v.TypeName())
	}
	return v, true, nil
}

// onNumber makes a function of the input. A quantity keeps its unit.
func onNumber(compute func(v Value) Value) apply {
	return func(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
		v, ok, err := n.number(e, in)
		if err != nil || !ok {
			return out, err
		}
		if err := e.step(50); err != nil {
			return out, err
		}
		if v.kind == kindQuantity {
			return append(out, inside(v.quantity(), compute)...), nil
		}
		if v = compute(v); v.kind != kindNone {
			out = append(out, v)
		}
		return out, nil
	}
}

// inside computes on the number of a quantity.
func inside(q *quantity, compute func(v Value) Value) Collection {
	d, ok := compute(FromDecimal(q.value)).asDecimal()
	if !ok {
		return nil
	}
	result := *q
	result.value = d
	return Collection{{kind: kindQuantity, boxed: &result}}
}

func absolute(v Value) Value {
	if v.kind == kindDecimal {
		return FromDecimal(new(apd.Decimal).Abs(v.decimal()))
	}
	v.number = abs(v.number)
	return v
}

func toWhole(mode apd.Rounder) func(v Value) Value {
	return func(v Value) Value {
		if v.kind == kindDecimal {
			return fromWhole(quantize(v.decimal(), 0, mode))
		}
		return v
	}
}

// working has digits to spare, so that 100.log(10) is 2 and not 1.999….
var working = decimalContext(50)

type decimalFunction func(c *apd.Context, d, x *apd.Decimal) (apd.Condition, error)

func irrational(compute decimalFunction) func(v Value) Value {
	return func(v Value) Value {
		x, ok := v.asDecimal()
		if !ok {
			return Value{}
		}
		d := new(apd.Decimal)
		if _, err := compute(working, d, x); err != nil {
			return Value{}
		}
		return trimmed(d)
	}
}

// trimmed rounds a result of many digits to those that are sure.
func trimmed(d *apd.Decimal) Value {
	if d.Form != apd.Finite {
		return Value{}
	}
	r := new(apd.Decimal)
	if _, err := rounded.Round(r, d); err != nil {
		return Value{}
	}
	return FromDecimal(reduced(r))
}

func onTwoNumbers(compute func(a, b Value) Value) apply {
	return func(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
		v, ok, err := n.number(e, in)
		if err != nil {
			return out, err
		}
		other, given, err := n.arg(e, f, 0)
		if err != nil || !ok || !given {
			return out, err
		}
		if _, isNumber := other.asDecimal(); !isNumber || v.kind == kindQuantity {
			return out, n.fail(e, "takes numbers, found a %s and a %s.", v.TypeName(), other.TypeName())
		}
		if err := e.step(200); err != nil {
			return out, err
		}
		if v = compute(v, other); v.kind != kindNone {
			out = append(out, v)
		}
		return out, nil
	}
}

func logarithm(a, base Value) Value {
	x, y, _ := decimals(a, base)
	numerator, denominator := new(apd.Decimal), new(apd.Decimal)
	if _, err := working.Ln(numerator, x); err != nil {
		return Value{}
	}
	if _, err := working.Ln(denominator, y); err != nil {
		return Value{}
	}
	d := new(apd.Decimal)
	if numerator.Form != apd.Finite || denominator.Form != apd.Finite {
		return Value{}
	}
	if _, err := working.Quo(d, numerator, denominator); err != nil {
		return Value{}
	}
	return trimmed(d)
}

// maxPower bounds the exponent of power(); beyond it the result leaves the range of decimals
// for all but bases next to 1.
const maxPower = 10_000

func raise(a, b Value) Value {
	x, y, _ := decimals(a, b)
	if y.Cmp(apd.New(maxPower, 0)) > 0 || y.Cmp(apd.New(-maxPower, 0)) < 0 {
		return Value{}
	}
	d := new(apd.Decimal)
	if _, err := working.Pow(d, x, y); err != nil || d.Form != apd.Finite {
		return Value{}
	}
	if _, _, long, ok := integers(a, b); ok && !y.Negative {
		i, fits := asInteger(d)
		return whole(i, long, !fits)
	}
	return trimmed(d)
}

func round(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	v, ok, err := n.number(e, in)
	if err != nil {
		return out, err
	}
	places, _, err := n.integerArg(e, f, 0)
	if err != nil || !ok {
		return out, err
	}
	if places < 0 {
		return out, n.fail(e, "takes a number of decimal places, found %d.", places)
	}
	compute := func(v Value) Value {
		d, _ := v.asDecimal()
		if places >= int64(-d.Exponent) {
			return FromDecimal(d)
		}
		return FromDecimal(roundTo(d, -int32(places)))
	}
	if v.kind == kindQuantity {
		return append(out, inside(v.quantity(), compute)...), nil
	}
	return append(out, compute(v)), nil
}
