package search

import "strings"

// Match reports whether v meets c. Codes and systems are compared as written, case included; a
// value that has only a text meets none but :text, which finds the words of display or text that
// start with it, folded. An engine lowers the plain forms to equality on code, on system and code,
// or on system. https://hl7.org/fhir/R4/search.html#token
func (c TokenCriterion) Match(m Modifier, v TokenValue) bool {
	if m == Text {
		return startsWord(v.Text, c.Code)
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
