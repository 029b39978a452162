package pebble

import (
	"bytes"
	"encoding/binary"
	"slices"

	"kiln/search"
)

// The kinds of index key, after type and parameter. What follows is the body, then the document
// number. Bodies of a kind are never the beginning of one another.
const (
	indexString     = 's' // folded text, text
	indexCode       = 'c' // code, system(4)
	indexText       = 't' // folded text of a token
	indexReference  = 'r' // id, type(2)
	indexURL        = 'u' // url of a reference, or uri
	indexIdentifier = 'k' // code, system(4) of the identifier in a reference
	indexLow        = 'l' // low(8) high(8) of a short span that is alone
	indexHigh       = 'h' // high(8) low(8) of the same
	indexLongLow    = 'L' // low high of all other spans, of dates and numbers
	indexLongHigh   = 'H' // high low
	indexPoint      = 'p' // a number that is no span
	indexUnit       = 'q' // unit(4), then point, low or high
	indexComposite  = 'x' // key of one component, key of the other
	indexPosition   = 'g' // band(2) of latitude, longitude(8) latitude(8)
	indexWhole      = 'X' // nothing: a value that only its list tells
	indexDated      = 'd' // date parameter(2), body of a code or reference, class(1); low(8) span(5) unless datedOther
)

// The kinds under parameter 0, which belong to the resource and no parameter.
const (
	indexAlive   = 'a' // nothing: the resource is there
	indexShape   = 'y' // count(2), parameters(2) that have values
	indexSystems = 'w' // count(2), parameter(2) and system(4) of tokens
	indexLinks   = 'o' // nothing: the value tells the id and what the resource refers to

	indexNarrative = 'N' // word of the narrative
	indexWord      = 'W' // word that is elsewhere alone
)

// How much of a text is in a key.
const (
	stringLimit = 64
	codeLimit   = 128
	textLimit   = 64
	urlLimit    = 256
)

// shortSpan is the longest span that counts as short, in microseconds: a day in any time zone.
const shortSpan = 26 * 3600 * 1e6

// shapeLimit is how many values a shape lists; longer ones are marked with shapeOpen.
const (
	shapeLimit = 256
	shapeOpen  = 0xffff
)

// compositeLimit is how many pairs of components one composite value is indexed by.
const compositeLimit = 256

// indexKey is an index key without its document number, as a place in an arena.
type indexKey struct {
	start, end int
	flags      entryFlags
}

// keyList are the index keys of one version, sorted.
type keyList struct {
	typ     code
	arena   []byte
	keys    []indexKey
	systems []byte // pairs for the systems key, unsorted

	shape []byte // parameters that have values

	inside bool // they are of a contained resource

	roles *dictionary
	dates []dateOf
	held  []held

	r     unpacker
	first []byte // of a composite: the key of its first component
	param code
	flags entryFlags
}

// indexKeys derives the keys from a packed list.
func (d *dictionary) indexKeys(typ code, list []byte) (*keyList, error) {
	l := &keyList{}
	return l, l.derive(d, typ, list)
}

// derive makes l the keys of a packed list, in the memory of what it was before.
func (l *keyList) derive(d *dictionary, typ code, list []byte) error {
	*l = keyList{
		typ: typ, arena: l.arena[:0], keys: l.keys[:0], systems: l.systems[:0], shape: l.shape[:0],
		roles: d, dates: l.dates[:0], held: l.held[:0], inside: l.inside,
	}
	present := code(0)
	p := walkPacked(list)
	for p.next() {
		l.param, l.flags = p.param, p.flags
		l.r = unpacker{rest: p.value}
		l.entry()
		if l.r.err != nil {
			return l.r.err
		}
		if p.param != present && isPresent(p.value) {
			present = p.param
			l.shape = appendCode(l.shape, p.param)
		}
	}
	if len(p.rest) > 0 {
		return corrupt("a list of index values")
	}
	l.flags = only
	if !l.inside {
		l.dated()
	}
	l.own(indexAlive, nil, 1)
	l.own(indexShape, l.shape, 2)
	l.own(indexSystems, l.systems, 6)
	l.sort()
	return nil
}

// isPresent is search.Present for a packed value.
func isPresent(value []byte) bool {
	if len(value) < 3 || value[0] != packedToken {
		return true
	}
	return value[1] != 0 || value[2] != 0 // a system, or a code of some length
}

