package search

import (
	"strings"

	"kiln/resources/outcome"
)

// listParameter goes with every type. R4 has no SearchParameter for it, so it is not among those
// compiled.
const listParameter = "_list"

// list reads "_list=id,List/id,$name": the resources that an entry of some of these Lists refers to, as
// _has:List:item:_id finds them, and what is on some of these functional lists. With a problem noted
// the result means nothing. https://hl7.org/fhir/R4/search.html#list
func (x *parser) list(typ, rest, value string) Expr {
	x.tests++
	if rest != "" {
		x.problem(outcome.Invalid, "The parameter %q is wrong: _list takes neither a modifier nor a chain.", clip(x.name))
		return Nothing{}
	}
	item := x.Lookup("List", "item")
	r := &reader{Parameters: x.Parameters, param: item, typ: TypeReference, target: "List"}
	t := Test{Param: x.id}
	texts := splitEscaped(value, ',')
	if len(texts) > MaxOr {
		x.problem(outcome.TooCostly, "The parameter %q has more than %d values.", clip(x.name), MaxOr)
		return Nothing{}
	}
	var lists Or
	for _, text := range texts {
		if strings.HasPrefix(text, "$") {
			lists = append(lists, x.functionalList(typ, text))
			continue
		}
		c, bad := r.read(text)
		ref, ok := c.(ReferenceCriterion)
		switch {
		case bad != nil:
			x.problem(outcome.Value, "The parameter %q is wrong: %s.", clip(x.name), bad.sentence)
		case !ok || ref.ID == "" || ref.Version != "":
			x.problem(outcome.Value, "The parameter %q is wrong: %q is not the id of a List of this server; expected id or List/id.", clip(x.name), clip(text))
		default:
			t.Any = append(t.Any, TokenCriterion{Code: ref.ID, AnySystem: true})
		}
	}
	if t.Any != nil {
		lists = append(lists, Has{Type: "List", Param: item, Filter: t})
	}
	if len(lists) == 1 {
		return lists[0]
	}
	return lists
}
