package pebble

import (
	"slices"
	"strings"

	"kiln/resources"
	"kiln/search"
)

// The words of a resource are index keys and nothing else: what is not told by them (a phrase, a state of
// the past, which keys an update removes) is told by the text of the version, of which they are taken
// again. See search.Words.

// wordKeys are the keys of the words of one version, each word once.
type wordKeys struct {
	keyList
	narrative, others []string
}

// derive makes w the keys of these words, in the memory of what it was before.
func (w *wordKeys) derive(typ code, narrative, content search.WordsValue) {
	w.keyList = keyList{typ: typ, arena: w.arena[:0], keys: w.keys[:0], flags: only}
	w.narrative = distinctWords(w.narrative[:0], narrative.Text)
	w.others = distinctWords(w.others[:0], content.Text[max(0, len(narrative.Text)-1):])
	for _, word := range w.narrative {
		w.word(indexNarrative, word)
	}
	for _, word := range w.others {
		if _, found := slices.BinarySearch(w.narrative, word); !found {
			w.word(indexWord, word)
		}
	}
	clear(w.narrative)
	clear(w.others)
}

func (w *wordKeys) word(kind byte, word string) {
	start := len(w.arena)
	w.arena = appendText(append(indexPrefix(w.arena, w.typ, 0), kind), word)
	w.finish(start)
}

// distinctWords appends the words of a text to a list, sorted.
func distinctWords(list []string, text string) []string {
	for word := range strings.FieldsSeq(text) {
		list = append(list, word)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// entryWords finds the words among the values of a resource.
func entryWords(entries []search.Entry) (narrative, content search.WordsValue) {
	for _, e := range entries {
		if v, ok := e.Value.(search.WordsValue); !ok {
			continue
		} else if e.Param.SearchesNarrative() {
			narrative = v
		} else {
			content = v
		}
	}
	return narrative, content
}

// textWords takes the words from the text of a version.
func textWords(body []byte) (narrative, content search.WordsValue, err error) {
	doc, err := resources.Parse(body)
	if err != nil {
		return narrative, content, corrupt("a resource")
	}
	resource, err := doc.Resource()
	if err != nil {
		return narrative, content, corrupt("a resource")
	}
	narrative, content = search.Words(resource)
	return narrative, content, nil
}

// versionWords are the words that a version has.
func (s *Store) versionWords(src source, document uint64, number int64) (narrative, content search.WordsValue, err error) {
	version, err := s.getVersion(src, document, number)
	if err != nil {
		return narrative, content, err
	}
	return textWords(version.Body)
}

// versionWordKeys are the keys of the words that a version has.
func (s *Store) versionWordKeys(src source, typ code, document uint64, number int64) (*wordKeys, error) {
	narrative, content, err := s.versionWords(src, document, number)
	w := &wordKeys{}
	if err == nil {
		w.derive(typ, narrative, content)
	}
	return w, err
}

// formerWords are the keys of the words that a resource had when its change was prepared.
type formerWords struct {
	version int64
	keys    *wordKeys
}

// readFormer takes the words of what a change will most likely replace, while nobody waits for it.
func (s *Store) readFormer(p *prepared) error {
	var buffer [96]byte
	h, err := getHead(s.db, headKey(buffer[:0], p.typ, p.Key.ID))
	if err != nil || h.version == 0 || h.deleted() {
		return err
	}
	p.former.version = h.version
	p.former.keys, err = s.versionWordKeys(s.db, p.typ, h.document, h.version)
	return err
}

// writeWords brings the keys of words from those of the old version to those of the next.
func (l *landing) writeWords(p *prepared, old, next head) error {
	before, now := &wordKeys{}, &wordKeys{}
	switch {
	case old.version == 0 || old.deleted():
	case p.former.version == old.version:
		before = p.former.keys
	default:
		var err error
		if before, err = l.store.versionWordKeys(l.store.db, p.typ, old.document, old.version); err != nil {
			return err
		}
	}
	if p.indexing != nil {
		now = &p.indexing.words
	}
	return l.writeDifference(&before.keyList, &now.keyList, next.document)
}