// own adds a key of the resource itself: a count and the sorted members.
func (l *keyList) own(kind byte, members []byte, size int) {
	start := len(l.arena)
	l.arena = append(indexPrefix(l.arena, l.typ, 0), kind)
	if kind != indexAlive {
		members = sortMembers(members, size)
		if count := len(members) / size; count > shapeLimit {
			l.arena = binary.BigEndian.AppendUint16(l.arena, shapeOpen)
		} else {
			l.arena = append(binary.BigEndian.AppendUint16(l.arena, uint16(count)), members...)
		}
	}
	l.finish(start)
}

// sortMembers sorts chunks of a size and drops repeated ones. Most lists are sorted as they come.
func sortMembers(b []byte, size int) []byte {
	sorted := true
	for i := size; i < len(b) && sorted; i += size {
		sorted = bytes.Compare(b[i-size:i], b[i:i+size]) < 0
	}
	if sorted {
		return b
	}
	chunks := slices.Collect(slices.Chunk(b, size))
	slices.SortFunc(chunks, bytes.Compare)
	return bytes.Join(slices.CompactFunc(chunks, bytes.Equal), nil)
}

func (l *keyList) finish(start int) {
	l.keys = append(l.keys, indexKey{start, len(l.arena), l.flags & (firstAscending | firstDescending)})
}

// begin starts a key of the current parameter.
func (l *keyList) begin(kind byte) int {
	start := len(l.arena)
	l.arena = indexPrefix(l.arena, l.typ, l.param)
	l.arena = append(append(l.arena, l.first...), kind)
	return start
}

func (l *keyList) sort() {
	slices.SortFunc(l.keys, func(a, b indexKey) int { return bytes.Compare(l.key(a), l.key(b)) })
	kept := l.keys[:1]
	for _, k := range l.keys[1:] {
		if last := &kept[len(kept)-1]; bytes.Equal(l.key(*last), l.key(k)) {
			last.flags |= k.flags
		} else {
			kept = append(kept, k)
		}
	}
	l.keys = kept
}

func (l *keyList) key(k indexKey) []byte { return l.arena[k.start:k.end] }

// entry adds the keys of the value under l.r.
func (l *keyList) entry() {
	switch l.r.byte() {
	case packedString:
		l.string()
	case packedToken:
		l.token(indexCode)
	case packedReference:
		l.reference()
	case packedDate:
		l.date(l.r.varint(), l.r.varint())
	case packedNumber:
		l.number(l.r.number(), nil)
	case packedQuantity:
		unit := binary.BigEndian.AppendUint32([]byte{indexUnit}, uint32(l.r.uvarint()))
		l.number(l.r.number(), unit)
	case packedURI:
		start := l.begin(indexURL)
		l.arena = appendCut(l.arena, asString(l.r.bytes()), urlLimit)
		l.finish(start)
	case packedPosition:
		l.position()
	case packedComposite:
		l.composite()
	case packedContained:
		l.contained()
	default:
		l.r.fail()
	}
}

func (l *keyList) string() {
	v := l.r.string()
	start := l.begin(indexString)
	l.arena = appendCut(l.arena, v.Folded, stringLimit)
	l.arena = appendCut(l.arena, v.Text, stringLimit)
	l.finish(start)
}

func (l *keyList) token(kind byte) {
	system, c, text := uint32(l.r.uvarint()), l.r.bytes(), l.r.bytes()
	if l.r.byte() != 0 {
		l.r.uvarint()
		l.r.bytes()
	}
	if l.r.err != nil {
		return
	}
	if len(c) > 0 || system != 0 {
		start := l.begin(kind)
		l.arena = appendCut(l.arena, asString(c), codeLimit)
		l.arena = binary.BigEndian.AppendUint32(l.arena, system)
		l.finish(start)
		if kind == indexCode && l.first == nil {
			l.hold(start)
			l.systems = binary.BigEndian.AppendUint32(appendCode(l.systems, l.param), system)
		}
	}
	if len(text) > 0 && kind == indexCode && l.first == nil {
		start := l.begin(indexText)
		l.arena = appendCut(l.arena, asString(text), textLimit)
		l.finish(start)
	}
}

func (l *keyList) reference() {
	parts := l.r.byte()
	if parts&referenceID != 0 {
		typ, id := code(l.r.uvarint()), l.r.rawID()
		start := l.begin(indexReference)
		l.arena = appendCode(append(l.arena, id...), typ)
		l.finish(start)
		l.hold(start)
	}
	if parts&referenceURL != 0 {
		start := l.begin(indexURL)
		l.arena = appendCut(l.arena, asString(l.r.bytes()), urlLimit)
		l.finish(start)
	}
	if parts&referenceVersion != 0 {
		l.r.bytes()
	}
	if parts&referenceIdentifier != 0 {
		l.token(indexIdentifier)
	}
	if parts&^referenceVersion == 0 {
		l.finish(l.begin(indexWhole))
	}
}

