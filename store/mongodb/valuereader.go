package mongodb

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/cockroachdb/apd/v3"

	"kiln/search"
)

var errValues = errors.New("the database holds a list of index values that cannot be read")

// Bounds of what is read: no writer goes beyond them.
const (
	maxValues      = 2_000_000 // of a resource with all inside; search gives fewer
	maxComponents  = 64        // of a composite
	maxForm        = byte(apd.NaN)
	maxExponent    = 1 << 14   // of ten, in a number; a number read from a resource stays far below
	domainResource = "Patient" // a type that has the parameters of DomainResource
)

// readValues reads them; those of parameters that are not defined (any more) are left out.
func readValues(b []byte, parameters *search.Parameters) ([]search.Entry, error) {
	return readEntries(b, parameters, false)
}

// readAllValues reads them all, to be written again: in place of a parameter that is not defined, or whose index is
// not whole yet, stands one that has no more than its Base, Code and Type.
func readAllValues(b []byte, parameters *search.Parameters) ([]search.Entry, error) {
	return readEntries(b, parameters, true)
}

func readEntries(b []byte, parameters *search.Parameters, all bool) ([]search.Entry, error) {
	r := valueReader{
		parameters: parameters, all: all, rest: string(b), known: make([]*search.Parameter, 0, 16), names: make([]string, 0, 16),
	}
	if r.byte() != valuesFormat {
		r.fail()
	}
	entries := make([]search.Entry, 0, min(len(b)/16, 256))
	for len(r.rest) > 0 {
		entries = r.entry(entries, whole)
	}
	return entries, r.err
}

// valueReader reads what valueWriter wrote. After damage it reads zeros, with err set. All texts share
// the memory of one.
type valueReader struct {
	parameters *search.Parameters
	all        bool // also of those that are not defined
	rest       string
	known      []*search.Parameter // by number; nil of those that are not defined
	names      []string
	count      int
	err        error
}

// nesting is what a value stands in, which cannot stand in itself.
type nesting uint8

const (
	whole  nesting = iota // a resource
	inside                // one contained
	part                  // a composite
)

func (r *valueReader) fail() {
	r.err, r.rest = errValues, ""
}

