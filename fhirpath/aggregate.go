package fhirpath

import "github.com/cockroachdb/apd/v3"

// Aggregates: http://hl7.org/fhirpath/N1/#aggregates; sum, min, max and avg are for trial use.

var aggregateFunctions = map[string]function{
	"aggregate": {min: 1, max: 2, apply: aggregate},
	"sum":       {apply: folded(sumOf)},
	"min":       {apply: folded(extreme(-1))},
	"max":       {apply: folded(extreme(1))},
	"avg":       {apply: average},
}

func aggregate(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	total := e.take()
	if len(n.args) == 2 {
		c, err := e.operand(n.args[1], f)
		if err != nil {
			return out, err
		}
		total = append(total, c...)
		e.release(c)
	}
	inner := e.enter(f)
	next := e.take()
	for i := range in {
		if err := e.step(1); err != nil {
			return out, err
		}
		inner.this, inner.index, inner.total, inner.vars = in[i:i+1], int64(i), total, f.vars
		var err error
		if next, err = n.args[0].eval(e, inner, next[:0]); err != nil {
			return out, err
		}
		if err := e.grown(next, 0); err != nil {
			return out, err
		}
		total, next = next, total
	}
	e.leave(inner)
	out = append(out, total...)
	e.release(total)
	e.release(next)
	return out, nil
}

// fold combines two values; none where they do not combine.
type fold func(e *evaluation, a, b Value) (result Value, defined bool, err error)

// folded combines the values of the input; empty if it is, or if one has no value.
func folded(combine fold) apply {
	return func(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
		result, err := n.fold(e, in, combine)
		if result.kind != kindNone {
			out = append(out, result)
		}
		return out, err
	}
}

func (n *callNode) fold(e *evaluation, in Collection, combine fold) (Value, error) {
	var total Value
	for i := range in {
		v, ok := in[i].system()
		if !ok {
			return Value{}, nil
		}
		if i == 0 {
			total = v
			continue
		}
		next, defined, err := combine(e, total, v)
		if err != nil {
			return Value{}, err
		}
		if !defined {
			return Value{}, n.fail(e, "is not defined for a %s and a %s.", total.TypeName(), v.TypeName())
		}
		if next.kind == kindNone {
			return Value{}, nil
		}
		total = next
	}
	return total, e.step(len(in))
}

func sumOf(e *evaluation, a, b Value) (Value, bool, error) { return plus(e, a, b) }

func extreme(sign int) fold {
	return func(e *evaluation, a, b Value) (Value, bool, error) {
		order, known, ordered := compare(a, b)
		switch {
		case !known:
			return Value{}, ordered, nil
		case order*sign < 0:
			return b, true, nil
		}
		return a, true, nil
	}
}

func average(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	total, err := n.fold(e, in, sumOf)
	if err != nil || total.kind == kindNone {
		return out, err
	}
	result, defined, err := divide(e, total, FromDecimal(apd.New(int64(len(in)), 0)))
	if err != nil {
		return out, err
	}
	if !defined {
		return out, n.fail(e, "is not defined for a %s.", total.TypeName())
	}
	if result.kind != kindNone {
		out = append(out, result)
	}
	return out, nil
}
