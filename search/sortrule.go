package search

import (
	"slices"
	"strings"

	"kiln/resources/outcome"
)

// sort reads "code,-code,reference:Type.code": https://hl7.org/fhir/R4/search.html#sort
func (x *parser) sort(_, value string) string {
	var keys []SortKey
	for rule := range strings.SplitSeq(value, ",") {
		path, descending := strings.CutPrefix(strings.TrimSpace(rule), "-")
		key := x.sortKey(path)
		key.Descending = descending
		keys = append(keys, key)
		if len(keys) > MaxSort {
			x.problem(outcome.TooCostly, "The parameter _sort has more than %d rules.", MaxSort)
		}
		if len(x.problems) > 0 {
			return value
		}
	}
	x.query.Sort = keys
	return value
}

// sortKey reads one rule: links to follow, with points between, and the parameter to sort by. R4 leaves
// sorting by what references lead to open; the path is that of a chain, whose end is of one type.
func (x *parser) sortKey(path string) (key SortKey) {
	steps := strings.Split(path, ".")
	if len(steps)-1 > MaxChain {
		x.problem(outcome.TooCostly, "The parameter _sort is wrong: %q follows more than %d references.", clip(path), MaxChain)
		return key
	}
	types := x.types
	for i, step := range steps[:len(steps)-1] {
		link, ok := x.sortLink(types, step, strings.Join(steps[i+1:], "."), path)
		if !ok {
			return key
		}
		key.Via = append(key.Via, link)
		types = []string{link.Type}
	}
	params := x.sortParams(types, steps[len(steps)-1])
	if len(params) == 0 || key.Via == nil {
		key.Params = params
		return key
	}
	key.Of = params[0]
	key.Params = []*Parameter{{Code: path, Type: key.Of.Type, Base: key.Of.Base}}
	return key
}

// sortLink reads "reference" or "reference:Type" of a path, which leads from each of some types to one, on
// which the rest is read; false with a problem noted.
func (x *parser) sortLink(from []string, step, rest, path string) (link SortLink, ok bool) {
	code, target, named := strings.Cut(step, ":")
	for _, typ := range from {
		p := x.Lookup(typ, code)
		switch {
		case p == nil:
			x.unknown(typ, code)
			return link, false
		case p.Type != TypeReference:
			x.problem(outcome.Invalid, "The parameter _sort is wrong: %q in %q is a %s parameter; only references can be followed.", code, clip(path), p.Type)
			return link, false
		case named && !x.isTarget(p, target) || !x.mayChain(p, target, rest):
			return link, false
		case !named && (p.RefersToAny() || len(p.Targets) != 1):
			x.problem(outcome.Invalid, "The parameter _sort is wrong: %q in %q may lead to several types; name one, as in %s:%s.%s.", code, clip(path), code, x.chainable(allTargets(p), rest)[0], clip(rest))
			return link, false
		case !named && link.Type != "" && link.Type != p.Targets[0]:
			x.problem(outcome.Invalid, "The parameter _sort is wrong: %q in %q leads to %s and to %s, which have no order together.", code, clip(path), link.Type, p.Targets[0])
			return link, false
		}
		if link.Type = target; !named {
			link.Type = p.Targets[0]
		}
		if !slices.Contains(link.Params, p) {
			link.Params = append(link.Params, p)
		}
	}
	return link, true
}

// sortParams are the parameters that types have by a code; none with a problem noted.
func (x *parser) sortParams(types []string, code string) []*Parameter {
	var params []*Parameter
	for _, typ := range types {
		p := x.Lookup(typ, code)
		switch {
		case strings.Contains(code, ":"):
			x.problem(outcome.Invalid, "The parameter _sort is wrong: %q has a modifier; expected the name of a parameter, as in _sort=-_lastUpdated, or references that lead to it, as in _sort=subject:Patient.family.", clip(code))
			return nil
		case code == listParameter:
			x.problem(outcome.Invalid, "The parameter _sort is wrong: %q is a special parameter, which has no order.", code)
			return nil
		case p == nil:
			x.unknown(typ, code)
			return nil
		case p.Type == TypeComposite || p.Type == TypeSpecial:
			x.problem(outcome.Invalid, "The parameter _sort is wrong: %q is a %s parameter, which has no order.", code, p.Type)
			return nil
		case len(params) > 0 && params[0].Type != p.Type:
			x.problem(outcome.Invalid, "The parameter _sort is wrong: %q is a %s of %s and a %s of %s, which have no order together.", code, params[0].Type, params[0].Base, p.Type, p.Base)
			return nil
		}
		x.outer = x.outer || p.custom != nil
		if !slices.Contains(params, p) {
			params = append(params, p)
		}
	}
	return params
}
