package pebble

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"kiln/search"
)

// The index values of a version are stored as one packed list: it gives the index keys to remove
// when the next version lands, the values to sort by, and what a filter that the index cannot decide
// is tested on. An entry is
//
//	parameter(2) length flags value
//
// with entries of one parameter side by side. Numbers without a fixed size are varints. A value that
// stands earlier in the list (the subject is also the patient) is written as where that entry begins.

// entryFlags tell how a value stands among those of its parameter.
type entryFlags byte

const (
	firstAscending  entryFlags = 1 << iota // the value that the resource is sorted by
	firstDescending                        // and by _sort=-parameter
	alone                                  // the only value of the parameter
	only            = firstAscending | firstDescending | alone
)

// The kinds of packed value.
const (
	packedString    = 's'
	packedToken     = 't'
	packedReference = 'r'
	packedDate      = 'd'
	packedNumber    = 'n'
	packedQuantity  = 'q'
	packedURI       = 'u'
	packedPosition  = 'g'
	packedComposite = 'x'
	packedAgain     = '='
)

// packer writes index values.
type packer struct {
	dictionary *dictionary
	out        []byte
	err        error
	list       []codedEntry
	values     []packedValue // written already
	unit       []byte
	typ        code // of the resource
	inside     bool // it is of a contained resource, whose _id is a value
}

// codedEntry is an entry with the code of its parameter.
type codedEntry struct {
	code code
	search.Entry
}

// packedValue is where the value of an entry stands in the list.
type packedValue struct{ entry, start, end int }

// reset begins an empty list in the memory of the last one.
func (p *packer) reset(d *dictionary, typ code) {
	*p = packer{dictionary: d, typ: typ, out: p.out[:0], list: p.list[:0], values: p.values[:0], unit: p.unit[:0]}
}

// pack writes the entries, without those of parameters that only the engine knows, and without words.
func (p *packer) pack(entries []search.Entry) error {
	p.list = slices.Grow(p.list[:0], len(entries))
	for _, e := range entries {
		if e.Param == nil || e.Value == nil || isID(e.Param) && !p.inside || isLastUpdated(e.Param) || e.Param.SearchesWords() {
			continue
		}
		c, err := p.dictionary.internParameter(e.Param)
		if err != nil {
			return err
		}
		p.list = append(p.list, codedEntry{c, e})
	}
	slices.SortStableFunc(p.list, func(a, b codedEntry) int { return int(a.code) - int(b.code) })
	for i := 0; i < len(p.list); {
		j := i + 1
		for j < len(p.list) && p.list[j].code == p.list[i].code {
			j++
		}
		p.parameter(p.list[i:j])
		i = j
	}
	return p.err
}

// parameter writes the values of one parameter.
func (p *packer) parameter(list []codedEntry) {
	if len(list) == 1 {
		p.entry(list[0].code, only, list[0].Value)
		return
	}
	ascending, descending := first(list, false), first(list, true)
	for k, e := range list {
		var flags entryFlags
		if k == ascending {
			flags |= firstAscending
		}
		if k == descending {
			flags |= firstDescending
		}
		p.entry(e.code, flags, e.Value)
	}
}

// first is the index of the value that a resource is sorted by, -1 if none counts.
func first(list []codedEntry, descending bool) int {
	best := -1
	for k, e := range list {
		if search.Present(e.Value) && (best < 0 || search.CompareValues(e.Value, list[best].Value, descending) < 0) {
			best = k
		}
	}
	return best
}

func isID(p *search.Parameter) bool { return p.Code == "_id" && p.Base == "Resource" }

func isLastUpdated(p *search.Parameter) bool { return p.Code == "_lastUpdated" && p.Base == "Resource" }

func (p *packer) entry(param code, flags entryFlags, v search.Value) {
	at, start := p.begin(param, flags)
	p.value(v)
	p.end(at, start)
}

// begin starts an entry and tells where it and its value begin.
func (p *packer) begin(param code, flags entryFlags) (at, start int) {
	at = len(p.out)
	p.out = append(appendCode(p.out, param), 0, byte(flags)) // most lengths take one byte
	return at, len(p.out)
}

