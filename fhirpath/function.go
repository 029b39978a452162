package fhirpath

import (
	"fmt"
	"maps"
	"regexp"
)

// function is a row of the function tables.
type function struct {
	min, max int // arguments
	ordered  bool
	// apply appends the result for the input collection to out.
	apply apply
	// prepare checks or completes a call when it is compiled; nil if there is nothing to do.
	prepare func(c *compiler, x *call, n *callNode) (node, error)
}

type apply func(e *evaluation, c *callNode, f *frame, in, out Collection) (Collection, error)

// arity says how many arguments a function takes, for error messages.
func (f function) arity() string {
	switch {
	case f.max == 0:
		return "no arguments"
	case f.min == f.max && f.min == 1:
		return "1 argument"
	case f.min == f.max:
		return fmt.Sprintf("%d arguments", f.min)
	}
	return fmt.Sprintf("%d to %d arguments", f.min, f.max)
}

// functions are all functions by name, put together from the tables of the files that hold them.
var functions map[string]function

func init() { // a variable's initialiser would be circular: the functions evaluate calls
	functions = make(map[string]function)
	for _, table := range []map[string]function{
		existenceFunctions, filterFunctions, subsetFunctions, combineFunctions, conversionFunctions, stringFunctions,
		mathFunctions, navigationFunctions, utilityFunctions, boundaryFunctions, partFunctions, aggregateFunctions, fhirFunctions,
	} {
		maps.Copy(functions, table)
	}
}

// callNode is source.name(args).
type callNode struct {
	pos    int
	name   string
	source node
	args   []node
	apply  apply
	regexp *regexp.Regexp // of a constant pattern
}

func (n *callNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	in, owned, err := e.source(n.source, f)
	if err != nil {
		return out, err
	}
	before := len(out)
	if out, err = n.apply(e, n, f, in, out); err != nil {
		return out, err
	}
	if owned {
		e.release(in)
	}
	return out, e.grown(out, before-1-len(in)/8)
}

// fail is an error of the call.
func (n *callNode) fail(e *evaluation, format string, args ...any) error {
	return e.fail(n.pos, n.name+"() "+format, args...)
}

// one is the single item of the input; none is no error, several are.
func (n *callNode) one(e *evaluation, in Collection) (v Value, ok bool, err error) {
	switch len(in) {
	case 0:
		return Value{}, false, nil
	case 1:
		return in[0], true, nil
	}
	return Value{}, false, n.fail(e, "is called on a single item, found %d.", len(in))
}

// primitive is one as a System value; ok is false for an item without one.
func (n *callNode) primitive(e *evaluation, in Collection) (v Value, ok bool, err error) {
	v, ok, err = n.one(e, in)
	if ok {
		v, ok = v.system()
	}
	return v, ok, err
}

// arg evaluates argument i to a single System value; ok is false where it was not given, is
// empty or has no value.
func (n *callNode) arg(e *evaluation, f *frame, i int) (v Value, ok bool, err error) {
	if i >= len(n.args) {
		return Value{}, false, nil
	}
	c, err := e.operand(n.args[i], f)
	if err != nil {
		return Value{}, false, err
	}
	if len(c) > 1 {
		return Value{}, false, n.fail(e, "takes a single item as argument %d, found %d.", i+1, len(c))
	}
	if len(c) == 1 {
		v, ok = c[0].system()
		if !ok && c[0].isComplex() {
			return Value{}, false, n.fail(e, "takes a plain value as argument %d, found a %s.", i+1, c[0].TypeName())
		}
	}
	e.release(c)
	return v, ok, nil
}

// isComplex reports whether v is an element with children instead of a value.
func (v Value) isComplex() bool {
	switch v.kind {
	case kindElement:
		return !v.element.Type().Primitive()
	case kindJSON:
		return v.object() == v.element.Node()
	}
	return false
}

// stringArg is arg for strings.
func (n *callNode) stringArg(e *evaluation, f *frame, i int) (string, bool, error) {
	v, ok, err := n.arg(e, f, i)
	if ok && v.kind != kindString {
		return "", false, n.fail(e, "takes a string as argument %d, found %s.", i+1, v.TypeName())
	}
	return v.text, ok, err
}

// integerArg is arg for whole numbers.
func (n *callNode) integerArg(e *evaluation, f *frame, i int) (int64, bool, error) {
	v, ok, err := n.arg(e, f, i)
	if ok && v.kind != kindInteger && v.kind != kindLong {
		return 0, false, n.fail(e, "takes an integer as argument %d, found %s.", i+1, v.TypeName())
	}
	return v.number, ok, err
}

// each evaluates an argument for every item of in, as $this with its $index, and hands the
// result to visit until that returns false. The result must not be kept.
func (n *callNode) each(e *evaluation, f *frame, arg node, in Collection, visit func(i int, c Collection) (bool, error)) error {
	inner := e.enter(f)
	result := e.take()
	more := true
	var err error
	for i := 0; i < len(in) && more; i++ {
		if err = e.step(1); err != nil {
			return err
		}
		inner.this, inner.index, inner.vars = in[i:i+1], int64(i), f.vars
		if result, err = arg.eval(e, inner, result[:0]); err != nil {
			return err
		}
		if more, err = visit(i, result); err != nil {
			return err
		}
	}
	e.release(result)
	e.leave(inner)
	return nil
}

// condition reads a criterion's result; several items are an error, none is not true.
func (n *callNode) condition(e *evaluation, c Collection) (bool, error) {
	if len(c) > 1 {
		return false, n.fail(e, "takes a condition, which is a single boolean; found %d items.", len(c))
	}
	value, ok := c.Truth()
	return value && ok, nil
}
