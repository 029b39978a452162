package search

import "strings"

// Match reports whether v meets c: by default v starts with it, folded; :exact compares all of the
// text as written; :contains finds it anywhere, folded. An engine lowers the default to the key
// range of the prefix Folded. https://hl7.org/fhir/R4/search.html#string
func (c StringCriterion) Match(m Modifier, v StringValue) bool {
	switch m {
	case Exact:
		return v.Text == c.Text
	case Contains:
		return strings.Contains(v.Folded, c.Folded)
	}
	return strings.HasPrefix(v.Folded, c.Folded)
}

func compareStrings(a, b StringValue) int {
	if c := strings.Compare(a.Folded, b.Folded); c != 0 {
		return c
	}
	return strings.Compare(a.Text, b.Text)
}
