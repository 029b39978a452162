package search

import (
	"slices"
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// modifiers tell by the type of the parameter what may follow its name; ":missing" always may, and
// ":[type]" a reference. Plain is structure of the tree. https://hl7.org/fhir/R4/search.html#modifiers
var modifiers = [...]map[string]Modifier{
	TypeNumber: {},
	TypeDate:   {},
	TypeString: {"exact": Exact, "contains": Contains},
	TypeToken: {
		"text": Text, "not": Plain, "of-type": OfType, "in": Plain, "not-in": Plain, "below": Plain, "above": Plain,
	},
	TypeReference: {"identifier": Identifier, "above": Above, "below": Below},
	TypeComposite: {},
	TypeQuantity:  {},
	TypeURI:       {"above": Above, "below": Below},
	TypeSpecial:   {},
}

// modify sets the reader up for a modifier; false with a problem noted.
func (x *parser) modify(r *reader, modifier string) bool {
	if modifier == "" {
		return true
	}
	if !r.param.offers(modifier) {
		x.problem(outcome.Invalid, "The definition of %q does not list the modifier :%s; %s", r.param.Code, clip(modifier), validModifiers(r.param))
		return false
	}
	if m, ok := modifiers[r.typ][modifier]; ok && r.param.takes(m) {
		r.modifier = m
		return true
	}
	if r.typ == TypeReference && definitions.R4().Resource(modifier) != nil {
		r.target = modifier
		return x.isTarget(r.param, modifier)
	}
	if modifiers[r.typ][modifier] == OfType {
		x.problem(outcome.Invalid, "The modifier :of-type is for identifiers, which %q does not look at; %s", r.param.Code, validModifiers(r.param))
		return false
	}
	if _, ok := modifiers[r.typ][modifier]; ok {
		x.problem(outcome.Invalid, "The modifier :%s of a reference is for types whose resources are part of one another, and for canonical URLs; %q leads to neither; %s", modifier, r.param.Code, validModifiers(r.param))
		return false
	}
	x.problem(outcome.Invalid, "The modifier :%s is not one of %s parameters such as %q; %s", clip(modifier), r.typ, r.param.Code, validModifiers(r.param))
	return false
}

func validModifiers(p *Parameter) string {
	var names []string
	if p.offers("missing") {
		names = append(names, ":missing")
	}
	for name, m := range modifiers[p.Type] {
		if p.takes(m) && p.offers(name) {
			names = append(names, ":"+name)
		}
	}
	slices.Sort(names)
	if p.Type == TypeReference && p.offers("Patient") {
		names = append(names, "a resource type")
	}
	if len(names) == 0 {
		return "it takes no modifier."
	}
	return "valid are " + strings.Join(names, ", ") + "."
}
