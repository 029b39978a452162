package search

import (
	"slices"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
)

// Match reports whether v meets c. Codes and systems are compared as written, case included; a
// value that has only a text meets none but :text, which finds the words of display or text that
// start with it, folded. An engine lowers the plain forms to equality on code, on system and code,
// or on system. https://hl7.org/fhir/R4/search.html#token
func (c TokenCriterion) Match(m Modifier, v TokenValue) bool {
	switch m {
	case Text:
		return startsWord(v.Text, c.Code)
	case OfType:
		return c.ofType(v)
	}
	return v.present() && (c.AnySystem || c.System == v.System) && (c.AnyCode || c.Code == v.Code)
}

// present reports whether the token has more than a text.
func (v TokenValue) present() bool { return v.Code != "" || v.System != "" }

// startsWord reports whether prefix begins text or one of its words; both are folded.
func startsWord(text, prefix string) bool {
	for text != "" {
		if strings.HasPrefix(text, prefix) {
			return true
		}
		_, text, _ = strings.Cut(text, " ")
	}
	return false
}

func compareTokens(a, b TokenValue) int {
	if c := strings.Compare(a.Code, b.Code); c != 0 {
		return c
	}
	return strings.Compare(a.System, b.System)
}

var tokenConverters = map[string]func(*extraction, resources.Element){
	"boolean":         (*extraction).plainToken,
	"code":            (*extraction).plainToken,
	"string":          (*extraction).plainToken,
	"id":              (*extraction).plainToken,
	"uri":             (*extraction).plainToken,
	"url":             (*extraction).plainToken,
	"canonical":       (*extraction).plainToken,
	"oid":             (*extraction).plainToken,
	"uuid":            (*extraction).plainToken,
	"Coding":          (*extraction).coding,
	"CodeableConcept": (*extraction).codeableConcept,
	"Identifier":      (*extraction).identifier,
	"ContactPoint":    (*extraction).contactPoint,
}

func (x *extraction) plainToken(e resources.Element) { x.token(TokenValue{Code: e.Text()}) }

func (x *extraction) contactPoint(e resources.Element) {
	x.token(TokenValue{Code: e.First("value").Text()})
}

func (x *extraction) coding(e resources.Element) {
	x.token(TokenValue{System: e.First("system").Text(), Code: e.First("code").Text(), Text: Fold(e.First("display").Text())})
}

func (x *extraction) codeableConcept(e resources.Element) {
	for coding := range e.Child("coding") {
		x.coding(coding)
	}
	x.token(TokenValue{Text: Fold(e.First("text").Text())})
}

func (x *extraction) identifier(e resources.Element) { identifierTokens(e, x.token) }

// token adds what is not empty.
func (x *extraction) token(v TokenValue) {
	if v.present() || v.Text != "" {
		x.add(v)
	}
}

// identifierTokens gives an identifier as a token, once for each coding of its type.
func identifierTokens(e resources.Element, add func(TokenValue)) {
	v := TokenValue{System: e.First("system").Text(), Code: e.First("value").Text()}
	typ := e.First("type")
	v.Text = Fold(typ.First("text").Text())
	typed := false
	for coding := range typ.Child("coding") {
		v.TypeSystem, v.TypeCode = coding.First("system").Text(), coding.First("code").Text()
		add(v)
		typed = true
	}
	if !typed {
		add(v)
	}
}

// readToken reads "code", "system|code", "|code" or "system|"; with :text, a text.
func readToken(r *reader, text string) (Criterion, *refusal) {
	switch r.modifier {
	case Text:
		return readTokenText(text)
	case OfType:
		return readOfType(text)
	}
	parts := splitEscaped(text, '|')
	if len(parts) > 2 {
		return nil, refuse("%q has more than one |; expected code, system|code, |code or system|, and a | that belongs to the code written \\|", clip(text))
	}
	for i := range parts {
		var bad *refusal
		if parts[i], bad = unescape(parts[i]); bad != nil {
			return nil, bad
		}
	}
	if len(parts) == 1 {
		return TokenCriterion{Code: parts[0], AnySystem: true}, nil
	}
	if parts[0] == "" && parts[1] == "" {
		return nil, refuse("\"|\" is no token; expected code, system|code, |code or system|")
	}
	return TokenCriterion{System: parts[0], Code: parts[1], AnyCode: parts[1] == ""}, nil
}

func readTokenText(text string) (Criterion, *refusal) {
	text, bad := unescape(text)
	if bad != nil {
		return nil, bad
	}
	folded := Fold(text)
	if folded == "" {
		return nil, refuse("%q has no letter or digit to look for", clip(text))
	}
	return TokenCriterion{Code: folded, AnySystem: true}, nil
}

// impliedSystem is a system that a plain code or boolean has without saying so, by its binding.
// https://hl7.org/fhir/R4/search.html#token
type impliedSystem struct {
	valueSet *definitions.ValueSet // nil for a boolean
}

const specialValues = "http://terminology.hl7.org/CodeSystem/special-values"

// impliedSystems finds the elements of type code or boolean that the selectors lead to.
func impliedSystems(resource *definitions.Type, selectors []*selector) []impliedSystem {
	var list []impliedSystem
	for _, s := range selectors {
		for _, ref := range s.content(resource) {
			switch ref.content.Name {
			case "boolean":
				list = append(list, impliedSystem{})
			case "code":
				if vs := definitions.R4().ValueSet(ref.binding.ValueSet); vs != nil && ref.binding.Strength == "required" {
					list = append(list, impliedSystem{vs})
				}
			}
		}
	}
	return list
}

// holds reports whether the criterion names a code of the element with the system that it has.
func (i impliedSystem) holds(c TokenCriterion) bool {
	switch {
	case i.valueSet == nil:
		return c.System == specialValues
	case c.AnyCode:
		return i.isAllOf(c.System)
	}
	return i.valueSet.ContainsCoding(c.System, c.Code)
}

// isAllOf reports whether all codes of the binding are of one system.
func (i impliedSystem) isAllOf(system string) bool {
	for _, concepts := range i.valueSet.Codes {
		if concepts[0].System != system {
			return false
		}
	}
	return len(i.valueSet.Codes) > 0
}

// withImplied adds to a criterion with a system the one that finds the plain code.
func (p *Parameter) withImplied(criteria []Criterion) []Criterion {
	for _, criterion := range criteria {
		c, ok := criterion.(TokenCriterion)
		if !ok || c.AnySystem || c.System == "" {
			continue
		}
		if slices.ContainsFunc(p.implied, func(i impliedSystem) bool { return i.holds(c) }) {
			criteria = append(criteria, TokenCriterion{Code: c.Code, AnyCode: c.AnyCode})
		}
	}
	return criteria
}
