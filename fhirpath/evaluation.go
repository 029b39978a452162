package fhirpath

import (
	"context"
	"regexp"
	"slices"
	"sync"
	"time"

	"kiln/resources/outcome"
)

// node is a compiled part of an expression.
type node interface {
	// eval appends the node's value to out. f is where names begin and what $this, $index and
	// $total are.
	eval(e *evaluation, f *frame, out Collection) (Collection, error)
}

// frame is the context of a sub-expression. Functions such as where() open one for their items.
type frame struct {
	this  Collection
	index int64
	total Collection
	vars  *definedVariable
}

// definedVariable is a variable of defineVariable(), in a list from the innermost.
type definedVariable struct {
	name  string
	value Collection
	outer *definedVariable
}

// evaluation is the state of one Evaluate. Its buffers are reused by the next.
type evaluation struct {
	ctx   context.Context
	x     *Expression
	env   *Environment
	input Collection

	slice    int // steps until the next look at ctx
	steps    int // steps left after this slice
	maxItems int
	maxText  int

	moment  time.Time
	single  [1]Value
	root    frame
	frames  []*frame
	buffers []Collection
	regexps map[string]*regexp.Regexp
}

var evaluations = sync.Pool{New: func() any { return new(evaluation) }}

var noEnvironment = new(Environment)

// between is how many steps pass between two looks at the context.
const between = 1024

func begin(ctx context.Context, x *Expression, env *Environment) *evaluation {
	if env == nil {
		env = noEnvironment
	}
	e := evaluations.Get().(*evaluation)
	e.ctx, e.x, e.env = ctx, x, env
	e.slice, e.steps = 0, env.limit(env.MaxSteps, DefaultMaxSteps)
	e.maxItems = env.limit(env.MaxItems, DefaultMaxItems)
	e.maxText = env.limit(env.MaxText, DefaultMaxText)
	return e
}

func (e *evaluation) end() {
	e.ctx, e.x, e.env, e.input, e.regexps = nil, nil, nil, nil, nil
	e.single[0], e.root, e.moment = Value{}, frame{}, time.Time{}
	evaluations.Put(e)
}

// run appends the result for the input to out.
func (e *evaluation) run(input, out Collection) (Collection, error) {
	e.input = input
	e.root = frame{this: input}
	if err := e.step(1); err != nil {
		return nil, err
	}
	return e.x.root.eval(e, &e.root, out)
}

// result is the result in memory of its own, of its exact size.
func (e *evaluation) result(input Collection) (Collection, error) {
	buffer, err := e.run(input, e.take())
	if err != nil || len(buffer) == 0 {
		return nil, err
	}
	result := slices.Clone(buffer)
	e.release(buffer)
	return result, nil
}

// step charges for work; the error says that a limit was reached or that the context ended.
func (e *evaluation) step(n int) error {
	if e.slice -= n; e.slice >= 0 {
		return nil
	}
	return e.nextSlice()
}

func (e *evaluation) nextSlice() error {
	if err := e.ctx.Err(); err != nil {
		return outcome.New(outcome.TooCostly, "The expression was stopped because its time ran out or the request ended.").Because(err)
	}
	e.steps += e.slice // what was spent beyond the slice
	if e.steps < 0 {
		return outcome.New(outcome.TooCostly, "The expression takes more than %d steps on this input.", e.env.limit(e.env.MaxSteps, DefaultMaxSteps))
	}
	e.slice = min(between, e.steps)
	e.steps -= e.slice
	return nil
}

// grown checks the size of a collection that was appended to, and charges for the new items.
func (e *evaluation) grown(out Collection, before int) error {
	if len(out) > e.maxItems {
		return outcome.New(outcome.TooCostly, "The expression makes a collection of more than %d items.", e.maxItems)
	}
	return e.step(len(out) - before)
}

// produced checks the size of a text that was or will be made, and charges for it.
func (e *evaluation) produced(bytes int) error {
	if bytes > e.maxText {
		return outcome.New(outcome.TooCostly, "The expression makes a text of more than %d bytes.", e.maxText)
	}
	return e.step(bytes / 16) // so that all texts of an evaluation stay within 16 bytes a step
}

// fail is an error of evaluation at a place of the source.
func (e *evaluation) fail(at int, format string, args ...any) error {
	line, column := position(e.x.source, at)
	return outcome.New(outcome.Processing, format, args...).AtPosition(line, column)
}

// take is an empty buffer; release gives it back. A buffer must not be used after that.
func (e *evaluation) take() Collection {
	if n := len(e.buffers); n > 0 {
		b := e.buffers[n-1]
		e.buffers = e.buffers[:n-1]
		return b
	}
	return make(Collection, 0, 8)
}

// keptBuffer bounds the memory that a pooled evaluation holds on to.
const keptBuffer = 1024

func (e *evaluation) release(c Collection) {
	if c == nil || cap(c) > keptBuffer || len(e.buffers) >= 32 {
		return
	}
	clear(c)
	e.buffers = append(e.buffers, c[:0])
}

// enter opens a frame inside f.
func (e *evaluation) enter(f *frame) *frame {
	var inner *frame
	if n := len(e.frames); n > 0 {
		inner = e.frames[n-1]
		e.frames = e.frames[:n-1]
	} else {
		inner = new(frame)
	}
	*inner = frame{index: f.index, total: f.total, vars: f.vars}
	return inner
}

func (e *evaluation) leave(f *frame) {
	*f = frame{}
	e.frames = append(e.frames, f)
}

// operand evaluates n into a buffer that the caller releases. Variables defined inside are not
// seen outside.
func (e *evaluation) operand(n node, f *frame) (Collection, error) {
	vars := f.vars
	c, err := n.eval(e, f, e.take())
	f.vars = vars
	return c, err
}

// source evaluates what a function is invoked on: n, or the context where there is none.
// owned tells whether the caller releases it.
func (e *evaluation) source(n node, f *frame) (c Collection, owned bool, err error) {
	if n == nil {
		return f.this, false, nil
	}
	c, err = n.eval(e, f, e.take())
	return c, true, err
}

// now is the time of the evaluation in the zone of the environment.
func (e *evaluation) now() time.Time {
	if e.moment.IsZero() {
		e.moment = e.env.Now
		if e.moment.IsZero() {
			e.moment = time.Now()
		}
		if e.env.Zone != nil {
			e.moment = e.moment.In(e.env.Zone)
		} else {
			e.moment = e.moment.UTC()
		}
	}
	return e.moment
}
