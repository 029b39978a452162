package fhirpath

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources/datatypes"
)

// Conversion: http://hl7.org/fhirpath/N1/#conversion. A conversion that is not possible is
// empty.

var conversionFunctions = map[string]function{
	"iif":        {min: 2, max: 3, apply: iif},
	"toQuantity": {max: 1, apply: toQuantity}, "convertsToQuantity": {max: 1, apply: convertsToQuantity},
	"toBoolean": {apply: converted(asBoolean)}, "convertsToBoolean": {apply: converts(asBoolean)},
	"toInteger": {apply: converted(asWhole)}, "convertsToInteger": {apply: converts(asWhole)},
	"toLong": {apply: converted(asLong)}, "convertsToLong": {apply: converts(asLong)},
	"toDecimal": {apply: converted(asDecimalValue)}, "convertsToDecimal": {apply: converts(asDecimalValue)},
	"toString": {apply: converted(asString)}, "convertsToString": {apply: converts(asString)},
	"toDate": {apply: converted(asDate)}, "convertsToDate": {apply: converts(asDate)},
	"toDateTime": {apply: converted(asDateTime)}, "convertsToDateTime": {apply: converts(asDateTime)},
	"toTime": {apply: converted(asTime)}, "convertsToTime": {apply: converts(asTime)},
}

// iif evaluates only the branch that it takes, on the item that it is called on.
func iif(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	if len(in) > 1 {
		return out, n.fail(e, "is called on a single item, found %d.", len(in))
	}
	inner := e.enter(f)
	defer e.leave(inner)
	inner.this = in
	c, err := e.operand(n.args[0], inner)
	if err != nil {
		return out, err
	}
	ok, err := n.condition(e, c)
	e.release(c)
	switch {
	case err != nil:
		return out, err
	case ok:
		return n.args[1].eval(e, inner, out)
	case len(n.args) == 3:
		return n.args[2].eval(e, inner, out)
	}
	return out, nil
}

// conversion reads a System value as another type.
type conversion func(v Value) (Value, bool)

func converted(to conversion) apply {
	return func(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
		v, ok, err := n.primitive(e, in)
		if err != nil || !ok {
			return out, err
		}
		if v, ok = to(v); ok {
			out = append(out, v)
		}
		return out, nil
	}
}

func converts(to conversion) apply {
	return func(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
		v, ok, err := n.primitive(e, in)
		if err != nil || len(in) == 0 {
			return out, err
		}
		if ok {
			_, ok = to(v)
		}
		return append(out, FromBoolean(ok)), nil
	}
}

var booleanWords = map[string]bool{
	"true": true, "t": true, "yes": true, "y": true, "1": true, "1.0": true,
	"false": false, "f": false, "no": false, "n": false, "0": false, "0.0": false,
}

func asBoolean(v Value) (Value, bool) {
	switch v.kind {
	case kindBoolean:
		return v, true
	case kindString:
		b, ok := booleanWords[strings.ToLower(v.text)]
		return FromBoolean(b), ok
	}
	if d, ok := v.asDecimal(); ok {
		i, whole := asInteger(d)
		return FromBoolean(i == 1), whole && (i == 0 || i == 1)
	}
	return v, false
}

var integerForm = regexp.MustCompile(`^[+-]?\d+$`)

func asWhole(v Value) (Value, bool) {
	v, ok := asLong(v)
	return FromInteger(v.number), ok && v.number == int64(int32(v.number))
}

func asLong(v Value) (Value, bool) {
	switch v.kind {
	case kindInteger, kindLong, kindBoolean:
		return Value{kind: kindLong, number: v.number}, true
	case kindString:
		if !integerForm.MatchString(v.text) {
			return v, false
		}
		i, err := strconv.ParseInt(v.text, 10, 64)
		return Value{kind: kindLong, number: i}, err == nil
	}
	return v, false
}

var decimalForm = regexp.MustCompile(`^[+-]?\d+(\.\d+)?$`)

