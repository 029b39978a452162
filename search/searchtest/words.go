package searchtest

import (
	"html"
	"math/rand/v2"
	"net/url"
	"strings"

	"kiln/resources/definitions"
	"kiln/search"
)

// narrative writes the text of a resource that may have one.
func (w *writer) narrative(t *definitions.Type) {
	if t.Element("text") == nil || w.r.IntN(3) == 0 {
		return
	}
	w.raw(`,"text":{"status":"generated","div":`)
	w.xhtml(nil, definitions.TypeRef{})
	w.raw("}")
}

// xhtml writes a few words, between which there are tags that part words, that do not, and none.
func (w *writer) xhtml(*definitions.Element, definitions.TypeRef) {
	b := strings.Builder{}
	b.WriteString(`<div xmlns="http://www.w3.org/1999/xhtml">`)
	for range 1 + w.r.IntN(5) {
		b.WriteString(html.EscapeString(pick(w.r, words)))
		b.WriteString(pick(w.r, []string{" ", " ", "<br/>", "<b>", "</b>", "</p><p>", "&#160;", "<!-- ada -->", "\n", ""}))
	}
	b.WriteString("</div>")
	w.text(b.String())
}

// words makes a filter on words: of a resource, or of what resources are made of.
func (g generator) words(typ string) (name, value string) {
	name = "_content"
	if g.parameters.Lookup(typ, "_text") != nil && g.r.IntN(2) == 0 {
		name = "_text"
	}
	value = g.anyWords(g.parameters.Lookup(typ, name), 0)
	for g.r.IntN(5) == 0 {
		value += "," + g.anyWords(g.parameters.Lookup(typ, name), 0)
	}
	return name, value
}

// anyWords is an expression; parentheses stand wherever they may matter.
func (g generator) anyWords(p *search.Parameter, depth int) string {
	if depth < 3 && g.r.IntN(3) == 0 {
		operator := pick(g.r, []string{" ", " AND ", " and ", " OR ", " or ", " NOT "})
		return "(" + g.anyWords(p, depth+1) + operator + g.anyWords(p, depth+1) + ")"
	}
	if depth < 3 && g.r.IntN(8) == 0 {
		return "not " + g.anyWords(p, depth+1)
	}
	return g.word(p)
}

// word is a word, its beginning, or some that follow one another, at times across two texts.
func (g generator) word(p *search.Parameter) string {
	text := string(search.AppendWords(nil, pick(g.r, words)))
	if v, ok := g.sample(p).(search.WordsValue); ok {
		text = v.Text
	}
	list := strings.Fields(text)
	if len(list) == 0 {
		return `"ada"`
	}
	at := g.r.IntN(len(list))
	word := []rune(list[at])
	switch g.r.IntN(4) {
	case 0:
		return string(word[:1+g.r.IntN(len(word))]) + "*"
	case 1:
		return `"` + strings.Join(list[at:min(len(list), at+1+g.r.IntN(3))], " ") + `"`
	case 2:
		return `"` + strings.ToUpper(string(word)) + `"`
	}
	return `"` + string(word) + `"`
}

// RandomWords is a query for words that the world has, of a type or with "" of the whole system.
func (w *World) RandomWords(r *rand.Rand, typ string) string {
	g := generator{r, w.Parameters, w.samples}
	name, value := g.words(typ)
	return name + "=" + url.QueryEscape(value)
}
