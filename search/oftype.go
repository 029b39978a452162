package search

import "kiln/resources/definitions"

// ofType reports whether the identifier has the type and the value, whatever its system. A value is
// made for each coding of the type, so any of them may be the one. An engine lowers it to equality on
// the code, which is selective, and looks at the type then.
// https://hl7.org/fhir/R4/search.html#token
func (c TokenCriterion) ofType(v TokenValue) bool {
	return v.TypeSystem == c.TypeSystem && v.TypeCode == c.TypeCode && v.Code == c.Code
}

// Identifies reports whether the parameter looks at identifiers, so that :of-type goes with it.
func (p *Parameter) Identifies() bool { return p.identifies }

// takes reports whether a modifier of the parameter's type goes with the parameter too.
func (p *Parameter) takes(m Modifier) bool {
	switch {
	case m == OfType:
		return p.identifies
	case p.Type == TypeReference && (m == Above || m == Below):
		return p.canonical || len(p.Hierarchies()) > 0
	}
	return true
}

// leadTo reports whether some selector leads to an element of a type.
func leadTo(typ string, resource *definitions.Type, selectors []*selector) bool {
	for _, s := range selectors {
		for _, found := range s.content(resource) {
			if found.content.Name == typ {
				return true
			}
		}
	}
	return false
}

// readOfType reads "system|code|value", all three present: the system and code of the type, and the
// value of the identifier.
func readOfType(text string) (Criterion, *refusal) {
	parts := splitEscaped(text, '|')
	if len(parts) != 3 {
		return nil, refuse("%q has %s; :of-type expects system|code|value, the system and code of the identifier's type and its value, and a | that belongs to one of them written \\|", clip(text), countParts(parts))
	}
	for i := range parts {
		var bad *refusal
		if parts[i], bad = unescape(parts[i]); bad != nil {
			return nil, bad
		}
		if parts[i] == "" {
			return nil, refuse("%q leaves a part empty; :of-type expects all three of system|code|value", clip(text))
		}
	}
	return TokenCriterion{TypeSystem: parts[0], TypeCode: parts[1], Code: parts[2], AnySystem: true}, nil
}