// end finishes an entry with its length.
func (p *packer) end(at, start int) {
	if earlier, ok := p.again(p.out[start:]); ok {
		p.out = binary.AppendUvarint(append(p.out[:start], packedAgain), uint64(earlier))
	} else {
		p.values = append(p.values, packedValue{at, start, len(p.out)})
	}
	length := uint64(len(p.out) - start + 1)
	if length < 0x80 {
		p.out[at+2] = byte(length)
		return
	}
	var long [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(long[:], length)
	p.out = slices.Replace(p.out, at+2, at+3, long[:size]...)
	if len(p.values) > 0 {
		if last := &p.values[len(p.values)-1]; last.entry == at {
			last.start, last.end = last.start+size-1, last.end+size-1
		}
	}
}

// shortValue is the length up to which repeating a value costs no more than pointing to it.
const shortValue = 3

// again finds a value among those written already, and gives the start of its entry.
func (p *packer) again(value []byte) (entry int, ok bool) {
	if len(value) <= shortValue || len(p.values) > maxRepeats {
		return 0, false
	}
	for _, v := range p.values {
		if v.end-v.start == len(value) && string(p.out[v.start:v.end]) == string(value) {
			return v.entry, true
		}
	}
	return 0, false
}

// maxRepeats bounds the search for repeated values, which takes time by the square of the list.
const maxRepeats = 256

func (p *packer) uvarint(n uint64) { p.out = binary.AppendUvarint(p.out, n) }

func (p *packer) text(s string) {
	p.uvarint(uint64(len(s)))
	p.out = append(p.out, s...)
}

func (p *packer) value(v search.Value) {
	switch v := v.(type) {
	case search.StringValue:
		p.string(v)
	case search.TokenValue:
		p.out = append(p.out, packedToken)
		p.token(v)
	case search.ReferenceValue:
		p.reference(v)
	case search.DateValue:
		p.out = append(p.out, packedDate)
		p.out = binary.AppendVarint(p.out, v.Low)
		p.out = binary.AppendVarint(p.out, v.High)
	case search.NumberValue:
		p.out = append(p.out, packedNumber)
		p.number(v)
	case search.QuantityValue:
		p.out = append(p.out, packedQuantity)
		p.unit = appendUnit(p.unit[:0], v)
		p.uvarint(uint64(p.code(kindUnit, asString(p.unit))))
		p.number(v.NumberValue)
	case search.URIValue:
		p.out = append(p.out, packedURI)
		p.text(v.URI)
	case search.PositionValue:
		p.out = append(p.out, packedPosition)
		p.out = appendFloat(appendFloat(p.out, v.Latitude), v.Longitude)
	case search.ContainedValue:
		p.contained(v)
	case search.CompositeValue:
		p.out = append(p.out, packedComposite)
		p.uvarint(uint64(len(v.Parts)))
		for _, part := range v.Parts {
			p.uvarint(uint64(len(part)))
			for _, component := range part {
				p.value(component)
			}
		}
	}
}

// How the folded text of a string is written: most often it follows from the text.
const (
	foldedSame = iota
	foldedLower
	foldedApart
)

func (p *packer) string(v search.StringValue) {
	p.out = append(p.out, packedString)
	switch v.Folded {
	case v.Text:
		p.out = append(p.out, foldedSame)
	case lowerASCII(v.Text):
		p.out = append(p.out, foldedLower)
	default:
		p.out = append(p.out, foldedApart)
		p.text(v.Folded)
	}
	p.text(v.Text)
}

func lowerASCII(s string) string {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' || s[i] >= 0x80 {
			return strings.ToLower(s)
		}
	}
	return s
}

func (p *packer) token(v search.TokenValue) {
	p.uvarint(uint64(p.system(v.System)))
	p.text(v.Code)
	p.text(v.Text)
	if v.TypeSystem == "" && v.TypeCode == "" {
		p.out = append(p.out, 0)
		return
	}
	p.out = append(p.out, 1)
	p.uvarint(uint64(p.system(v.TypeSystem)))
	p.text(v.TypeCode)
}

// system is the code of a token's system, 0 for none.
func (p *packer) system(s string) uint32 {
	if s == "" {
		return 0
	}
	return p.code(kindSystem, s)
}

func (p *packer) code(k kind, text string) uint32 {
	c, err := p.dictionary.intern(k, text)
	if err != nil {
		p.err = err
	}
	return c
}

