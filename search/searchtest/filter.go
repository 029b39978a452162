package searchtest

import (
	"strings"

	"kiln/resources"
	"kiln/search"
)

// filterOperators are the operators of filter expressions that go with a type of parameter; "pr" goes
// with all. https://hl7.org/fhir/R4/search_filter.html#ops
var filterOperators = map[search.ParameterType][]string{
	search.TypeNumber:    {"eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr"},
	search.TypeDate:      {"eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb", "co", "po", "pr"},
	search.TypeString:    {"eq", "ne", "gt", "lt", "ge", "le", "co", "sw", "ew", "pr"},
	search.TypeToken:     {"eq", "eq", "ne", "in", "ni", "ss", "sb", "pr"},
	search.TypeReference: {"eq", "ne", "re", "pr"},
	search.TypeComposite: {"eq", "ne", "pr"},
	search.TypeQuantity:  {"eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr"},
	search.TypeURI:       {"eq", "ne", "pr"},
}

// setOperators are the modifiers that the operators on sets of codes stand for.
var setOperators = map[string]string{"in": "in", "ni": "in", "ss": "below", "sb": "above"}

// expression is a value of _filter.
func (g generator) expression(typ string, depth int) string {
	if depth < 3 {
		switch g.r.IntN(6) {
		case 0:
			return "not (" + g.expression(typ, depth+1) + ")"
		case 1:
			return "(" + g.expression(typ, depth+1) + ") " + pick(g.r, []string{"and", "or"}) + " " + g.expression(typ, depth+1)
		case 2:
			return g.expression(typ, depth+1) + "  " + pick(g.r, []string{"and", "or"}) + " " + g.comparison(typ, depth+1)
		}
	}
	return g.comparison(typ, depth)
}

func (g generator) comparison(typ string, depth int) string {
	p := g.parameter(typ)
	for p.Type == search.TypeSpecial { // near cannot stand in an expression
		p = g.parameter(typ)
	}
	if depth < 3 && p.Type == search.TypeReference && g.r.IntN(2) == 0 {
		return g.path(p, depth)
	}
	if depth < 3 && typ != "" && g.r.IntN(8) == 0 {
		if source, param, ok := g.referrer(typ); ok {
			return "_has:" + source + ":" + param.Code + ":" + g.comparison(source, depth+1)
		}
	}
	operator := pick(g.r, filterOperators[p.Type])
	return p.Code + " " + operator + " " + g.operand(p, operator)
}

// path follows a reference, at times to what brackets ask for.
func (g generator) path(p *search.Parameter, depth int) string {
	typ := pick(g.r, targets(p))
	inside := ""
	if g.r.IntN(3) == 0 {
		inside = "[" + g.expression(typ, depth+1) + "]"
	}
	return p.Code + ":" + typ + inside + "." + g.comparison(typ, depth+1)
}

// operand is a value for an operator, as a JSON string where it may need to be.
func (g generator) operand(p *search.Parameter, operator string) string {
	if operator == "pr" {
		return pick(g.r, []string{"true", "false"})
	}
	v := g.sample(p)
	if modifier, ok := setOperators[operator]; ok {
		return quote(g.setText(modifier, v))
	}
	switch p.Type {
	case search.TypeString:
		return quote(unescape.Replace(g.stringText(v)))
	case search.TypeDate:
		return g.dateText(v)
	case search.TypeNumber:
		n, _ := v.(search.NumberValue)
		return g.numberText(n)
	case search.TypeQuantity:
		return quote(strings.TrimLeft(g.quantityText(v), "abcdefghijklmnopqrstuvwxyz"))
	case search.TypeComposite:
		return quote(g.compositeText(p, v))
	}
	return quote(g.text(p.Type, "", v))
}

var unescape = strings.NewReplacer(`\\`, `\`, `\,`, ",", `\$`, "$", `\|`, "|")

func quote(s string) string { return string(resources.Quote(s)) }
