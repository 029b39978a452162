package search

import (
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

func (x *parser) include(modifier, value string) string {
	if i, ok := x.readInclude(modifier, value); ok {
		x.query.Include = append(x.query.Include, i)
	}
	return value
}

func (x *parser) revInclude(modifier, value string) string {
	if i, ok := x.readInclude(modifier, value); ok {
		x.query.RevInclude = append(x.query.RevInclude, i)
	}
	return value
}

// readInclude reads "Source:code", "Source:code:Target", "Source:*" or "*".
// https://hl7.org/fhir/R4/search.html#include
func (x *parser) readInclude(modifier, value string) (i Include, ok bool) {
	if len(x.query.Include)+len(x.query.RevInclude) >= MaxIncludes {
		x.problem(outcome.TooCostly, "The query has more than %d includes.", MaxIncludes)
		return i, false
	}
	i.Iterate = modifier == "iterate"
	if value == "*" {
		i.Wildcard = true
		return i, true
	}
	parts := strings.Split(value, ":")
	if len(parts) < 2 || len(parts) > 3 {
		x.problem(outcome.Value, "The parameter %s is wrong: %q is none of Type:parameter, Type:parameter:TargetType, Type:* and *.", x.name, clip(value))
		return i, false
	}
	i.Source = parts[0]
	if definitions.R4().Resource(i.Source) == nil {
		x.problems = append(x.problems, unknownType(i.Source))
		return i, false
	}
	if len(parts) == 3 {
		i.Target = parts[2]
	}
	return x.includeParam(i, parts[1])
}

func (x *parser) includeParam(i Include, code string) (Include, bool) {
	if code == "*" {
		i.Wildcard = true
		if i.Target != "" && definitions.R4().Resource(i.Target) == nil {
			x.problems = append(x.problems, unknownType(i.Target))
		}
		return i, len(x.problems) == 0
	}
	i.Param = x.Lookup(i.Source, code)
	if param := x.building(i.Source, code); param != nil {
		x.notYet(param)
		return i, false
	}
	if i.Param == nil || i.Param.Type != TypeReference {
		x.problem(outcome.NotSupported, "The parameter %s is wrong: %q is not a reference parameter of %s. Valid are: %s.", x.name, clip(code), i.Source, strings.Join(x.references(i.Source), ", "))
		return i, false
	}
	if i.Target != "" && !x.isTarget(i.Param, i.Target) {
		return i, false
	}
	return i, true
}

// references lists the reference parameters of a type.
func (x *parser) references(typ string) []string {
	var codes []string
	for _, p := range x.Of(typ) {
		if p.Type == TypeReference {
			codes = append(codes, p.Code)
		}
	}
	return codes
}
