package search

import (
	"slices"
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// filter reads one condition on resources of a type (any with ""):
//
//	code[:modifier]                  name:exact
//	code[:Type].filter               subject:Patient.name:exact
//	_has:Type:code:filter            _has:Observation:patient:code
//
// With a problem noted the result means nothing.
func (x *parser) filter(typ, name, value string, depth int) Expr {
	if depth > MaxChain {
		x.problem(outcome.TooCostly, "The parameter %q chains more than %d times.", clip(x.name), MaxChain)
		return Nothing{}
	}
	if name == "_filter" {
		return x.filterExpression(typ, value, depth)
	}
	if rest, ok := strings.CutPrefix(name, listParameter); ok && (rest == "" || strings.ContainsAny(rest[:1], ":.")) {
		return x.list(typ, rest, value)
	}
	if rest, ok := strings.CutPrefix(name, "_has:"); ok {
		return x.has(typ, rest, value, depth)
	}
	head, rest, chained := strings.Cut(name, ".")
	code, modifier, modified := strings.Cut(head, ":")
	param := x.Lookup(typ, code)
	if param == nil && x.options.Scans && depth == 0 && !chained {
		param = x.building(typ, code)
	}
	if param == nil {
		x.unknown(typ, code)
		return Nothing{}
	}
	x.outer = x.outer || param.custom != nil
	if modified && modifier == "" {
		x.problem(outcome.Invalid, "The parameter %q ends in a colon; %s", clip(x.name), validModifiers(param))
		return Nothing{}
	}
	if param.SearchesWords() {
		return x.words(param, name[len(code):], value)
	}
	if param.Type == TypeSpecial && !param.Nearby() {
		x.problem(outcome.Invalid, "The parameter %q takes neither a modifier nor a chain.", param.Code)
		return Nothing{}
	}
	if chained {
		return x.chain(param, modifier, rest, value, depth)
	}
	return x.test(param, modifier, value)
}

// unknown notes a parameter that the type does not have.
func (x *parser) unknown(typ, code string) {
	if param := x.building(typ, code); param != nil {
		x.notYet(param)
		return
	}
	of := typ
	if typ == "" {
		of = "all resource types"
	}
	valid := strings.Join(x.codes(typ), ", ") + "."
	if strings.HasPrefix(code, "_") {
		valid += " Of the answer: " + strings.Join(resultNames, ", ") + "."
	}
	x.problem(outcome.NotSupported, "%q is not a search parameter of %s%s. Valid are: %s", clip(code), of, x.inName(code), valid)
}

// inName tells where in a longer name the code stands.
func (x *parser) inName(code string) string {
	if x.name == code {
		return ""
	}
	return " (in " + clip(x.name) + ")"
}

// codes lists what is valid for a type, or when several are searched for all of them.
func (x *parser) codes(typ string) []string {
	var codes []string
	for _, p := range x.Of(typ) {
		shared := !slices.Contains(x.types, typ) || !slices.ContainsFunc(x.types, func(t string) bool { return x.Lookup(t, p.Code) == nil })
		if shared {
			codes = append(codes, p.Code)
		}
	}
	codes = append(codes, listParameter)
	if slices.Contains(x.types, typ) && len(x.commonQueries()) > 0 {
		codes = append(codes, queryParameter)
	}
	slices.Sort(codes)
	return codes
}

// chain reads what follows the point, for each type that the reference may lead to.
// https://hl7.org/fhir/R4/search.html#chaining
func (x *parser) chain(param *Parameter, modifier, rest, value string, depth int) Expr {
	if param.Type != TypeReference {
		x.problem(outcome.Invalid, "%q in %q is a %s parameter; only references can be chained.", param.Code, clip(x.name), param.Type)
		return Nothing{}
	}
	targets := x.targets(param, modifier)
	if targets == nil || !x.mayChain(param, modifier, rest) {
		return Nothing{}
	}
	c := Chain{Param: param}
	for _, typ := range x.chainable(targets, rest) {
		c.Branches = append(c.Branches, Branch{typ, x.filter(typ, rest, value, depth+1)})
		if len(x.problems) > 0 || x.tests > maxTests {
			return Nothing{}
		}
	}
	return c
}

// targets are the types that a reference may point to; nil with a problem.
func (x *parser) targets(param *Parameter, modifier string) []string {
	if modifier == "" {
		return allTargets(param)
	}
	if !x.isTarget(param, modifier) {
		return nil
	}
	return []string{modifier}
}

func allTargets(param *Parameter) []string {
	if param.RefersToAny() {
		return definitions.R4().ResourceNames()
	}
	return param.Targets
}

func (x *parser) isTarget(param *Parameter, typ string) bool {
	if definitions.R4().Resource(typ) == nil || !param.Refers(typ) {
		x.problem(outcome.Invalid, "The parameter %q cannot refer to %q; %s", param.Code, clip(typ), validTargets(param))
		return false
	}
	return true
}

func validTargets(param *Parameter) string {
	if param.RefersToAny() {
		return "expected a resource type of FHIR R4."
	}
	return "expected one of " + strings.Join(param.Targets, ", ") + "."
}

// chainable leaves the targets on which the rest of the name can be read; when there is none, the
// first of them, so that the problem is told of it.
func (x *parser) chainable(targets []string, rest string) []string {
	var able []string
	for _, t := range targets {
		if x.reads(t, rest, 0) {
			able = append(able, t)
		}
	}
	if able == nil {
		return targets[:1]
	}
	return able
}

// reads reports whether each parameter of a chain is there on some type that the chain leads to
// from typ. Answers are kept, since the same types come again at every point of the chain.
func (x *parser) reads(typ, name string, depth int) bool {
	key := NameValue{typ, name}
	if answer, known := x.readable[key]; known || depth > MaxChain {
		return answer
	}
	head, rest, chained := strings.Cut(name, ".")
	code, modifier, _ := strings.Cut(head, ":")
	param := x.Lookup(typ, code)
	answer := code == listParameter || param != nil
	if code == "_has" {
		answer, chained = x.refersBy(typ, name), false
	}
	if answer && chained && param != nil {
		targets := []string{modifier}
		if modifier == "" {
			targets = allTargets(param)
		}
		answer = param.Type == TypeReference && slices.ContainsFunc(targets, func(t string) bool { return x.reads(t, rest, depth+1) })
	}
	x.readable[key] = answer
	return answer
}

// refersBy reports whether the reference of "_has:Type:code:filter" may lead to a type.
func (x *parser) refersBy(typ, name string) bool {
	parts := strings.SplitN(name, ":", 4)
	if len(parts) < 4 {
		return false
	}
	param := x.Lookup(parts[1], parts[2])
	return param != nil && param.Refers(typ)
}

// has reads Type:code:filter. https://hl7.org/fhir/R4/search.html#has
func (x *parser) has(typ, rest, value string, depth int) Expr {
	parts := strings.SplitN(rest, ":", 3)
	if len(parts) != 3 || parts[2] == "" {
		x.problem(outcome.Invalid, "The parameter %q is incomplete; expected _has:Type:reference:parameter, as in _has:Observation:patient:code.", clip(x.name))
		return Nothing{}
	}
	source, code := parts[0], parts[1]
	if definitions.R4().Resource(source) == nil {
		x.problems = append(x.problems, unknownType(source))
		return Nothing{}
	}
	param := x.Lookup(source, code)
	if param == nil {
		x.unknown(source, code)
		return Nothing{}
	}
	if param.Type != TypeReference || typ != "" && !param.Refers(typ) {
		x.problem(outcome.Invalid, "%s:%s in %q does not refer to %s.", source, code, clip(x.name), orAny(typ))
		return Nothing{}
	}
	return Has{Type: source, Param: param, Filter: x.filter(source, parts[2], value, depth+1)}
}

func orAny(typ string) string {
	if typ == "" {
		return "resources"
	}
	return typ
}

// test reads the values of a parameter.
func (x *parser) test(param *Parameter, modifier, value string) Expr {
	x.tests++
	if modifier == "missing" && param.offers(modifier) {
		return x.missing(param, value)
	}
	r := &reader{Parameters: x.Parameters, param: param, typ: param.Type}
	if !x.modify(r, modifier) {
		return Nothing{}
	}
	t := Test{Param: param, Modifier: r.modifier}
	texts := splitEscaped(value, ',')
	if len(texts) > MaxOr {
		x.problem(outcome.TooCostly, "The parameter %q has more than %d values.", clip(x.name), MaxOr)
		return Nothing{}
	}
	if _, ok := setModifiers[modifier]; ok && param.Type == TypeToken {
		return x.codeSet(param, modifier, texts)
	}
	for _, text := range texts {
		c, bad := r.read(text)
		if bad != nil {
			x.problem(outcome.Value, "The %s parameter %q is wrong: %s.", param.Type, clip(x.name), bad.sentence)
			continue
		}
		t.Any = append(t.Any, c)
	}
	if !x.mayAsk(param, t.Any) {
		return Nothing{}
	}
	if r.modifier == Plain && len(param.implied) > 0 {
		t.Any = param.withImplied(t.Any)
	}
	switch {
	case modifier == "not":
		return Not{t}
	case param.Type == TypeReference && (r.modifier == Above || r.modifier == Below):
		return x.within(param, t)
	}
	return t
}

// missing reads true or false. https://hl7.org/fhir/R4/search.html#modifiers
func (x *parser) missing(param *Parameter, value string) Expr {
	if value != "true" && value != "false" {
		x.problem(outcome.Value, "The parameter %q is wrong: %q is neither true nor false.", clip(x.name), clip(value))
	}
	return Missing{Param: param, Present: value == "false"}
}
