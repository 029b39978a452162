package pebble

import (
	"bytes"
	"encoding/binary"
	"strings"

	"kiln/search"
)

// string lowers a text to the range of its prefix, to equality, or to all texts of the parameter.
// https://hl7.org/fhir/R4/search.html#string
func (l lowering) string(m search.Modifier, c search.StringCriterion) ([]scan, bool) {
	switch m {
	case search.Plain:
		judge := always(yes)
		if len(c.Folded) > stringLimit {
			judge = always(maybe)
		}
		return []scan{whole(appendPrefix(l.key(indexString), clip(c.Folded, stringLimit)), judge)}, true
	case search.Exact:
		return []scan{l.exact(c)}, true
	case search.Equal:
		if len(c.Folded) < stringLimit {
			return []scan{whole(appendText(l.key(indexString), c.Folded), always(yes))}, true
		}
		return []scan{whole(appendPrefix(l.key(indexString), clip(c.Folded, stringLimit)), always(maybe))}, true
	case search.Ends, search.Less, search.Greater:
		return []scan{whole(l.key(indexString), l.folded(m, c))}, true
	case search.Contains:
		return []scan{whole(l.key(indexString), func(body []byte) verdict {
			folded, _, ok := readText(l.body(body))
			if ok && !bytes.Contains(folded, []byte(c.Folded)) {
				if len(folded) >= stringLimit {
					return maybe
				}
				return no
			}
			return yes
		})}, true
	}
	return nil, false
}

// folded judges keys by the folded text, where all of it is there.
func (l lowering) folded(m search.Modifier, c search.StringCriterion) func([]byte) verdict {
	return func(body []byte) verdict {
		folded, _, ok := readText(l.body(body))
		if !ok || len(folded) >= stringLimit {
			return maybe
		}
		return sure(c.Match(m, search.StringValue{Folded: string(folded)}))
	}
}

// exact relies on values of the same text having the same folded text.
func (l lowering) exact(c search.StringCriterion) scan {
	folded := c.Folded
	if len(folded) < stringLimit && len(c.Text) < stringLimit {
		return posting(appendText(appendText(l.key(indexString), folded), c.Text))
	}
	return whole(appendPrefix(l.key(indexString), clip(folded, stringLimit)), always(maybe))
}

// token lowers a code to its keys, with or without system, and a system to the resources that have
// it. https://hl7.org/fhir/R4/search.html#token
func (l lowering) token(m search.Modifier, c search.TokenCriterion) ([]scan, bool) {
	switch m {
	case search.Plain:
		return l.code(indexCode, c)
	case search.Identifier:
		if c.AnyCode {
			return []scan{whole(l.key(indexIdentifier), always(maybe))}, true
		}
		return l.code(indexIdentifier, c)
	case search.OfType:
		return []scan{whole(appendCut(l.key(indexCode), c.Code, codeLimit), always(maybe))}, true
	case search.Text:
		return []scan{whole(l.key(indexText), func(body []byte) verdict {
			text, _, ok := readText(l.body(body))
			if !ok {
				return no
			}
			if (search.TokenCriterion{Code: c.Code}).Match(search.Text, search.TokenValue{Text: string(text)}) {
				return yes
			}
			if len(text) >= textLimit {
				return maybe
			}
			return no
		})}, true
	}
	return nil, false
}

func (l lowering) code(kind byte, c search.TokenCriterion) ([]scan, bool) {
	if c.AnyCode {
		return []scan{whole(l.key(kind), l.hasSystem(c))}, true
	}
	prefix := appendCut(l.key(kind), c.Code, codeLimit)
	if len(c.Code) >= codeLimit {
		return []scan{whole(prefix, always(maybe))}, true
	}
	if !c.AnySystem {
		system, ok := l.system(c.System)
		if !ok {
			return nil, true
		}
		return []scan{posting(binary.BigEndian.AppendUint32(prefix, system))}, true
	}
	return []scan{parted(prefix, 4)}, true
}

// hasSystem judges keys of codes by their system alone.
func (l lowering) hasSystem(c search.TokenCriterion) func([]byte) verdict {
	if c.AnySystem {
		return nil
	}
	system, ok := l.system(c.System)
	if !ok {
		return always(no)
	}
	want := binary.BigEndian.AppendUint32(nil, system)
	return func(body []byte) verdict { return sure(bytes.HasSuffix(body, want)) }
}

// system is the code of a token's system; 0 stands for none.
func (l lowering) system(name string) (uint32, bool) {
	if name == "" {
		return 0, true
	}
	c, ok, err := l.x.store.dictionary.lookup(kindSystem, name)
	l.x.fail(err)
	return c, ok && err == nil
}