func (l *keyList) date(low, high int64) {
	l.note(low, high)
	lowKind, highKind := byte(indexLongLow), byte(indexLongHigh)
	if l.flags&alone != 0 && l.first == nil && high >= low && high-low <= shortSpan {
		lowKind, highKind = indexLow, indexHigh
	}
	start := l.begin(lowKind)
	l.arena = appendTime(appendTime(l.arena, low), high)
	l.finish(start)
	start = l.begin(highKind)
	l.arena = appendTime(appendTime(l.arena, high), low)
	l.finish(start)
}

// number adds a point, or both ends of a span, after the unit.
func (l *keyList) number(v search.NumberValue, unit []byte) {
	if l.r.err != nil {
		return
	}
	outer := l.first
	l.first = append(slices.Clip(outer), unit...)
	if len(l.first) == 0 {
		l.first = nil
	}
	defer func() { l.first = outer }()
	if isPoint(v) {
		start := l.begin(indexPoint)
		l.arena, _ = appendDecimal(l.arena, v.Low)
		l.finish(start)
		return
	}
	start := l.begin(indexLongLow)
	l.arena = appendHigh(appendLow(l.arena, v), v)
	l.finish(start)
	start = l.begin(indexLongHigh)
	l.arena = appendLow(appendHigh(l.arena, v), v)
	l.finish(start)
}

// isPoint reports whether both ends of v are the same number, within it.
func isPoint(v search.NumberValue) bool {
	return v.Low != nil && v.High != nil && !v.LowOpen && !v.HighOpen && (v.Low == v.High || v.Low.Cmp(v.High) == 0)
}

func appendLow(b []byte, v search.NumberValue) []byte {
	if v.Low == nil {
		return append(b, decimalMinimum)
	}
	b, _ = appendDecimal(b, v.Low)
	return b
}

func appendHigh(b []byte, v search.NumberValue) []byte {
	if v.High == nil {
		return append(b, decimalMaximum)
	}
	b, _ = appendDecimal(b, v.High)
	return b
}

// composite adds a key for each pair of components where the first is one that searches ask for as
// it is; anything else is told from its list.
func (l *keyList) composite() {
	parts, ok := l.parts()
	if !ok {
		l.finish(l.begin(indexWhole))
		return
	}
	flags := l.flags
	l.flags = only &^ alone
	defer func() { l.first, l.flags = nil, flags }()
	for _, prefix := range parts.first {
		for _, second := range parts.second {
			l.first = prefix
			l.r.rest = second
			l.entry()
		}
	}
}

// compositeParts are the keys of the first component's values and the packed second ones.
type compositeParts struct{ first, second [][]byte }

// parts reads a composite value to its end; ok is false where pairs cannot serve it.
func (l *keyList) parts() (p compositeParts, ok bool) {
	n := l.r.uvarint()
	ok = n == 2
	for i := range n {
		if l.r.err != nil {
			return p, false
		}
		count := l.r.uvarint()
		for range count {
			if l.r.err != nil {
				return p, false
			}
			before := l.r.rest
			l.r.skip()
			value := before[:len(before)-len(l.r.rest)]
			switch {
			case i == 0:
				prefix, usable := l.prefix(value)
				ok = ok && usable
				if prefix != nil {
					p.first = append(p.first, prefix)
				}
			case i == 1:
				p.second = append(p.second, value)
			}
		}
	}
	return p, ok && l.r.err == nil && len(p.first)*len(p.second) <= compositeLimit
}

// prefix is what the keys of a composite with this first component begin with. A token without
// code and system meets no criterion and has none.
func (l *keyList) prefix(value []byte) (prefix []byte, usable bool) {
	if len(value) == 0 {
		return nil, false
	}
	switch value[0] {
	case packedToken:
		if !isPresent(value) {
			return nil, true
		}
	case packedReference, packedURI, packedString:
	default:
		return nil, false
	}
	inner := keyList{r: unpacker{rest: value}, first: []byte{indexComposite}}
	inner.entry()
	if inner.r.err != nil || len(inner.keys) != 1 {
		return nil, false
	}
	const prefixLength = 5
	return inner.key(inner.keys[0])[prefixLength:], true
}
