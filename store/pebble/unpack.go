package pebble

import (
	"encoding/binary"

	"github.com/cockroachdb/apd/v3"

	"kiln/search"
)

// unpack gives the entries of the parameters in the map, in the order of their codes.
func (d *dictionary) unpack(list []byte, wanted map[code]*search.Parameter) ([]search.Entry, error) {
	var entries []search.Entry
	p := walkPacked(list)
	for p.next() {
		param := wanted[p.param]
		if param == nil {
			continue
		}
		v, err := d.unpackEntry(p.value, wanted)
		if err != nil {
			return nil, err
		}
		entries = append(entries, search.Entry{Param: param, Value: v})
	}
	if len(p.rest) > 0 {
		return nil, corrupt("a list of index values")
	}
	return entries, nil
}

// unpackEntry reads the value of an entry, of a contained resource its entries of the parameters in the map.
func (d *dictionary) unpackEntry(b []byte, wanted map[code]*search.Parameter) (search.Value, error) {
	if b[0] != packedContained {
		return d.unpackValue(b)
	}
	r := unpacker{dictionary: d, rest: b[1:]}
	v := r.contained(wanted)
	return v, r.err
}

func (d *dictionary) unpackValue(b []byte) (search.Value, error) {
	r := unpacker{dictionary: d, rest: b}
	v := r.value(0)
	if r.err == nil && len(r.rest) > 0 {
		r.fail()
	}
	return v, r.err
}

// unpacker reads what packer wrote. After damage it reads zeros, with err set. Without a dictionary
// the names of systems, types and units are left out.
type unpacker struct {
	dictionary *dictionary
	rest       []byte
	err        error
}

func (r *unpacker) fail() {
	if r.err == nil {
		r.err = corrupt("an index value")
	}
	r.rest = nil
}

func (r *unpacker) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *unpacker) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *unpacker) varint() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *unpacker) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *unpacker) text() string { return string(r.bytes()) }

// value reads a value; components of composites are no composites.
func (r *unpacker) value(depth int) search.Value {
	switch r.byte() {
	case packedString:
		return r.string()
	case packedToken:
		return r.token()
	case packedReference:
		return r.reference()
	case packedDate:
		return search.DateValue{Low: r.varint(), High: r.varint()}
	case packedNumber:
		return r.number()
	case packedQuantity:
		return r.quantity()
	case packedURI:
		return search.URIValue{URI: r.text()}
	case packedPosition:
		return r.position()
	case packedComposite:
		if depth == 0 {
			return r.composite()
		}
	}
	r.fail()
	return nil
}

func (r *unpacker) string() search.StringValue {
	how := r.byte()
	var v search.StringValue
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

func (r *unpacker) name(k kind, c uint64) string {
	if c == 0 || r.err != nil || r.dictionary == nil {
		return ""
	}
	text, err := r.dictionary.text(k, uint32(c))
	if err != nil && r.err == nil {
		r.err = err
	}
	return text
}

func (r *unpacker) token() search.TokenValue {
	v := search.TokenValue{System: r.name(kindSystem, r.uvarint()), Code: r.text(), Text: r.text()}
	if r.byte() != 0 {
		v.TypeSystem = r.name(kindSystem, r.uvarint())
		v.TypeCode = r.text()
	}
	return v
}

func (r *unpacker) id() string {
	id, rest, ok := readID(r.rest)
	if !ok {
		r.fail()
		return ""
	}
	r.rest = rest
	return id
}

func (r *unpacker) reference() (v search.ReferenceValue) {
	parts := r.byte()
	if parts&referenceID != 0 {
		v.Type = r.name(kindType, r.uvarint())
		v.ID = r.id()
	}
	if parts&referenceURL != 0 {
		v.URL = r.text()
	}
	if parts&referenceVersion != 0 {
		v.Version = r.text()
	}
	if parts&referenceIdentifier != 0 {
		v.Identifier = r.token()
	}
	return v
}

func (r *unpacker) quantity() search.QuantityValue {
	var v search.QuantityValue
	if unit := r.uvarint(); r.dictionary != nil && r.err == nil {
		var ok bool
		if v, ok = splitUnit(r.name(kindUnit, unit)); !ok {
			r.fail()
		}
	}
	v.NumberValue = r.number()
	return v
}

func (r *unpacker) number() (v search.NumberValue) {
	parts := r.byte()
	v.LowOpen, v.HighOpen = parts&numberLowOpen != 0, parts&numberHighOpen != 0
	if parts&numberLow != 0 {
		v.Low = r.decimal()
	}
	switch {
	case parts&numberSame != 0:
		v.High = v.Low
	case parts&numberHigh != 0:
		v.High = r.decimal()
	}
	return v
}

func (r *unpacker) decimal() *apd.Decimal {
	head := r.varint()
	d := &apd.Decimal{Negative: head&1 != 0, Exponent: int32(head >> 1)}
	d.Coeff.SetBytes(r.bytes())
	return d
}

func (r *unpacker) composite() (v search.CompositeValue) {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return v
	}
	v.Parts = make([][]search.Value, n)
	for i := range v.Parts {
		count := r.uvarint()
		if count > uint64(len(r.rest)) {
			r.fail()
			return v
		}
		for range count {
			if r.err != nil {
				return v
			}
			v.Parts[i] = append(v.Parts[i], r.value(1))
		}
	}
	return v
}
