package searchtest

import (
	"slices"
	"strings"

	"kiln/search"
)

// hierarchyText is one or more values for :above and :below on a reference: a canonical URL with a
// version that is shorter or longer than those there are, or a resource of a type with a hierarchy.
func (g generator) hierarchyText(p *search.Parameter) string {
	text := g.resourceText
	if p.Canonical() {
		text = g.canonicalText
	}
	values := []string{text(p)}
	for g.r.IntN(3) == 0 {
		values = append(values, text(p))
	}
	return strings.Join(values, ",")
}

func (g generator) canonicalText(p *search.Parameter) string {
	url := pick(g.r, uris)
	if ref, ok := g.sample(p).(search.ReferenceValue); ok && ref.ID != "" {
		url = ref.Type + "/" + ref.ID
	} else if ok && ref.URL != "" && ref.URL[0] != '#' {
		url = ref.URL
	}
	return escape(url) + pick(g.r, []string{"", "|1", "|1.0", "|1.0.5", "|2", "|2.1"})
}

func (g generator) resourceText(p *search.Parameter) string {
	types := p.Hierarchies()
	id := ids(g.r)
	if ref, ok := g.sample(p).(search.ReferenceValue); ok && ref.ID != "" && slices.Contains(types, ref.Type) {
		types, id = []string{ref.Type}, ref.ID
	}
	switch g.r.IntN(4) {
	case 0:
		return id
	case 1:
		return BaseURL + "/" + pick(g.r, types) + "/" + id
	}
	return pick(g.r, types) + "/" + id
}
