// Package fhirpath compiles and evaluates FHIRPath (N1, http://hl7.org/fhirpath/N1/) as FHIR R4
// uses it (https://hl7.org/fhir/R4/fhirpath.html), with the functions that later releases mark
// for trial use. An expression is compiled once and evaluated on the document without copying.
//
//	x, err := fhirpath.Compile("Patient.name.where(use = 'official').given")
//	names, err := x.Evaluate(ctx, patient, nil)
//	for _, name := range names {
//		fmt.Println(name.Text(), name.Path()) // Ada Patient.name[0].given[0]
//	}
//
// Source text goes through a lexer (lexer.go) and a parser (parser.go) to a syntax tree
// (syntax.go), from which compile.go makes the nodes that are evaluated. Functions are rows of
// the tables in the files named after the sections of the specification. Decimals are exact,
// dates keep their precision, and what cannot be known is empty, never guessed.
//
// Both expressions and documents may be hostile: nesting, steps, collection sizes and texts are
// bounded (see [Environment]), and no input makes the package panic.
package fhirpath

import (
	"context"
	"strings"

	"kiln/resources"
)

// Expression is a compiled FHIRPath expression, safe for concurrent use.
type Expression struct {
	source string
	syntax expr
	root   node
}

// Option changes how an expression is read.
type Option func(*options)

type options struct {
	asOfType bool
	strict   bool
	lasting  bool
}

// AsOfType reads `as` on lists as ofType: items of other types are left out, and more than one
// item is no error. R4's own search parameters and invariants were written so:
// "(Observation.component.value as Quantity)". A primitive of a derived type matches too, as N1
// has it: "(ConceptMap.source as uri)" finds a canonical. And a FHIR boolean is a Boolean, which
// the invariant que-7 relies on; otherwise the two are different types.
func AsOfType() Option { return func(o *options) { o.asOfType = true } }

// Strict refuses what can only be a mistake: an element that the type does not have, a path
// that begins with another type than the input's, an order asked of children() or descendants(),
// which have none. Without it the first two are empty, as the specification lets an evaluator do.
func Strict() Option { return func(o *options) { o.strict = true } }

// Lasting refuses what may give another result on the same input at another time: now(), today(),
// timeOfDay(), and memberOf(), which asks for value sets. It is for results that are kept.
func Lasting() Option { return func(o *options) { o.lasting = true } }

// Compile reads an expression. The error is an *outcome.Error (invalid, or too-costly for one
// that is too long or nests too deep) with the line and column in the expression.
func Compile(source string, opts ...Option) (*Expression, error) {
	var o options
	for _, set := range opts {
		set(&o)
	}
	syntax, err := parse(source)
	if err != nil {
		return nil, err
	}
	c := compiler{source: source, options: o}
	root, err := c.compile(syntax)
	if err != nil {
		return nil, err
	}
	return &Expression{source: source, syntax: syntax, root: root}, nil
}

// MustCompile is Compile for expressions of the program itself; it panics on an error.
func MustCompile(source string, opts ...Option) *Expression {
	x, err := Compile(source, opts...)
	if err != nil {
		panic("fhirpath: " + source + ": " + err.Error())
	}
	return x
}

// Source is the text that x was compiled from.
func (x *Expression) Source() string { return x.source }

// String is the expression in a canonical form that compiles to the same meaning.
func (x *Expression) String() string {
	var b strings.Builder
	x.syntax.write(&b, 0)
	return b.String()
}

// Evaluate evaluates x on one element; the zero element is the empty collection. env may be
// nil. The error is an *outcome.Error: processing when an operation is not defined for its
// operands, too-costly when a limit was reached or ctx ended. Elements that are not there are
// no error, they are empty. The result may be changed by the caller.
func (x *Expression) Evaluate(ctx context.Context, input resources.Element, env *Environment) (Collection, error) {
	e := begin(ctx, x, env)
	defer e.end()
	if input.IsZero() {
		return e.result(nil)
	}
	e.single[0] = FromElement(input)
	return e.result(e.single[:])
}

// Append is Evaluate into a buffer: the values are appended to out, so that a caller who
// evaluates many expressions need not allocate for each. On an error out is as it was.
func (x *Expression) Append(ctx context.Context, out Collection, input resources.Element, env *Environment) (Collection, error) {
	e := begin(ctx, x, env)
	defer e.end()
	var focus Collection
	if !input.IsZero() {
		e.single[0] = FromElement(input)
		focus = e.single[:]
	}
	result, err := e.run(focus, out)
	if err != nil {
		return out, err
	}
	return result, nil
}

// EvaluateCollection is Evaluate with any collection as input.
func (x *Expression) EvaluateCollection(ctx context.Context, input Collection, env *Environment) (Collection, error) {
	e := begin(ctx, x, env)
	defer e.end()
	return e.result(input)
}
