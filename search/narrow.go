package search

import (
	"slices"
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// What the definition of a custom parameter allows less than its type would. R4's own definitions list
// what is supported everywhere, and are not read so.
// https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.modifier

// modifierCodes are the codes of https://hl7.org/fhir/R4/valueset-search-modifier-code.html that go with
// a type, with the names that a query has for them.
func modifierCodes(t ParameterType) map[string]string {
	codes := map[string]string{"missing": "missing"}
	for name := range modifiers[t] {
		codes[name] = name
	}
	switch t {
	case TypeReference:
		codes["type"] = "type"
	case TypeToken:
		delete(codes, "of-type")
		codes["ofType"] = "of-type"
	}
	return codes
}

// offers reports whether the definition lets a modifier be used; one without a list lets all.
func (p *Parameter) offers(modifier string) bool {
	if p.custom == nil || len(p.Definition.Modifiers) == 0 {
		return true
	}
	if definitions.R4().Resource(modifier) != nil {
		modifier = "type"
	}
	names := modifierCodes(p.Type)
	return slices.ContainsFunc(p.Definition.Modifiers, func(code string) bool { return names[code] == modifier })
}

// mayAsk checks the prefixes, and how many values there are, against the definition; false with a
// problem noted. A value without a prefix always may be asked for.
func (x *parser) mayAsk(param *Parameter, criteria []Criterion) bool {
	if param.custom == nil {
		return true
	}
	if param.Definition.SingleOr && len(criteria) > 1 {
		x.problem(outcome.Invalid, "The definition of %q allows one value only, without commas.", param.Code)
		return false
	}
	if len(param.Definition.Comparators) == 0 {
		return true
	}
	for _, c := range criteria {
		if prefix := prefixOf(c); prefix != Eq && !slices.Contains(param.Definition.Comparators, string(prefix)) {
			x.problem(outcome.Invalid, "The definition of %q does not list the prefix %s; valid are %s.", param.Code, prefix, strings.Join(param.Definition.Comparators, ", "))
			return false
		}
	}
	return true
}

func prefixOf(c Criterion) Prefix {
	switch c := c.(type) {
	case DateCriterion:
		return c.Prefix
	case NumberCriterion:
		return c.Prefix
	case QuantityCriterion:
		return c.Prefix
	}
	return Eq
}

// mayChain checks the name that follows a reference, and the type between, against the definition;
// false with a problem noted.
func (x *parser) mayChain(param *Parameter, typ, rest string) bool {
	if param.custom == nil {
		return true
	}
	if typ != "" && !param.offers(typ) {
		x.problem(outcome.Invalid, "The definition of %q does not list the modifier :[type].", param.Code)
		return false
	}
	next, _, _ := strings.Cut(rest, ".")
	next, _, _ = strings.Cut(next, ":")
	if len(param.custom.Chains) > 0 && !slices.Contains(param.custom.Chains, next) {
		x.problem(outcome.Invalid, "The definition of %q does not list %q among the parameters that may be chained to it; valid are %s.", param.Code, clip(next), strings.Join(param.custom.Chains, ", "))
		return false
	}
	return true
}

// checkRepeat notes a parameter that is given again although its definition allows it once.
func (x *parser) checkRepeat(code string) {
	for _, typ := range x.types {
		param := x.Lookup(typ, code)
		if param == nil || param.custom == nil || !param.Definition.SingleAnd {
			continue
		}
		if x.given[code] {
			x.problem(outcome.Invalid, "The parameter %q is given twice; its definition allows it once.", code)
			return
		}
		x.given[code] = true
		return
	}
}

// notYet notes a parameter whose index is not whole.
func (x *parser) notYet(param *Parameter) {
	x.problem(outcome.NotSupported, "The search parameter %q is being indexed: %d %% of the resources are done. It can be used when all are.", param.Code, param.custom.Progress().Percent())
}
