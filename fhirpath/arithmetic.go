package fhirpath

import (
	"math/bits"

	"github.com/cockroachdb/apd/v3"
)

// Math: http://hl7.org/fhirpath/N1/#math. What overflows and what is divided by zero is empty.

// operation computes a binary operator; an empty result is Value{}. defined is false for
// operands that it does not take.
type operation func(e *evaluation, a, b Value) (result Value, defined bool, err error)

var arithmetic map[string]operation

func init() { // "&" calls toString, whose table holds functions that evaluate operators
	arithmetic = map[string]operation{
		"+": plus, "-": minus, "*": times, "/": divide, "div": integerDivide, "mod": modulo, "&": concatenate,
	}
}

type arithmeticNode struct {
	binaryNode
	op    string
	apply operation
}

func (n *arithmeticNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	left, right, err := n.operands(e, f)
	if err != nil {
		return out, err
	}
	if len(left) > 1 || len(right) > 1 {
		return out, e.fail(n.pos, "'%s' takes single items, found %d and %d.", n.op, len(left), len(right))
	}
	a, err := n.value(e, left)
	if err != nil {
		return out, err
	}
	b, err := n.value(e, right)
	if err != nil {
		return out, err
	}
	e.release(left)
	e.release(right)
	if n.op != "&" && (a.kind == kindNone || b.kind == kindNone) {
		return out, nil
	}
	result, defined, err := n.apply(e, a, b)
	if err != nil {
		return out, err
	}
	if !defined {
		return out, e.fail(n.pos, "'%s' is not defined for a %s and a %s.", n.op, a.TypeName(), b.TypeName())
	}
	if result.kind != kindNone {
		out = append(out, result)
	}
	return out, nil
}

// value is the System value of an operand; none for an empty one.
func (n *arithmeticNode) value(e *evaluation, c Collection) (Value, error) {
	if len(c) == 0 {
		return Value{}, nil
	}
	v, ok := c[0].system()
	if !ok && c[0].isComplex() {
		return v, e.fail(n.pos, "'%s' is not defined for a %s.", n.op, c[0].TypeName())
	}
	if !ok {
		return Value{}, nil
	}
	return v, nil
}

// integers gives both numbers where neither is a Decimal.
func integers(a, b Value) (x, y int64, long, ok bool) {
	if (a.kind != kindInteger && a.kind != kindLong) || (b.kind != kindInteger && b.kind != kindLong) {
		return 0, 0, false, false
	}
	return a.number, b.number, a.kind == kindLong || b.kind == kindLong, true
}

// whole is an integer result; none where it overflows its type.
func whole(i int64, long, overflow bool) Value {
	switch {
	case overflow, !long && i != int64(int32(i)):
		return Value{}
	case long:
		return Value{kind: kindLong, number: i}
	}
	return FromInteger(i)
}

func decimals(a, b Value) (x, y *apd.Decimal, ok bool) {
	if x, ok = a.asDecimal(); !ok {
		return nil, nil, false
	}
	y, ok = b.asDecimal()
	return x, y, ok
}

func decimalResult(op decimalOp, x, y *apd.Decimal) Value {
	if d, ok := op.of(x, y); ok {
		return FromDecimal(d)
	}
	return Value{}
}

func plus(e *evaluation, a, b Value) (Value, bool, error) {
	if x, y, long, ok := integers(a, b); ok {
		sum := x + y
		return whole(sum, long, (sum > x) != (y > 0) && y != 0), true, nil
	}
	if x, y, ok := decimals(a, b); ok {
		return decimalResult(exact.Add, x, y), true, nil
	}
	if a.kind == kindString && b.kind == kindString {
		return FromString(a.text + b.text), true, e.produced(len(a.text) + len(b.text))
	}
	if p, q, ok := quantities(a, b); ok {
		return addQuantities(p, q, exact.Add), true, nil
	}
	if a.kind == kindQuantity { // 1 year + @2020 is the same as @2020 + 1 year
		a, b = b, a
	}
	return shift(a, b, false)
}

