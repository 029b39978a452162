package mongodb

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"kiln/search"
)

// Index values are written one after the other, each after its parameter. Parameters, and the names that
// repeat in values (systems, types, units), are written out where they stand first; each gets the next number
// and is that number plus one from then on, 0 announces a new one. So a list of values stands for itself,
// whatever process reads it. Numbers are varints, texts their length and bytes.
//
//	format  { parameter kind value }
const valuesFormat = 1

// The kinds of value.
const (
	kindString byte = iota + 1
	kindToken
	kindReference
	kindDate
	kindNumber
	kindQuantity
	kindURI
	kindPosition
	kindComposite
	kindContained
)

// How the folded text of a string goes with its text.
const (
	foldedSame  byte = iota // it is the text
	foldedLower             // it is the text in lower case, which is ASCII
	foldedApart             // it is written in front
)

// What a token has.
const (
	tokenSystem byte = 1 << iota
	tokenCode
	tokenText
	tokenType
)

// What a reference has.
const (
	referenceType byte = 1 << iota
	referenceURL
	referenceVersion
	referenceIdentifier
)

// What a number has.
const (
	numberLow byte = 1 << iota
	numberHigh
	numberSame // both are one
	numberLowOpen
	numberHighOpen
)

// appendValues writes index values, but for those of words, which are taken from the text.
func appendValues(b []byte, entries []search.Entry) []byte {
	w := valueWriter{out: append(b, valuesFormat)}
	w.entries(entries)
	return w.out
}

type valueWriter struct {
	out        []byte
	parameters map[*search.Parameter]int
	names      map[string]int
}

// isWords reports whether a value is left out.
func isWords(v search.Value) bool {
	switch v.(type) {
	case search.WordsValue, search.DeferredWords:
		return true
	}
	return false
}

func (w *valueWriter) entries(entries []search.Entry) {
	for _, e := range entries {
		if !isWords(e.Value) {
			w.parameter(e.Param)
			w.value(e.Value)
		}
	}
}

// parameter names a parameter as it is told over processes: one whose type changes is another.
func (w *valueWriter) parameter(p *search.Parameter) {
	n, known := w.parameters[p]
	if known {
		w.uvarint(uint64(n))
		return
	}
	if w.parameters == nil {
		w.parameters = map[*search.Parameter]int{}
	}
	w.parameters[p] = len(w.parameters) + 1
	w.uvarint(0)
	w.name(p.Base)
	w.text(p.Code)
	w.out = append(w.out, byte(p.Type))
}

func (w *valueWriter) name(s string) {
	if n, known := w.names[s]; known {
		w.uvarint(uint64(n))
		return
	}
	if w.names == nil {
		w.names = map[string]int{}
	}
	w.names[s] = len(w.names) + 1
	w.uvarint(0)
	w.text(s)
}

func (w *valueWriter) uvarint(n uint64) { w.out = binary.AppendUvarint(w.out, n) }
func (w *valueWriter) varint(n int64)   { w.out = binary.AppendVarint(w.out, n) }

func (w *valueWriter) text(s string) {
	w.uvarint(uint64(len(s)))
	w.out = append(w.out, s...)
}

func (w *valueWriter) kind(k byte) { w.out = append(w.out, k) }

func (w *valueWriter) value(v search.Value) {
	switch v := v.(type) {
	case search.StringValue:
		w.kind(kindString)
		w.string(v)
	case search.TokenValue:
		w.kind(kindToken)
		w.token(v)
	case search.ReferenceValue:
		w.kind(kindReference)
		w.reference(v)
	case search.DateValue:
		w.kind(kindDate)
		w.varint(v.Low)
		w.uvarint(uint64(v.High) - uint64(v.Low)) // of most dates the shorter number; it wraps around
	case search.NumberValue:
		w.kind(kindNumber)
		w.number(v)
	case search.QuantityValue:
		w.kind(kindQuantity)
		w.name(v.System)
		w.name(v.Code)
		w.name(v.Unit)
		w.number(v.NumberValue)
	case search.URIValue:
		w.kind(kindURI)
		w.text(v.URI)
	case search.PositionValue:
		w.kind(kindPosition)
		w.out = binary.LittleEndian.AppendUint64(w.out, math.Float64bits(v.Latitude))
		w.out = binary.LittleEndian.AppendUint64(w.out, math.Float64bits(v.Longitude))
	case search.CompositeValue:
		w.kind(kindComposite)
		w.composite(v)
	case search.ContainedValue:
		w.kind(kindContained)
		w.contained(v)
	}
}

