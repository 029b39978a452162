package mongodb

import (
	"slices"
	"strings"
	"unicode/utf8"

	"kiln/search"
)

// Keys read like what a query asks for. Those of contained resources begin with their type:
//
//	family                        there is a value
//	family=lind                   a text, folded
//	code=http://loinc.org|8480-6  a token; also code=8480-6 and code=http://loinc.org|
//	code:text=blood               a word of its display or text
//	identifier:of-type=s|MR|123   the type of an identifier and its value
//	subject=Patient/1             a reference; also subject=1
//	subject:identifier=s|123      the identifier in a reference
//	subject=#                     a reference to what is contained
//	date>=2013-03-14T10:22        where a date begins, and date<= where it ends
//	value-quantity>=p5000540000   the same of a number (see numberKey), as written
//	value-quantity[g]>=…          and in base units
//	near=1:142,184                a cell of the grid of a degree (and 10:)
//	code-value-quantity$=8480-6   the first component of a composite
//	_content=pressure             a word
//	#Patient?family=lind          of a contained Patient

// maxKey is the most bytes of a value in a key; what is longer is cut, and so is what is looked for.
const maxKey = 96

// maxWords bounds the words of a text that are keys, so that these stay smaller than a document may be. A text with
// more has the word everything alone, and is among the candidates of all searches for words.
const maxWords = 50_000

const everything = "*"

// indexKeys are the keys (ix.k) of a resource, each once, in order; words (of _text and _content) included
// where the entries have them.
func indexKeys(_ string, entries []search.Entry) []string {
	k := keys{}
	k.entries("", entries)
	slices.Sort(k.list)
	return slices.Compact(k.list)
}

// keys gathers those of a resource.
type keys struct{ list []string }

func (k *keys) add(name, mark, value string) {
	k.list = append(k.list, name+mark+cutKey(legible(value)))
}

func (k *keys) entries(inside string, entries []search.Entry) {
	for _, e := range entries {
		if c, ok := e.Value.(search.ContainedValue); ok {
			k.contained(c)
			continue
		}
		name := inside + e.Param.Code
		if search.Present(e.Value) {
			k.list = append(k.list, name)
		}
		k.value(name, e.Value)
	}
}

func (k *keys) contained(c search.ContainedValue) {
	k.list = append(k.list, "#")
	if c.Type != "" {
		k.list = append(k.list, "#"+c.Type)
		k.entries("#"+c.Type+"?", c.Entries)
	}
}

func (k *keys) value(name string, v search.Value) {
	switch v := v.(type) {
	case search.StringValue:
		k.add(name, "=", v.Folded)
	case search.TokenValue:
		k.token(name, v)
	case search.ReferenceValue:
		k.reference(name, v)
	case search.DateValue:
		k.add(name, ">=", dateKey(v.Low))
		k.add(name, "<=", dateKey(v.High))
	case search.NumberValue:
		k.number(name, v)
	case search.QuantityValue:
		k.quantity(name, v)
	case search.URIValue:
		k.add(name, "=", v.URI)
	case search.PositionValue:
		k.position(name, v)
	case search.CompositeValue:
		for _, first := range v.Parts[0] {
			k.value(name+"$", first)
		}
	case search.WordsValue:
		k.words(name, v)
	case search.DeferredWords:
		k.words(name, v())
	}
}

func (k *keys) token(name string, v search.TokenValue) {
	if search.Present(v) {
		k.plainToken(name, v)
	}
	for word := range strings.FieldsSeq(v.Text) {
		k.add(name, ":text=", word)
	}
	if v.TypeSystem != "" || v.TypeCode != "" {
		k.add(name, ":of-type=", v.TypeSystem+"|"+v.TypeCode+"|"+v.Code)
	}
}

func (k *keys) plainToken(name string, v search.TokenValue) {
	k.add(name, "=", v.Code)
	if v.System != "" {
		k.add(name, "=", v.System+"|"+v.Code)
		k.add(name, "=", v.System+"|")
	}
}

func (k *keys) reference(name string, v search.ReferenceValue) {
	switch _, local := v.LocalID(); {
	case v.ID != "":
		k.add(name, "=", v.Type+"/"+v.ID)
		k.add(name, "=", v.ID)
	case local:
		k.add(name, "=", "#")
	case v.URL != "":
		k.add(name, "=", v.URL)
		if v.Version != "" {
			k.add(name, "=", v.URL+"|"+v.Version)
		}
	}
	if v.Identifier.Code != "" {
		k.plainToken(name+":identifier", v.Identifier)
	}
}

// words are those of a text, each once.
func (k *keys) words(name string, v search.WordsValue) {
	seen, before := map[string]bool{}, len(k.list)
	for word := range strings.FieldsFuncSeq(v.Text, partsWords) {
		if seen[word] {
			continue
		}
		if len(seen) == maxWords {
			k.list = append(k.list[:before], name+"="+everything)
			return
		}
		seen[word] = true
		k.add(name, "=", word)
	}
}

func partsWords(r rune) bool { return r == ' ' || r == '\n' }

// legible is a text that any server takes in a key and in a pattern: what is no text is a replacement character.
func legible(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= utf8.RuneSelf {
			return strings.Map(func(r rune) rune {
				if r < ' ' {
					return utf8.RuneError
				}
				return r
			}, s) // which also replaces what is not UTF-8
		}
	}
	return s
}

// cutKey is the beginning of a text that is kept of it. It ends with a whole character, so that texts that begin
// alike have keys that begin alike.
func cutKey(s string) string {
	if len(s) <= maxKey {
		return s
	}
	end := maxKey
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
