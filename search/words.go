package search

import (
	"slices"
	"strings"

	"kiln/resources"
)

// The parameters of words, whose values are texts as a whole: https://hl7.org/fhir/R4/search.html#text
const (
	narrativeParameter = "_text"    // words of the narrative
	contentParameter   = "_content" // words of all that people write or read in the resource
)

// wordParameters are made parameters of type special: R4 calls them strings, and its text says that
// their syntax and rules are their own.
var wordParameters = map[string]bool{narrativeParameter: true, contentParameter: true}

// SearchesWords reports whether p is _text or _content, whose values are WordsValue.
func (p *Parameter) SearchesWords() bool { return p.Type == TypeSpecial && wordParameters[p.Code] }

// SearchesNarrative reports whether p is _text, which looks at the narrative alone.
func (p *Parameter) SearchesNarrative() bool {
	return p.SearchesWords() && p.Code == narrativeParameter
}

type (
	// WordsValue are the words of a resource in order, for _text and _content. Text has a line for
	// each text that they stand in, begins and ends with a line feed, and has a space between words;
	// it is empty without any. Words have neither case nor accents (see AppendWords).
	WordsValue struct{ Text string }

	// DeferredWords gives a WordsValue when it is asked for. An engine that does not keep words makes
	// it, so that the text of a resource is only read where its index cannot decide.
	DeferredWords func() WordsValue

	// WordsCriterion is one word, or several that follow one another in one text, with a space
	// between. With Prefix the last of them is the beginning of a word. Operators are structure of the
	// tree.
	WordsCriterion struct {
		Words  string
		Prefix bool
	}
)

func (WordsValue) value()         {}
func (DeferredWords) value()      {}
func (WordsCriterion) criterion() {}

// Match reports whether the words stand in v, one after the other. An engine lowers each to the key of
// the word, or to the range of the prefix, and looks at the text where there are several.
func (c WordsCriterion) Match(v WordsValue) bool {
	for text := v.Text; ; {
		i := strings.Index(text, c.Words)
		if i < 0 {
			return false
		}
		if i > 0 && partsWords(text[i-1]) && (c.Prefix || partsWords(text[i+len(c.Words)])) {
			return true
		}
		text = text[i+1:]
	}
}

// partsWords reports whether a byte of a WordsValue is no part of a word. Behind every word there is one.
func partsWords(c byte) bool { return c == ' ' || c == '\n' }

// matchWords is Match for a value that may be one of words.
func matchWords(c WordsCriterion, v Value) bool {
	switch v := v.(type) {
	case WordsValue:
		return c.Match(v)
	case DeferredWords:
		return c.Match(v())
	}
	return false
}

// Words takes the words out of a resource: those of its narrative (Resource.text.div), which are the
// beginning of the others, and all.
//
// The content is every string, markdown, code and XHTML in the resource, contained resources and
// extensions included: texts, names, displays, codes, values of identifiers, units. Numbers, dates,
// booleans, addresses (URIs, Reference.reference), ids and base64 are no words.
// https://hl7.org/fhir/R4/search.html#content
func Words(resource resources.Element) (narrative, content WordsValue) {
	w := wordings.Get().(*wording)
	defer w.release()
	if div := resource.First("text").First("div"); div.Type() != nil && div.Type().Name == xhtml {
		w.div = div.Node()
		w.xhtml(div.Text())
	}
	end := len(w.text)
	w.element(resource)
	if len(w.text) == 0 {
		return narrative, content
	}
	content.Text = string(append(w.text, '\n'))
	if end > 0 {
		narrative.Text = content.Text[:end+1]
	}
	return narrative, content
}

// appendWords adds the entries of _text and _content, those that are among the parameters.
func appendWords(entries []Entry, resource resources.Element, params []*Parameter) []Entry {
	worded := func(p *Parameter) bool { return p.SearchesWords() }
	if !slices.ContainsFunc(params, worded) {
		return entries
	}
	narrative, content := Words(resource)
	for _, p := range params {
		switch {
		case p.Code == contentParameter && worded(p) && content.Text != "":
			entries = append(entries, Entry{p, content})
		case p.Code == narrativeParameter && worded(p) && narrative.Text != "":
			entries = append(entries, Entry{p, narrative})
		}
	}
	return entries
}