func (r *valueReader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// flags is a byte that has no bit beyond those of all.
func (r *valueReader) flags(all byte) byte {
	b := r.byte()
	if b > all {
		r.fail()
		return 0
	}
	return b
}

func (r *valueReader) uvarint() (n uint64) {
	for shift := 0; shift < 64; shift += 7 {
		b := r.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.fail()
	return 0
}

func (r *valueReader) varint() int64 {
	n := r.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

func (r *valueReader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *valueReader) name() string {
	n := r.uvarint()
	if n == 0 {
		s := r.text()
		r.names = append(r.names, s)
		return s
	}
	if n > uint64(len(r.names)) {
		r.fail()
		return ""
	}
	return r.names[n-1]
}

func (r *valueReader) parameter() *search.Parameter {
	n := r.uvarint()
	if n == 0 {
		p := r.lookup(r.name(), r.text(), search.ParameterType(r.byte()))
		r.known = append(r.known, p)
		return p
	}
	if n > uint64(len(r.known)) {
		r.fail()
		return nil
	}
	return r.known[n-1]
}

// lookup finds a parameter where it is defined.
func (r *valueReader) lookup(base, code string, typ search.ParameterType) *search.Parameter {
	if c := search.Containment(); code == c.Code && base == c.Base {
		return c
	}
	on := base
	switch base {
	case "Resource":
		on = ""
	case "DomainResource":
		on = domainResource
	}
	if p := r.parameters.Lookup(on, code); p != nil && p.Type == typ && p.Base == base {
		return p
	}
	if r.all {
		return &search.Parameter{Base: base, Code: code, Type: typ}
	}
	return nil
}

// entry reads an entry and adds it, unless its parameter is not defined.
func (r *valueReader) entry(entries []search.Entry, in nesting) []search.Entry {
	p := r.parameter()
	v := r.value(in)
	if r.err != nil || p == nil {
		return entries
	}
	return append(entries, search.Entry{Param: p, Value: v})
}

func (r *valueReader) value(in nesting) search.Value {
	if r.count++; r.count > maxValues {
		r.fail()
	}
	switch k := r.byte(); {
	case k == kindString:
		return r.string()
	case k == kindToken:
		return r.token()
	case k == kindReference:
		return r.reference()
	case k == kindDate:
		low := r.varint()
		return search.DateValue{Low: low, High: int64(uint64(low) + r.uvarint())}
	case k == kindNumber:
		return r.number()
	case k == kindQuantity:
		return search.QuantityValue{System: r.name(), Code: r.name(), Unit: r.name(), NumberValue: r.number()}
	case k == kindURI:
		return search.URIValue{URI: r.text()}
	case k == kindPosition:
		return search.PositionValue{Latitude: r.float(), Longitude: r.float()}
	case k == kindComposite && in != part:
		return r.composite()
	case k == kindContained && in == whole:
		return r.contained()
	}
	r.fail()
	return nil
}

func (r *valueReader) string() (v search.StringValue) {
	how := r.flags(foldedApart)
	if how == foldedApart {
		v.Folded = r.text()
	}
	v.Text = r.text()
	switch how {
	case foldedSame:
		v.Folded = v.Text
	case foldedLower:
		v.Folded = lowerASCII(v.Text)
	}
	return v
}

func (r *valueReader) token() (v search.TokenValue) {
	has := r.flags(tokenSystem | tokenCode | tokenText | tokenType)
	if has&tokenSystem != 0 {
		v.System = r.name()
	}
	if has&tokenCode != 0 {
		v.Code = r.text()
	}
	if has&tokenText != 0 {
		v.Text = r.text()
	}
	if has&tokenType != 0 {
		v.TypeSystem, v.TypeCode = r.name(), r.text()
	}
	return v
}

func (r *valueReader) reference() (v search.ReferenceValue) {
	has := r.flags(referenceType | referenceURL | referenceVersion | referenceIdentifier)
	if has&referenceType != 0 {
		v.Type, v.ID = r.name(), r.name()
	}
	if has&referenceURL != 0 {
		v.URL = r.name()
	}
	if has&referenceVersion != 0 {
		v.Version = r.text()
	}
	if has&referenceIdentifier != 0 {
		v.Identifier = r.token()
	}
	return v
}

func (r *valueReader) number() (v search.NumberValue) {
	has := r.flags(numberLow | numberHigh | numberSame | numberLowOpen | numberHighOpen)
	v.LowOpen, v.HighOpen = has&numberLowOpen != 0, has&numberHighOpen != 0
	if has&numberLow != 0 {
		v.Low = r.decimal()
	}
	switch {
	case has&numberSame != 0:
		v.High = v.Low
	case has&numberHigh != 0:
		v.High = r.decimal()
	}
	return v
}

func (r *valueReader) decimal() *apd.Decimal {
	head, exponent := r.flags(maxForm<<1|1), r.varint()
	if exponent < -maxExponent || exponent > maxExponent {
		r.fail()
	}
	d := &apd.Decimal{Form: apd.Form(head >> 1), Negative: head&1 != 0, Exponent: int32(exponent)} //nolint:gosec // within the bounds above, or the whole is refused
	raw := r.text()
	if len(raw) > 8 {
		d.Coeff.SetBytes([]byte(raw))
		return d
	}
	var n uint64
	for i := range len(raw) {
		n = n<<8 | uint64(raw[i])
	}
	d.Coeff.SetUint64(n)
	return d
}

func (r *valueReader) float() float64 {
	if len(r.rest) < 8 {
		r.fail()
		return 0
	}
	var raw [8]byte
	copy(raw[:], r.rest)
	r.rest = r.rest[8:]
	return math.Float64frombits(binary.LittleEndian.Uint64(raw[:]))
}

func (r *valueReader) composite() (v search.CompositeValue) {
	n := r.uvarint()
	if n > maxComponents {
		r.fail()
		return v
	}
	v.Parts = make([][]search.Value, n)
	for i := range v.Parts {
		for range r.uvarint() {
			value := r.value(part)
			if r.err != nil {
				return v
			}
			v.Parts[i] = append(v.Parts[i], value)
		}
	}
	return v
}

func (r *valueReader) contained() search.ContainedValue {
	v := search.ContainedValue{Type: r.name(), ID: r.text()}
	for range r.uvarint() {
		if v.Entries = r.entry(v.Entries, inside); r.err != nil {
			break
		}
	}
	return v
}
