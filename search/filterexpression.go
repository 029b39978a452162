package search

import (
	"fmt"
	"slices"
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// filterExpression lowers the value of _filter to conditions on resources of a type (any with ""): the
// same tree that other parameters give. With a problem noted the result means nothing.
// https://hl7.org/fhir/R4/search_filter.html
func (x *parser) filterExpression(typ, text string, depth int) Expr {
	if depth > 0 {
		x.problem(outcome.Invalid, "The parameter %q ends in _filter, which cannot be chained; follow references inside of it, as in _filter=subject.name co \"pet\".", clip(x.name))
		return Nothing{}
	}
	n, bad := readFilter(text)
	if bad != nil {
		x.problem(outcome.Value, "The parameter _filter is wrong at character %d: %s.", character(text, bad.at), bad.sentence)
		return Nothing{}
	}
	f := &filterLowering{parser: x, text: text, able: map[filterPlace]bool{}}
	return f.lower(typ, n, 0)
}

// filterLowering turns one expression into a filter.
type filterLowering struct {
	*parser
	text string
	able map[filterPlace]bool // answers of reads
}

// filterPlace is a node, or what follows a step of a test, on a type.
type filterPlace struct {
	typ  string
	node filterNode
	step int
}

func (f *filterLowering) wrong(at int, format string, args ...any) Expr {
	f.problem(outcome.Value, "The parameter _filter is wrong at character %d: "+format, append([]any{character(f.text, at)}, args...)...)
	return Nothing{}
}

func (f *filterLowering) lower(typ string, n filterNode, depth int) Expr {
	switch n := n.(type) {
	case *filterLogic:
		parts := make([]Expr, 0, len(n.parts))
		for _, part := range n.parts {
			parts = append(parts, f.lower(typ, part, depth))
		}
		if n.any {
			return Or(parts)
		}
		return And(parts)
	case *filterNot:
		return Not{f.lower(typ, n.of, depth)}
	case *filterTest:
		return f.comparison(typ, n, depth)
	}
	return Nothing{}
}

// comparison is a test on the whole set of values that its path leads to: "pr false" and "ni" say that
// none of them is there.
func (f *filterLowering) comparison(typ string, t *filterTest, depth int) Expr {
	if t.operator == "pr" && t.value != "true" && t.value != "false" {
		return f.wrong(t.valueAt, "%q is neither true nor false.", clip(t.value))
	}
	found := f.follow(typ, t, 0, depth)
	if t.operator == "ni" || t.operator == "pr" && t.value == "false" {
		return Not{found}
	}
	return found
}

// follow goes one step of a path.
func (f *filterLowering) follow(typ string, t *filterTest, i, depth int) Expr {
	step := t.path[i]
	if step.has {
		return f.has(typ, t, i, depth)
	}
	param := f.Lookup(typ, step.code)
	if f.tests++; param == nil || f.tests > maxTests {
		return f.stranger(typ, step)
	}
	if i == len(t.path)-1 {
		return f.leaf(param, t)
	}
	if depth >= MaxChain {
		return f.wrong(step.at, "references are followed more than %d times.", MaxChain)
	}
	if param.Type != TypeReference {
		return f.wrong(step.at, "%q is a %s parameter; only references can be followed.", param.Code, param.Type)
	}
	targets := []string{step.target}
	switch {
	case step.target == "":
		targets = allTargets(param)
	case definitions.R4().Resource(step.target) == nil || !param.Refers(step.target):
		return f.wrong(step.at, "%q cannot refer to %q; %s", param.Code, clip(step.target), validTargets(param))
	}
	if !f.mayChain(param, step.target, t.path[i+1].code) {
		return Nothing{}
	}
	c := Chain{Param: param}
	for _, target := range f.readable(targets, t, i) {
		c.Branches = append(c.Branches, Branch{target, f.beyond(target, t, i, depth+1)})
		if len(f.problems) > 0 || f.tests > maxTests {
			return Nothing{}
		}
	}
	return c
}

// beyond is what is asked of the resource that a step leads to: the filter in brackets, and the rest of
// the path.
func (f *filterLowering) beyond(typ string, t *filterTest, i, depth int) Expr {
	rest := f.follow(typ, t, i+1, depth)
	if inside := t.path[i].inside; inside != nil {
		return And{f.lower(typ, inside, depth), rest}
	}
	return rest
}

// stranger notes a name that the type does not have.
func (f *filterLowering) stranger(typ string, step filterStep) Expr {
	if step.code == listParameter {
		return f.wrong(step.at, "%q cannot stand inside of _filter.", step.code)
	}
	if before := len(f.problems); f.Lookup(typ, step.code) == nil {
		f.unknown(typ, step.code)
		if len(f.problems) > before {
			f.problems[len(f.problems)-1].Diagnostics += fmt.Sprintf(" It stands at character %d of _filter.", character(f.text, step.at))
		}
	}
	return Nothing{}
}

// has is a step to what refers here. https://hl7.org/fhir/R4/search.html#has
func (f *filterLowering) has(typ string, t *filterTest, i, depth int) Expr {
	step := t.path[i]
	if definitions.R4().Resource(step.target) == nil {
		return f.wrong(step.at, "%q is not a resource type of FHIR R4.", clip(step.target))
	}
	param := f.Lookup(step.target, step.code)
	if param == nil {
		return f.stranger(step.target, step)
	}
	if param.Type != TypeReference {
		return f.wrong(step.at, "%s:%s is not a reference.", step.target, step.code)
	}
	if typ != "" && !param.Refers(typ) {
		return f.wrong(step.at, "%s:%s does not refer to %s.", step.target, step.code, typ)
	}
	if depth >= MaxChain {
		return f.wrong(step.at, "references are followed more than %d times.", MaxChain)
	}
	return Has{Type: step.target, Param: param, Filter: f.follow(step.target, t, i+1, depth+1)}
}

// readable leaves the targets that have all names asked of them; when there is none, the first, so that
// the problem is told of it.
func (f *filterLowering) readable(targets []string, t *filterTest, i int) []string {
	var able []string
	for _, target := range targets {
		if f.reads(target, t, i+1) && f.reads(target, t.path[i].inside, 0) {
			able = append(able, target)
		}
	}
	if able == nil {
		return targets[:1]
	}
	return able
}

// reads reports whether a type has the names that a node, or the rest of its path, asks of it.
func (f *filterLowering) reads(typ string, n filterNode, step int) bool {
	if n == nil {
		return true
	}
	place := filterPlace{typ, n, step}
	answer, known := f.able[place]
	if known {
		return answer
	}
	switch n := n.(type) {
	case *filterLogic:
		answer = !slices.ContainsFunc(n.parts, func(part filterNode) bool { return !f.reads(typ, part, 0) })
	case *filterNot:
		answer = f.reads(typ, n.of, 0)
	case *filterTest:
		answer = f.readsPath(typ, n, step)
	}
	f.able[place] = answer
	return answer
}

func (f *filterLowering) readsPath(typ string, t *filterTest, i int) bool {
	step := t.path[i]
	if step.has {
		param := f.Lookup(step.target, step.code)
		return param != nil && param.Refers(typ)
	}
	param := f.Lookup(typ, step.code)
	if param == nil || i == len(t.path)-1 {
		return param != nil
	}
	targets := []string{step.target}
	if step.target == "" {
		targets = allTargets(param)
	}
	return param.Type == TypeReference && slices.ContainsFunc(targets, func(target string) bool {
		return f.reads(target, t, i+1) && f.reads(target, step.inside, 0)
	})
}

// leaf compares the values of a parameter.
func (f *filterLowering) leaf(param *Parameter, t *filterTest) Expr {
	if step := t.path[len(t.path)-1]; step.target != "" {
		return f.wrong(step.at, "%q leads nowhere after its type; expected a point and a name.", step.code+":"+step.target)
	}
	if param.Type == TypeSpecial {
		return f.wrong(t.at, "%q cannot stand inside of _filter.", param.Code)
	}
	if t.operator == "pr" {
		return Missing{Param: param, Present: true}
	}
	how, ok := filterOperators[t.operator][param.Type]
	if !ok {
		return f.wrong(t.at, "the operator %s does not go with %s parameters such as %q; valid are %s.", t.operator, param.Type, param.Code, operatorsOf(param.Type))
	}
	text := t.value
	switch param.Type {
	case TypeString:
		text = strings.ReplaceAll(text, `\`, `\\`)
	case TypeComposite:
		types := make([]ParameterType, len(param.Components))
		for i, c := range param.Components {
			types[i] = c.Type
		}
		text = inFull(types, text)
	case TypeToken, TypeQuantity:
		text = inFull([]ParameterType{param.Type}, text)
	}
	if how.named != "" {
		return f.test(param, how.named, strings.Join(splitEscaped(text, ','), `\,`))
	}
	return f.compare(param, how, t, text)
}

// ofQueries is the prefix that a value is read with.
func (p Prefix) ofQueries() Prefix {
	if p == Co || p == Po {
		return Eq
	}
	return p
}

// compare reads the value for each way of comparing; any of them may hold.
func (f *filterLowering) compare(param *Parameter, how filterComparison, t *filterTest, text string) Expr {
	if how.prefix != "" {
		if own, rest := cutPrefix(text); rest != text {
			return f.wrong(t.valueAt, "%q begins with the prefix %s; the operator alone says how to compare.", clip(text), own)
		}
		if _, bad := (&reader{Parameters: f.Parameters, param: param, typ: param.Type}).read(text); bad != nil {
			return f.wrong(t.valueAt, "%s.", bad.sentence)
		}
		text = string(how.prefix.ofQueries()) + text
		how.modifiers = []Modifier{Plain}
	}
	var tests Or
	for _, modifier := range how.modifiers {
		r := &reader{Parameters: f.Parameters, param: param, typ: param.Type, modifier: modifier}
		c, bad := r.read(text)
		if bad != nil {
			return f.wrong(t.valueAt, "%s.", bad.sentence)
		}
		if date, ok := c.(DateCriterion); ok {
			date.Prefix = how.prefix
			c = date
		}
		test := Test{Param: param, Modifier: modifier, Any: []Criterion{c}}
		if len(param.implied) > 0 {
			test.Any = param.withImplied(test.Any)
		}
		tests = append(tests, test)
	}
	if len(tests) == 1 {
		return tests[0]
	}
	return tests
}