func asDecimalValue(v Value) (Value, bool) {
	switch v.kind {
	case kindBoolean:
		return FromDecimal(apd.New(v.number*10, -1)), true
	case kindString:
		if !decimalForm.MatchString(v.text) {
			return v, false
		}
		d, err := datatypes.ParseDecimal(strings.TrimPrefix(v.text, "+"))
		return FromDecimal(d), err == nil
	}
	d, ok := v.asDecimal()
	return FromDecimal(d), ok
}

func asString(v Value) (Value, bool) {
	if v.kind == kindType || v.kind == kindFactory {
		return v, false
	}
	return FromString(v.Text()), true
}

func asDate(v Value) (Value, bool) {
	switch v.kind {
	case kindDate:
		return v, true
	case kindDateTime:
		return FromDate(v.dateTime().Truncate(datatypes.Day)), true
	case kindString:
		if strings.HasSuffix(v.text, "T") {
			return v, false
		}
		t, err := datatypes.ParseDateTime(v.text)
		return FromDate(t.Truncate(datatypes.Day)), err == nil
	}
	return v, false
}

func asDateTime(v Value) (Value, bool) {
	switch v.kind {
	case kindDateTime:
		return v, true
	case kindDate:
		return FromDateTime(*v.dateTime()), true
	case kindString:
		t, err := datatypes.ParseDateTime(v.text)
		return FromDateTime(t), err == nil
	}
	return v, false
}

func asTime(v Value) (Value, bool) {
	switch v.kind {
	case kindTime:
		return v, true
	case kindString:
		t, err := datatypes.ParseTime(strings.TrimPrefix(v.text, "T"))
		return FromTime(t), err == nil
	}
	return v, false
}

// quantityForm is a number and an optional unit, quoted or a calendar duration.
var quantityForm = regexp.MustCompile(`^([+-]?\d+(?:\.\d+)?)\s*(?:'([^']+)'|([a-zA-Z]+))?$`)

func readQuantity(v Value) (*quantity, bool) {
	switch v.kind {
	case kindQuantity:
		return v.quantity(), !strings.Contains(v.quantity().unit, "|")
	case kindBoolean:
		return &quantity{value: apd.New(v.number*10, -1), unit: "1"}, true
	case kindString:
		m := quantityForm.FindStringSubmatch(v.text)
		if m == nil || m[3] != "" && !isCalendar(m[3]) {
			return nil, false
		}
		d, err := datatypes.ParseDecimal(strings.TrimPrefix(m[1], "+"))
		if err != nil {
			return nil, false
		}
		switch {
		case m[2] != "":
			return &quantity{value: d, unit: m[2]}, true
		case m[3] != "":
			return &quantity{value: d, unit: singular(m[3]), calendar: true}, true
		}
		return &quantity{value: d, unit: "1"}, true
	}
	return asQuantity(v)
}

// quantityOf is the input as a quantity in the unit of the argument, if one is given.
func (n *callNode) quantityOf(e *evaluation, f *frame, in Collection) (*quantity, bool, error) {
	v, ok, err := n.primitive(e, in)
	if err != nil || !ok {
		return nil, false, err
	}
	q, ok := readQuantity(v)
	if !ok {
		return nil, false, nil
	}
	unit, given, err := n.stringArg(e, f, 0)
	if err != nil || !given {
		return q, err == nil, err
	}
	if isOne(q) && unit != "1" { // a plain number gets the unit
		target, known := unitNamed(unit)
		target.value = q.value
		return target, known, nil
	}
	q, ok = q.inUnit(unit)
	return q, ok, nil
}

func toQuantity(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	q, ok, err := n.quantityOf(e, f, in)
	if ok {
		out = append(out, Value{kind: kindQuantity, boxed: q})
	}
	return out, err
}

func convertsToQuantity(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	_, ok, err := n.quantityOf(e, f, in)
	if err != nil || len(in) == 0 {
		return out, err
	}
	return append(out, FromBoolean(ok)), nil
}