func (w *valueWriter) string(v search.StringValue) {
	switch v.Folded {
	case v.Text:
		w.kind(foldedSame)
	case lowerASCII(v.Text):
		w.kind(foldedLower)
	default:
		w.kind(foldedApart)
		w.text(v.Folded)
	}
	w.text(v.Text)
}

// lowerASCII is a text in lower case; other letters than those of ASCII stay.
func lowerASCII(s string) string {
	i := 0
	for i < len(s) && !isUpper(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	for ; i < len(s); i++ {
		c := s[i]
		if isUpper(c) {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

func isUpper(c byte) bool { return c-'A' < 26 }

func flag(bit byte, set bool) byte {
	if set {
		return bit
	}
	return 0
}

func (w *valueWriter) token(v search.TokenValue) {
	typed := v.TypeSystem != "" || v.TypeCode != ""
	w.kind(flag(tokenSystem, v.System != "") | flag(tokenCode, v.Code != "") | flag(tokenText, v.Text != "") | flag(tokenType, typed))
	if v.System != "" {
		w.name(v.System)
	}
	if v.Code != "" {
		w.text(v.Code)
	}
	if v.Text != "" {
		w.text(v.Text)
	}
	if typed {
		w.name(v.TypeSystem)
		w.text(v.TypeCode)
	}
}

func (w *valueWriter) reference(v search.ReferenceValue) {
	here, identified := v.Type != "" || v.ID != "", v.Identifier != search.TokenValue{}
	w.kind(flag(referenceType, here) | flag(referenceURL, v.URL != "") | flag(referenceVersion, v.Version != "") |
		flag(referenceIdentifier, identified))
	if here {
		w.name(v.Type)
		w.name(v.ID) // most resources refer to few others, by several parameters
	}
	if v.URL != "" {
		w.name(v.URL)
	}
	if v.Version != "" {
		w.text(v.Version)
	}
	if identified {
		w.token(v.Identifier)
	}
}

func (w *valueWriter) number(v search.NumberValue) {
	same := v.Low != nil && v.Low == v.High
	w.kind(flag(numberLow, v.Low != nil) | flag(numberHigh, v.High != nil && !same) | flag(numberSame, same) |
		flag(numberLowOpen, v.LowOpen) | flag(numberHighOpen, v.HighOpen))
	if v.Low != nil {
		w.decimal(v.Low)
	}
	if v.High != nil && !same {
		w.decimal(v.High)
	}
}

// decimal keeps digits and exponent: 1.0 and 1.00 are read back as such.
func (w *valueWriter) decimal(d *apd.Decimal) {
	w.kind(byte(d.Form)<<1 | flag(1, d.Negative))
	w.varint(int64(d.Exponent))
	if d.Coeff.IsUint64() {
		var raw [8]byte
		binary.BigEndian.PutUint64(raw[:], d.Coeff.Uint64())
		i := 0
		for i < len(raw) && raw[i] == 0 {
			i++
		}
		w.uvarint(uint64(len(raw) - i))
		w.out = append(w.out, raw[i:]...)
		return
	}
	raw := d.Coeff.Bytes()
	w.uvarint(uint64(len(raw)))
	w.out = append(w.out, raw...)
}

func (w *valueWriter) composite(v search.CompositeValue) {
	w.uvarint(uint64(len(v.Parts)))
	for _, part := range v.Parts {
		w.uvarint(uint64(len(part)))
		for _, v := range part {
			w.value(v)
		}
	}
}

func (w *valueWriter) contained(v search.ContainedValue) {
	w.name(v.Type)
	w.text(v.ID)
	count := 0
	for _, e := range v.Entries {
		if !isWords(e.Value) {
			count++
		}
	}
	w.uvarint(uint64(count))
	w.entries(v.Entries)
}
