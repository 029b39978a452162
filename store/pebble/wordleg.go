package pebble

import (
	"strings"

	"kiln/search"
)

// wordLegs lowers a test of words: each word has a leg of its own, and where they must follow one another
// what the legs leave is tested on the text.
func (x *walk) wordLegs(typ code, t search.Test) []leg {
	if len(t.Any) != 1 {
		either := make(search.Or, len(t.Any))
		for i, c := range t.Any {
			either[i] = search.Test{Param: t.Param, Any: []search.Criterion{c}}
		}
		return []leg{x.orLeg(typ, either)}
	}
	c, ok := t.Any[0].(search.WordsCriterion)
	if !ok {
		return []leg{fixed(t, "nothing", "", empty{}, 0)}
	}
	var legs []leg
	words := strings.Fields(c.Words)
	for i, word := range words {
		legs = append(legs, x.wordLeg(typ, t.Param, word, c.Prefix && i == len(words)-1))
	}
	if len(words) > 1 {
		legs = append(legs, leg{expr: t, operation: "phrase", test: tuned.words})
	}
	return legs
}

// wordLeg is the set of what has one word, or a word that begins so.
func (x *walk) wordLeg(typ code, param *search.Parameter, word string, prefix bool) leg {
	kinds := []byte{indexNarrative, indexWord}
	if param.SearchesNarrative() {
		kinds = kinds[:1]
	}
	scans := make([]scan, 0, len(kinds))
	for _, kind := range kinds {
		key := append(indexPrefix(nil, typ, 0), kind)
		if prefix {
			scans = append(scans, whole(appendPrefix(key, word), nil))
		} else {
			scans = append(scans, posting(appendText(key, word)))
		}
	}
	l := x.scanLeg(search.Test{Param: param, Any: []search.Criterion{search.WordsCriterion{Words: word, Prefix: prefix}}}, scans)
	l.test = tuned.words
	return l
}

// wantWords notes a parameter of words that the query has.
func (x *execution) wantWords(p *search.Parameter) {
	for _, known := range x.worded {
		if known == p {
			return
		}
	}
	x.worded = append(x.worded, p)
}

// wordLeaps is how many leaps cost about as much as reading the words of a text.
const wordLeaps = 20

// deferWords adds the words of a version to its values, to be read when they are asked for.
func (x *execution) deferWords(r *search.Resource, document uint64, version int64) {
	if len(x.worded) == 0 {
		return
	}
	var narrative, content search.WordsValue
	read := false
	for _, p := range x.worded {
		r.Entries = append(r.Entries, search.Entry{Param: p, Value: search.DeferredWords(func() search.WordsValue {
			if !read {
				var err error
				narrative, content, err = x.store.versionWords(x, document, version)
				x.fail(err)
				x.spend(1)
				x.leaps += wordLeaps
				read = true
			}
			if p.SearchesNarrative() {
				return narrative
			}
			return content
		})})
	}
}