func minus(e *evaluation, a, b Value) (Value, bool, error) {
	if x, y, long, ok := integers(a, b); ok {
		difference := x - y
		return whole(difference, long, (difference < x) != (y > 0) && y != 0), true, nil
	}
	if x, y, ok := decimals(a, b); ok {
		return decimalResult(exact.Sub, x, y), true, nil
	}
	if p, q, ok := quantities(a, b); ok {
		return addQuantities(p, q, exact.Sub), true, nil
	}
	return shift(a, b, true)
}

// shift adds a quantity of time to a date or time.
func shift(moment, amount Value, negative bool) (Value, bool, error) {
	if amount.kind != kindQuantity || !moment.isMoment() && moment.kind != kindTime {
		return Value{}, false, nil
	}
	d, timed, inRange := durationOf(amount.quantity(), negative)
	if !timed || !inRange {
		return Value{}, timed, nil
	}
	if moment.kind == kindTime {
		t, defined := d.addToTime(*moment.time())
		return FromTime(t), defined, nil
	}
	t, ok := d.addTo(*moment.dateTime())
	if !ok {
		return Value{}, true, nil // beyond the year 9999 or before the year 1
	}
	return Value{kind: moment.kind, boxed: &t}, true, nil
}

func times(e *evaluation, a, b Value) (Value, bool, error) {
	if x, y, long, ok := integers(a, b); ok {
		product, overflow := multiply(x, y)
		return whole(product, long, overflow), true, nil
	}
	if x, y, ok := decimals(a, b); ok {
		return decimalResult(exact.Mul, x, y), true, nil
	}
	if p, q, ok := quantities(a, b); ok {
		return multiplyQuantities(p, q), true, nil
	}
	return Value{}, false, nil
}

func multiply(x, y int64) (product int64, overflow bool) {
	high, low := bits.Mul64(uint64(abs(x)), uint64(abs(y)))
	if high != 0 || low > 1<<63-1 {
		return 0, true
	}
	if (x < 0) != (y < 0) {
		return -int64(low), false
	}
	return int64(low), false
}

func divide(e *evaluation, a, b Value) (Value, bool, error) {
	if x, y, ok := decimals(a, b); ok {
		if d, ok := quotient(x, y); ok {
			return FromDecimal(d), true, nil
		}
		return Value{}, true, nil
	}
	if p, q, ok := quantities(a, b); ok {
		return divideQuantities(p, q), true, nil
	}
	return Value{}, false, nil
}

// plainNumber reads a quantity of the unit '1' as its number.
func plainNumber(v Value) Value {
	if v.kind == kindQuantity && !v.quantity().calendar && v.quantity().unit == "1" {
		return FromDecimal(v.quantity().value)
	}
	return v
}

func integerDivide(e *evaluation, a, b Value) (Value, bool, error) {
	a, b = plainNumber(a), plainNumber(b)
	if x, y, long, ok := integers(a, b); ok {
		if y == 0 {
			return Value{}, true, nil
		}
		return whole(x/y, long, y == -1 && x == -x && x != 0), true, nil
	}
	x, y, ok := decimals(a, b)
	if !ok {
		return Value{}, false, nil
	}
	if d, ok := decimalOp(exact.QuoInteger).of(x, y); ok {
		return fromWhole(d), true, nil
	}
	return Value{}, true, nil
}

func modulo(e *evaluation, a, b Value) (Value, bool, error) {
	a, b = plainNumber(a), plainNumber(b)
	if x, y, long, ok := integers(a, b); ok {
		if y == 0 {
			return Value{}, true, nil
		}
		if y == -1 {
			return whole(0, long, false), true, nil
		}
		return whole(x%y, long, false), true, nil
	}
	x, y, ok := decimals(a, b)
	if !ok {
		return Value{}, false, nil
	}
	return decimalResult(exact.Rem, x, y), true, nil
}

// concatenate is &, for which empty is ”. http://hl7.org/fhirpath/N1/#string-concatenation
func concatenate(e *evaluation, a, b Value) (Value, bool, error) {
	x, y := a.Text(), b.Text()
	return FromString(x + y), true, e.produced(len(x) + len(y))
}

// unaryNode is + and -.
type unaryNode struct {
	pos      int
	negative bool
	operand  node
}

