package pebble

import (
	"bytes"
	"encoding/binary"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
)

// sortSource is one run of index keys in the order of a sort parameter. Documents whose keys share
// the sorted part are a group.
type sortSource struct {
	prefix []byte
	split  func(body []byte) (part []byte, exact bool)
	it     *lsm.Iterator
	part   []byte // of the current group; nil at the end
}

// sortSources are the runs of a parameter, which are merged; ok is false when its keys are in no
// order that sorts.
func (x *walk) sortSources(typ code, p *search.Parameter, descending bool) (sources []*sortSource, ok bool) {
	prefix := indexPrefix(nil, typ, x.store.dictionary.parameterCode(p))
	add := func(split func([]byte) ([]byte, bool), tail ...byte) {
		sources = append(sources, &sortSource{prefix: append(bytes.Clone(prefix), tail...), split: split})
	}
	end := func(ascending, descends byte) byte {
		if descending {
			return descends
		}
		return ascending
	}
	switch {
	case isLastUpdated(p):
		add(splitTime, indexLow)
	case p.Type == search.TypeDate:
		add(splitTime, end(indexLow, indexHigh))
		add(splitTime, end(indexLongLow, indexLongHigh))
	case p.Type == search.TypeString:
		add(splitString, indexString)
	case p.Type == search.TypeToken:
		add(splitCode, indexCode)
	case p.Type == search.TypeURI:
		add(splitURL, indexURL)
	case p.Type == search.TypeNumber:
		add(splitNumber, indexPoint)
		add(splitNumber, end(indexLongLow, indexLongHigh))
	case p.Type == search.TypeQuantity:
		for _, unit := range x.distinct(append(bytes.Clone(prefix), indexUnit), 4) {
			start := append([]byte{indexUnit}, unit...)
			add(splitNumber, append(bytes.Clone(start), indexPoint)...)
			add(splitNumber, append(bytes.Clone(start), end(indexLongLow, indexLongHigh))...)
		}
	default:
		return nil, false
	}
	return sources, len(sources) <= manySources
}

// manySources is how many runs are merged; a parameter with more units is sorted another way.
const manySources = 64

func splitTime(body []byte) ([]byte, bool) {
	if len(body) < 8 {
		return nil, false
	}
	return body[:8], true
}

func splitString(body []byte) ([]byte, bool) {
	folded := bytes.IndexByte(body, textEnd)
	if folded < 0 {
		return nil, false
	}
	text := bytes.IndexByte(body[folded+1:], textEnd)
	if text < 0 {
		return nil, false
	}
	return body[:folded+text+2], folded < stringLimit && text < stringLimit
}

func splitCode(body []byte) ([]byte, bool) { return splitText(body, codeLimit) }

func splitURL(body []byte) ([]byte, bool) { return splitText(body, urlLimit) }

func splitText(body []byte, limit int) ([]byte, bool) {
	n := bytes.IndexByte(body, textEnd)
	if n < 0 {
		return nil, false
	}
	return body[:n+1], n < limit
}

func splitNumber(body []byte) ([]byte, bool) {
	number, _, ok := skipDecimal(body)
	return number, ok && len(number) < decimalDigits/2
}

// sortPart is what the key of a sort value begins with.
func sortPart(v search.Value, p *search.Parameter, descending bool) []byte {
	switch v := v.(type) {
	case search.StringValue:
		return appendCut(appendCut(nil, v.Folded, stringLimit), v.Text, stringLimit)
	case search.TokenValue:
		return appendCut(nil, v.Code, codeLimit)
	case search.URIValue:
		return appendCut(nil, v.URI, urlLimit)
	case search.DateValue:
		if descending && !isLastUpdated(p) {
			return appendTime(nil, v.High)
		}
		return appendTime(nil, v.Low)
	case search.NumberValue:
		return numberPart(v, descending)
	case search.QuantityValue:
		return numberPart(v.NumberValue, descending)
	}
	return nil
}

func numberPart(v search.NumberValue, descending bool) []byte {
	if descending {
		return appendHigh(nil, v)
	}
	return appendLow(nil, v)
}

// start goes to the first group, or to the one of a part or what follows it.
func (s *sortSource) start(x *walk, part []byte, forward bool) {
	if s.it = x.iterator(s.prefix, after(s.prefix)); s.it == nil {
		return
	}
	ok := false
	switch {
	case part == nil:
		ok = enter(s.it, forward)
	case forward:
		ok = s.it.SeekGE(append(bytes.Clone(s.prefix), part...))
	default:
		ok = s.it.SeekLT(after(append(bytes.Clone(s.prefix), part...)))
	}
	s.read(x, ok)
}

// read takes the part of the current key, going on over keys that have none.
func (s *sortSource) read(x *walk, ok bool) {
	s.part = nil
	if !ok {
		x.check(s.it)
		return
	}
	key, _ := splitIndexKey(s.it.Key())
	if len(key) < len(s.prefix) {
		x.fail(corrupt("an index key"))
		return
	}
	part, _ := s.split(key[len(s.prefix):])
	if part == nil {
		x.fail(corrupt("an index key"))
		return
	}
	s.part = part
}

// same reports whether the current key is of the group.
func (s *sortSource) same(x *walk, ok bool, part []byte) bool {
	s.read(x, ok)
	return s.part != nil && bytes.Equal(s.part, part)
}

// leave goes past a group.
func (s *sortSource) leave(x *walk, part []byte, forward bool) {
	key := append(bytes.Clone(s.prefix), part...)
	if forward {
		s.read(x, s.it.SeekGE(after(key)))
	} else {
		s.read(x, s.it.SeekLT(key))
	}
}

// system is the code at the end of a token's key.
func systemAtEnd(rest []byte) uint32 {
	if len(rest) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(rest)
}