// Which parts of a reference follow.
const (
	referenceID = 1 << iota
	referenceURL
	referenceVersion
	referenceIdentifier
)

func (p *packer) reference(v search.ReferenceValue) {
	var parts byte
	if v.ID != "" || v.Type != "" {
		parts |= referenceID
	}
	if v.URL != "" {
		parts |= referenceURL
	}
	if v.Version != "" {
		parts |= referenceVersion
	}
	if v.Identifier != (search.TokenValue{}) {
		parts |= referenceIdentifier
	}
	p.out = append(p.out, packedReference, parts)
	if parts&referenceID != 0 {
		p.uvarint(uint64(p.targetType(v.Type)))
		p.out = appendID(p.out, v.ID)
	}
	if parts&referenceURL != 0 {
		p.text(v.URL)
	}
	if parts&referenceVersion != 0 {
		p.text(v.Version)
	}
	if parts&referenceIdentifier != 0 {
		p.token(v.Identifier)
	}
}

func (p *packer) targetType(name string) uint32 {
	if name == "" {
		return 0
	}
	return p.code(kindType, name)
}

// appendUnit writes what the code of a unit stands for.
func appendUnit(b []byte, v search.QuantityValue) []byte {
	return appendText(appendText(appendText(b, v.System), v.Code), v.Unit)
}

// splitUnit reads what appendUnit wrote.
func splitUnit(text string) (v search.QuantityValue, ok bool) {
	rest := []byte(text)
	for _, part := range [...]*string{&v.System, &v.Code, &v.Unit} {
		var b []byte
		if b, rest, ok = readText(rest); !ok {
			return v, false
		}
		*part = string(b)
	}
	return v, true
}

// Which parts of a number follow.
const (
	numberLow = 1 << iota
	numberHigh
	numberSame // both ends are one
	numberLowOpen
	numberHighOpen
)

func (p *packer) number(v search.NumberValue) {
	var parts byte
	if v.Low != nil {
		parts |= numberLow
	}
	if v.High != nil && v.Low != nil && (v.Low == v.High || v.Low.CmpTotal(v.High) == 0) {
		parts |= numberSame
	} else if v.High != nil {
		parts |= numberHigh
	}
	if v.LowOpen {
		parts |= numberLowOpen
	}
	if v.HighOpen {
		parts |= numberHighOpen
	}
	p.out = append(p.out, parts)
	if parts&numberLow != 0 {
		p.decimal(v.Low)
	}
	if parts&numberHigh != 0 {
		p.decimal(v.High)
	}
}

// decimal writes sign and exponent as one varint, then the digits as a big-endian integer.
func (p *packer) decimal(d *apd.Decimal) {
	head := int64(d.Exponent) << 1
	if d.Negative {
		head |= 1
	}
	p.out = binary.AppendVarint(p.out, head)
	digits := d.Coeff.Bytes()
	p.uvarint(uint64(len(digits)))
	p.out = append(p.out, digits...)
}

// packed walks a packed list.
type packed struct {
	all, rest []byte

	param code
	flags entryFlags
	value []byte
}

func walkPacked(list []byte) packed { return packed{all: list, rest: list} }

// next moves on to an entry; false at the end and on damage, when rest is left over.
func (p *packed) next() bool {
	param, flags, value, rest, ok := readPacked(p.rest)
	if !ok {
		return false
	}
	if value[0] == packedAgain {
		earlier, size := binary.Uvarint(value[1:])
		if size <= 0 || earlier >= uint64(len(p.all)-len(p.rest)) {
			return false
		}
		if _, _, value, _, ok = readPacked(p.all[earlier:]); !ok || value[0] == packedAgain {
			return false
		}
	}
	p.param, p.flags, p.value, p.rest = param, flags, value, rest
	return true
}

// readPacked takes the first entry off a list.
func readPacked(b []byte) (param code, flags entryFlags, value, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, 0, nil, nil, false
	}
	n, size := binary.Uvarint(b[2:])
	if size <= 0 || n < 2 || n > math.MaxInt32 || len(b) < 2+size+int(n) {
		return 0, 0, nil, nil, false
	}
	body := b[2+size : 2+size+int(n)]
	return code(binary.BigEndian.Uint16(b)), entryFlags(body[0]), body[1:], b[2+size+int(n):], true
}