func (n *unaryNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	c, err := e.operand(n.operand, f)
	if err != nil {
		return out, err
	}
	defer e.release(c)
	if len(c) > 1 {
		return out, e.fail(n.pos, "A sign belongs to a single number, found %d items.", len(c))
	}
	if len(c) == 0 {
		return out, nil
	}
	v, ok := c[0].system()
	if !ok && !c[0].isComplex() {
		return out, nil
	}
	negative, ok := negate(v)
	if !ok {
		return out, e.fail(n.pos, "A sign belongs to a number or quantity, found a %s.", c[0].TypeName())
	}
	if n.negative {
		v = negative
	}
	return append(out, v), nil
}

// negate is -v; false for what has no sign.
func negate(v Value) (Value, bool) {
	switch v.kind {
	case kindInteger:
		return FromInteger(-v.number), true
	case kindLong:
		return Value{kind: kindLong, number: -v.number}, true
	case kindDecimal:
		return FromDecimal(negated(v.decimal())), true
	case kindQuantity:
		q := *v.quantity()
		q.value = negated(q.value)
		return Value{kind: kindQuantity, boxed: &q}, true
	}
	return v, false
}

func negated(d *apd.Decimal) *apd.Decimal { return new(apd.Decimal).Neg(d) }

// addQuantities adds or subtracts in the smaller of the two units; none where the units do not
// measure the same.
func addQuantities(p, q *quantity, op decimalOp) Value {
	a, b, ok := align(p, q)
	if !ok {
		return Value{}
	}
	result := quantity{unit: a.unit, calendar: a.calendar, fhir: p.fhir && q.fhir}
	x, y := a.value, b.value
	if a.unit != b.unit {
		factor, ok := (&quantity{value: apd.New(1, 0), unit: a.unit, calendar: a.calendar}).converted(b)
		if !ok {
			return Value{}
		}
		if factor.Num().Cmp(factor.Denom()) > 0 { // b's unit is the smaller
			result.unit = b.unit
			r, _ := a.converted(b)
			x = ratDecimal(r)
		} else {
			r, _ := b.converted(a)
			y = ratDecimal(r)
		}
	}
	if curved(a.unit) || curved(b.unit) {
		return Value{}
	}
	if result.value, ok = op.of(x, y); !ok {
		return Value{}
	}
	return Value{kind: kindQuantity, boxed: &result}
}

// multiplyQuantities multiplies; calendar durations only with plain numbers.
func multiplyQuantities(p, q *quantity) Value {
	p, q = simplified(p), simplified(q)
	if isOne(p) {
		p, q = q, p
	}
	value, ok := decimalOp(exact.Mul).of(p.value, q.value)
	if !ok {
		return Value{}
	}
	return combined(p, q, value, ".")
}

func divideQuantities(p, q *quantity) Value {
	p, q = simplified(p), simplified(q)
	value, ok := quotient(p.value, q.value)
	if !ok {
		return Value{}
	}
	return combined(p, q, value, "/")
}

// combined gives a product or quotient its unit.
func combined(p, q *quantity, value *apd.Decimal, op string) Value {
	if curved(p.unit) || curved(q.unit) {
		return Value{}
	}
	if isOne(q) {
		return Value{kind: kindQuantity, boxed: &quantity{value: value, unit: p.unit, calendar: p.calendar, fhir: p.fhir}}
	}
	if p.calendar || q.calendar {
		return Value{}
	}
	unit, factor, ok := combineUnits(p.unit, q.unit, op)
	r := rat(value)
	if !ok || r == nil {
		return Value{}
	}
	return Value{kind: kindQuantity, boxed: &quantity{value: ratDecimal(r.Mul(r, factor)), unit: unit}}
}

func isOne(q *quantity) bool { return !q.calendar && q.unit == "1" }

// simplified turns a unit without dimension (%, g/kg) into the number that it is.
func simplified(q *quantity) *quantity {
	if q.calendar || q.unit == "1" {
		return q
	}
	factor, ok := withoutDimension(q.unit)
	r := rat(q.value)
	if !ok || r == nil {
		return q
	}
	return &quantity{value: ratDecimal(r.Mul(r, factor)), unit: "1"}
}