// reference lowers a target to its keys, of one type or any.
// https://hl7.org/fhir/R4/search.html#reference
func (l lowering) reference(m search.Modifier, c search.ReferenceCriterion) ([]scan, bool) {
	if m != search.Plain && m != search.Above && m != search.Below {
		return nil, false
	}
	if c.URL != "" {
		return []scan{l.text(indexURL, c.URL, c.Version != "")}, true
	}
	prefix := appendID(l.key(indexReference), c.ID)
	if c.Type == "" {
		return []scan{l.version(parted(prefix, 2), c)}, true
	}
	target := l.x.store.dictionary.typeCode(c.Type)
	if target == 0 {
		return nil, true
	}
	return []scan{l.version(posting(appendCode(prefix, target)), c)}, true
}

// version leaves the comparison of versions to the value.
func (l lowering) version(s scan, c search.ReferenceCriterion) scan {
	if c.Version != "" {
		s.posting, s.tail, s.judge = false, 0, always(maybe)
	}
	return s
}

// text is equality with a URL.
func (l lowering) text(kind byte, url string, unsure bool) scan {
	prefix := appendCut(l.key(kind), url, urlLimit)
	if len(url) >= urlLimit || unsure {
		return whole(prefix, always(maybe))
	}
	return posting(prefix)
}

// uri lowers :below to the range of a prefix and :above to equality with each level.
// https://hl7.org/fhir/R4/search.html#uri
func (l lowering) uri(m search.Modifier, c search.URICriterion) ([]scan, bool) {
	switch m {
	case search.Plain:
		return []scan{l.text(indexURL, c.URI, false)}, true
	case search.Below:
		return []scan{whole(appendPrefix(l.key(indexURL), clip(c.URI, urlLimit)), func(body []byte) verdict {
			text, _, ok := readText(l.body(body))
			if !ok {
				return no
			}
			if len(c.URI) >= urlLimit {
				return maybe
			}
			return sure(c.Match(m, search.URIValue{URI: string(text)}))
		})}, true
	case search.Above:
		var scans []scan
		for i := range len(c.URI) {
			if level := c.URI[:i+1]; c.Match(m, search.URIValue{URI: level}) {
				scans = append(scans, l.text(indexURL, level, false))
			}
			if len(scans) > tuned.scans*4 {
				return nil, false
			}
		}
		return scans, true
	}
	return nil, false
}

// distinct lists what follows prefix in the index keys, size bytes each, without repeats.
func (x *walk) distinct(prefix []byte, size int) [][]byte {
	it := x.borrow(prefix, after(prefix))
	if it == nil {
		return nil
	}
	defer x.giveBack(it)
	var found [][]byte
	for ok := it.First(); ok && !x.stopped(); {
		x.spend(1)
		key := it.Key()
		if len(key) < len(prefix)+size {
			ok = it.Next()
			continue
		}
		next := bytes.Clone(key[:len(prefix)+size])
		found = append(found, next[len(prefix):])
		following := after(next)
		if following == nil {
			break
		}
		ok = it.SeekGE(following)
	}
	x.check(it)
	return found
}

// composite lowers the first component to equality and the second to what follows it.
// https://hl7.org/fhir/R4/search.html#composite
func (l lowering) composite(c search.CompositeCriterion) []scan {
	scans := []scan{whole(l.key(indexWhole), always(maybe))}
	all := append(scans, whole(l.key(indexComposite), always(maybe)))
	if len(c.Parts) != 2 {
		return all
	}
	outer := lowering{x: l.x, prefix: l.key(indexComposite)}
	firsts, ok := outer.lower(search.Plain, c.Parts[0])
	if !ok {
		return all
	}
	for _, first := range partings(l.x, firsts) {
		if !first.posting {
			first.tail, first.judge = 0, always(maybe)
			scans = append(scans, first)
			continue
		}
		inner := lowering{x: l.x, prefix: first.lower}
		seconds, ok := inner.lower(search.Plain, c.Parts[1])
		if !ok {
			seconds = []scan{whole(first.lower, always(maybe))}
		}
		scans = append(scans, seconds...)
	}
	return scans
}

// partings puts the postings of parted scans in their place, where they are not too many.
func partings(x *walk, scans []scan) []scan {
	var all []scan
	for _, s := range scans {
		if s.tail > 0 {
			if postings, ok := s.postings(x); ok {
				all = append(all, postings...)
				continue
			}
		}
		all = append(all, s)
	}
	return all
}

// describe names a parameter with its modifier, for a plan.
func describe(t search.Test) string {
	names := [...]string{
		search.Exact: ":exact", search.Contains: ":contains", search.Text: ":text", search.Above: ":above",
		search.Below: ":below", search.Identifier: ":identifier", search.OfType: ":of-type",
		search.Equal: " eq", search.Ends: " ew", search.Less: " lt", search.Greater: " gt", search.Unequal: " ne",
	}
	var b strings.Builder
	b.WriteString(t.Param.Code)
	if int(t.Modifier) < len(names) {
		b.WriteString(names[t.Modifier])
	}
	return b.String()
}
