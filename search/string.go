package search

import (
	"slices"
	"strings"

	"kiln/resources"
)

// Match reports whether v meets c: by default v starts with it, folded; :exact compares all of the
// text as written; :contains finds it anywhere, folded. An engine lowers the default to the key
// range of the prefix Folded. https://hl7.org/fhir/R4/search.html#string
func (c StringCriterion) Match(m Modifier, v StringValue) bool {
	switch m {
	case Exact:
		return v.Text == c.Text
	case Contains:
		return strings.Contains(v.Folded, c.Folded)
	case Equal:
		return v.Folded == c.Folded
	case Ends:
		return strings.HasSuffix(v.Folded, c.Folded)
	case Less:
		return v.Folded < c.Folded
	case Greater:
		return v.Folded > c.Folded
	}
	return strings.HasPrefix(v.Folded, c.Folded)
}

func compareStrings(a, b StringValue) int {
	if c := strings.Compare(a.Folded, b.Folded); c != 0 {
		return c
	}
	return strings.Compare(a.Text, b.Text)
}

// stringConverters: a HumanName or an Address is searched by each of its parts.
var stringConverters = map[string]func(*extraction, resources.Element){
	"string":    (*extraction).text,
	"markdown":  (*extraction).text,
	"code":      (*extraction).text,
	"id":        (*extraction).text,
	"uri":       (*extraction).text,
	"url":       (*extraction).text,
	"canonical": (*extraction).text,
	"HumanName": partsOf("text", "family", "given", "prefix", "suffix"),
	"Address":   partsOf("text", "line", "city", "district", "state", "postalCode", "country"),
}

func (x *extraction) text(e resources.Element) {
	if !e.HasValue() {
		return
	}
	text := e.Text()
	if folded := x.param.fold(text); folded != "" {
		x.add(StringValue{Text: text, Folded: folded})
	}
}

// partsOf takes the members of these names, each as it would be taken alone.
func partsOf(names ...string) func(*extraction, resources.Element) {
	return func(x *extraction, e resources.Element) {
		for part := range e.Children() {
			if !slices.Contains(names, part.Definition().Name) {
				continue
			}
			made := len(x.pool)
			if values := x.once(TypeString, part, (*extraction).text); len(x.pool) == made {
				x.pool = append(x.pool, values...) // made before
			}
		}
	}
}

func (p *Parameter) phonetic() bool { return p.Definition.Usage == "phonetic" }

// fold is Fold, or for a phonetic parameter how the text sounds.
func (p *Parameter) fold(text string) string {
	if p.phonetic() {
		return phonetic(text)
	}
	return Fold(text)
}

// readString reads a value of a string parameter.
func readString(r *reader, text string) (Criterion, *refusal) {
	text, bad := unescape(text)
	if bad != nil {
		return nil, bad
	}
	folded := r.param.fold(text)
	if folded == "" && r.modifier != Exact {
		return nil, refuse("%q has no letter or digit to look for", clip(text))
	}
	return StringCriterion{Text: text, Folded: folded}, nil
}
