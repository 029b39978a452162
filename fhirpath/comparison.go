package fhirpath

import (
	"strings"

	"kiln/resources/datatypes"
)

// Comparison: http://hl7.org/fhirpath/N1/#comparison

// comparisons are the operators by what they make of an order.
var comparisons = map[string]func(order int) bool{
	"<":  func(order int) bool { return order < 0 },
	">":  func(order int) bool { return order > 0 },
	"<=": func(order int) bool { return order <= 0 },
	">=": func(order int) bool { return order >= 0 },
}

type comparisonNode struct {
	binaryNode
	op   string
	test func(order int) bool
}

func (n *comparisonNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	left, right, err := n.operands(e, f)
	if err != nil {
		return out, err
	}
	if len(left) == 0 || len(right) == 0 {
		e.release(left)
		e.release(right)
		return out, nil
	}
	if len(left) > 1 || len(right) > 1 {
		return out, e.fail(n.pos, "'%s' compares single items, found %d and %d.", n.op, len(left), len(right))
	}
	a, aok := left[0].system()
	b, bok := right[0].system()
	if !aok && left[0].isComplex() || !bok && right[0].isComplex() {
		return out, e.fail(n.pos, "'%s' cannot compare a %s with a %s.", n.op, left[0].TypeName(), right[0].TypeName())
	}
	e.release(left)
	e.release(right)
	if !aok || !bok {
		return out, nil
	}
	order, known, ok := compare(a, b)
	if !ok {
		return out, e.fail(n.pos, "'%s' cannot compare a %s with a %s.", n.op, a.TypeName(), b.TypeName())
	}
	if known {
		out = append(out, FromBoolean(n.test(order)))
	}
	return out, nil
}

// compare orders two System values. known is false where precision, zone or units leave it
// open; ordered is false for types that have no order among them.
func compare(a, b Value) (order int, known, ordered bool) {
	if x, ok := a.asDecimal(); ok {
		if y, ok := b.asDecimal(); ok {
			if a.kind != kindDecimal && b.kind != kindDecimal {
				return compareIntegers(a.number, b.number), true, true
			}
			return x.Cmp(y), true, true
		}
	}
	if p, q, ok := quantities(a, b); ok {
		order, known = p.compare(q)
		return order, known, true
	}
	switch {
	case a.kind == kindString && b.kind == kindString:
		return strings.Compare(a.text, b.text), true, true
	case a.isMoment() && b.isMoment():
		order, known = compareMoments(a.dateTime(), b.dateTime())
		return order, known, true
	case a.kind == kindTime && b.kind == kindTime:
		order, known = compareTimes(a.time(), b.time())
		return order, known, true
	}
	return 0, false, false
}

func compareIntegers(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (v Value) isMoment() bool { return v.kind == kindDate || v.kind == kindDateTime }

// compareMoments orders dates and times part by part; where one ends and all parts so far are
// the same, the order is not known. Seconds and their fraction are one part. Moments with
// offsets are compared in UTC. http://hl7.org/fhirpath/N1/#datetime-equality
func compareMoments(a, b *datatypes.DateTime) (order int, known bool) {
	timed := a.Precision > datatypes.Day && b.Precision > datatypes.Day
	if timed && a.Zoned != b.Zoned {
		return compareUnzoned(a, b)
	}
	x, y := *a, *b
	if timed && a.Zoned && a.Offset != b.Offset {
		x, y = inUTC(x), inUTC(y)
	}
	return compareParts(momentParts(&x), momentParts(&y), x.Precision, y.Precision)
}

// compareUnzoned orders a time with an offset and one without, which may be up to 14 hours
// either way.
func compareUnzoned(a, b *datatypes.DateTime) (order int, known bool) {
	const slack = 14 * 60
	if !a.Zoned {
		order, known = compareUnzoned(b, a)
		return -order, known
	}
	early, late := inUTC(*a), inUTC(*a)
	local := *b
	local.Zoned, local.Offset = true, slack
	first := inUTC(local)
	local.Offset = -slack
	last := inUTC(local)
	if o, k := compareParts(momentParts(&early), momentParts(&first), early.Precision, first.Precision); k && o < 0 {
		return -1, true
	}
	if o, k := compareParts(momentParts(&late), momentParts(&last), late.Precision, last.Precision); k && o > 0 {
		return 1, true
	}
	return 0, false
}

// inUTC moves t to UTC without changing its precision.
func inUTC(t datatypes.DateTime) datatypes.DateTime {
	m := t.Start(nil).UTC()
	u := datatypes.DateTimeOf(m, datatypes.Fraction, t.Digits)
	u.Precision = t.Precision
	return u
}

// parts of a moment in order; seconds carry their fraction.
type parts [6]int64

func momentParts(t *datatypes.DateTime) parts {
	return parts{int64(t.Year), int64(t.Month), int64(t.Day), int64(t.Hour), int64(t.Minute), seconds(t.Second, t.Nanosecond)}
}

func seconds(second, nanosecond int) int64 { return int64(second)*1_000_000_000 + int64(nanosecond) }

func compareParts(a, b parts, p, q datatypes.Precision) (order int, known bool) {
	p, q = min(p, datatypes.Second), min(q, datatypes.Second)
	for i := range a {
		if i > int(p) || i > int(q) {
			break
		}
		if order := compareIntegers(a[i], b[i]); order != 0 {
			return order, true
		}
	}
	return 0, p == q
}

func compareTimes(a, b *datatypes.Time) (order int, known bool) {
	x := parts{3: int64(a.Hour), 4: int64(a.Minute), 5: seconds(a.Second, a.Nanosecond)}
	y := parts{3: int64(b.Hour), 4: int64(b.Minute), 5: seconds(b.Second, b.Nanosecond)}
	return compareParts(x, y, a.Precision, b.Precision)
}
