package bsonjson

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
)

var errDocument = errors.New("the BSON document is not one that was made of JSON")

// AppendText writes a BSON document as JSON behind dst. The error says that the document is damaged or has what no
// JSON was made into: another type, or a number that is infinite or none; dst comes back as it was.
// Strings are not looked through for what is no UTF-8.
func AppendText(dst, document []byte) ([]byte, error) {
	d := decoder{rest: document, out: grow(dst, len(document)+len(document)/8+64)}
	if !d.elements(false) || len(d.rest) > 0 {
		return dst, errDocument
	}
	return d.out, nil
}

// decoder reads BSON and writes JSON. Its methods report whether they could.
type decoder struct {
	rest, out []byte
	depth     int
}

// elements writes a document or an array. Its end is where the zero byte stands, which must be where its length says.
func (d *decoder) elements(array bool) bool {
	begin, end := byte('{'), byte('}')
	if array {
		begin, end = '[', ']'
	}
	if d.depth++; len(d.rest) < 5 || d.depth > MaxDepth {
		return false
	}
	length := int(binary.LittleEndian.Uint32(d.rest))
	if length < 5 || length > len(d.rest) {
		return false
	}
	after := len(d.rest) - length
	d.rest = d.rest[4:]
	for separator := begin; ; separator = ',' {
		kind := d.rest[0]
		d.rest = d.rest[1:]
		if kind == 0 {
			if separator == begin {
				d.out = append(d.out, begin)
			}
			d.out = append(d.out, end)
			d.depth--
			return len(d.rest) == after
		}
		d.out = append(d.out, separator)
		if !d.name(array) || !d.value(kind) || len(d.rest) <= after {
			return false
		}
	}
}

// name writes the name of a member; that of an item, its number, is stepped over.
func (d *decoder) name(array bool) bool {
	b, end := d.rest, 0
	for end < len(b) && !inName[b[end]] {
		end++
	}
	if end == len(b) || b[end] != 0 {
		return d.unusualName(array)
	}
	if !array {
		d.out = append(append(append(d.out, '"'), b[:end]...), '"', ':')
	}
	d.rest = b[end+1:]
	return true
}

// unusualName is name for one that may need escapes.
func (d *decoder) unusualName(array bool) bool {
	end := bytes.IndexByte(d.rest, 0)
	if end < 0 {
		return false
	}
	if !array {
		d.out = append(appendString(d.out, d.rest[:end]), ':')
	}
	d.rest = d.rest[end+1:]
	return true
}

// sizes are those of the values that have always the same.
var sizes = [256]int{typeBoolean: 1, typeInt32: 4, typeInt64: 8, typeDecimal: 16}

func (d *decoder) value(kind byte) bool {
	size := sizes[kind]
	if len(d.rest) < size {
		return false
	}
	b := d.rest[:size]
	d.rest = d.rest[size:]
	switch kind {
	case typeString:
		return d.string()
	case typeDocument, typeArray:
		return d.elements(kind == typeArray)
	case typeBoolean:
		d.out = strconv.AppendBool(d.out, b[0] != 0)
	case typeNull:
		d.out = append(d.out, "null"...)
	case typeInt32:
		d.out = strconv.AppendInt(d.out, int64(int32(binary.LittleEndian.Uint32(b))), 10) //nolint:gosec // two's complement
	case typeInt64:
		d.out = strconv.AppendInt(d.out, int64(binary.LittleEndian.Uint64(b)), 10) //nolint:gosec // two's complement
	case typeDecimal:
		var ok bool
		d.out, ok = decimal{low: binary.LittleEndian.Uint64(b), high: binary.LittleEndian.Uint64(b[8:])}.append(d.out)
		return ok
	default:
		return false
	}
	return true
}

func (d *decoder) string() bool {
	if len(d.rest) < 5 {
		return false
	}
	length := int(binary.LittleEndian.Uint32(d.rest))
	if length < 1 || length > len(d.rest)-4 || d.rest[3+length] != 0 {
		return false
	}
	d.out = appendString(d.out, d.rest[4:3+length])
	d.rest = d.rest[4+length:]
	return true
}
