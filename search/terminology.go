package search

import (
	"errors"

	"kiln/resources/outcome"
)

// Terminology tells which codes :in, :not-in, :below and :above stand for. An *outcome.Error, such
// as for a value set that is not known, is told of the parameter; any other ends the parsing. A list
// that would be longer than the limit is an error too. Lists are not changed.
type Terminology interface {
	// In lists the codes of a value set, named by canonical URL or by the address of a ValueSet.
	In(valueSet string, limit int) ([]Code, error)
	// Below lists a code and all that it subsumes, Above a code and all that subsume it.
	Below(system, code string, limit int) ([]Code, error)
	Above(system, code string, limit int) ([]Code, error)
}

// Code is a code of a system.
type Code struct{ System, Code string }

// setModifiers are those whose value stands for a set of codes. What they list is compared as a
// token is: as written, case included. https://hl7.org/fhir/R4/search.html#token
var setModifiers = map[string]func(Terminology, string) ([]Code, error){
	"in":     codesIn,
	"not-in": codesIn,
	"below": func(t Terminology, text string) ([]Code, error) {
		return related(text, t.Below)
	},
	"above": func(t Terminology, text string) ([]Code, error) {
		return related(text, t.Above)
	},
}

func codesIn(t Terminology, text string) ([]Code, error) {
	valueSet, bad := unescape(text)
	if bad != nil {
		return nil, bad.err()
	}
	return t.In(valueSet, MaxOr)
}

func related(text string, list func(system, code string, limit int) ([]Code, error)) ([]Code, error) {
	c, bad := readToken(&reader{typ: TypeToken}, text)
	if bad != nil {
		return nil, bad.err()
	}
	token := c.(TokenCriterion)
	if token.AnySystem || token.AnyCode || token.System == "" {
		return nil, refuse("%q does not name a code with its system; expected system|code", clip(text)).err()
	}
	return list(token.System, token.Code, MaxOr)
}

func (r *refusal) err() error { return outcome.New(outcome.Value, "%s.", r.sentence) }

// codeSet is a Test of a set of codes: it matches when some value of the resource is in it, and with
// :not-in when none is, so those without values too, as with :not.
func (x *parser) codeSet(param *Parameter, modifier string, texts []string) Expr {
	if x.options.Terminology == nil {
		x.problem(outcome.NotSupported, "The modifier :%s of %q needs value sets and code systems, and there are none here.", modifier, clip(x.name))
		return Nothing{}
	}
	t := Test{Param: param}
	for _, text := range texts {
		codes, ok := x.codesOf(modifier, text)
		if !ok {
			return Nothing{}
		}
		for _, c := range codes {
			t.Any = append(t.Any, TokenCriterion{System: c.System, Code: c.Code})
		}
	}
	if len(param.implied) > 0 {
		t.Any = param.withImplied(t.Any)
	}
	if x.expanded += len(t.Any); len(t.Any) > MaxOr || x.expanded > maxCodes {
		x.problem(outcome.TooCostly, "The parameter %q stands for more than %d codes, or the query for more than %d.", clip(x.name), MaxOr, maxCodes)
		return Nothing{}
	}
	t.tokens = tokenSet(t.Any)
	if modifier == "not-in" {
		return Not{t}
	}
	return t
}

// codesOf resolves a value once, however often the types that are searched bring it up.
func (x *parser) codesOf(modifier, text string) ([]Code, bool) {
	key := NameValue{modifier, text}
	if codes, known := x.resolved[key]; known {
		return codes, true
	}
	if text == "" {
		x.problem(outcome.Value, "The token parameter %q is wrong: a value is empty.", clip(x.name))
		return nil, false
	}
	codes, err := setModifiers[modifier](x.options.Terminology, text)
	var refused *outcome.Error
	switch {
	case errors.As(err, &refused):
		x.problem(refused.Code(), "The token parameter %q is wrong: %s", clip(x.name), refused.Issues[0].Diagnostics)
		return nil, false
	case err != nil:
		x.fault = err
		x.problem(outcome.Exception, "The codes of %q could not be read.", clip(x.name))
		return nil, false
	}
	x.resolved[key] = codes
	return codes, true
}

// tokenSet finds among many criteria the ones that a value can meet. It answers for criteria with
// system and code alone, all that codeSet makes.
func tokenSet(criteria []Criterion) map[Code]struct{} {
	set := make(map[Code]struct{}, len(criteria))
	for _, c := range criteria {
		token := c.(TokenCriterion)
		set[Code{token.System, token.Code}] = struct{}{}
	}
	return set
}
