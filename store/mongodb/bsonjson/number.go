package bsonjson

import (
	"encoding/binary"
	"math"
	"strconv"
)

// number writes the number at the current place, and its type into out[at].
func (e *encoder) number(at int) bool {
	n, ok := scanNumber(e.src[e.at:])
	if !ok {
		return false
	}
	e.at += n.length
	if n.whole() {
		if v, ok := n.int64(); ok {
			e.integer(at, v)
			return true
		}
	}
	d, exact := n.decimal()
	e.out[at] = typeDecimal
	e.out = binary.LittleEndian.AppendUint64(e.out, d.low)
	e.out = binary.LittleEndian.AppendUint64(e.out, d.high)
	if !exact || n.exponent != nil && !d.spells(e.src[e.at-n.length:e.at]) {
		e.differs = true
	}
	return true
}

func (e *encoder) integer(at int, v int64) {
	if v >= math.MinInt32 && v <= math.MaxInt32 {
		e.out[at] = typeInt32
		e.out = binary.LittleEndian.AppendUint32(e.out, uint32(v)) //nolint:gosec // as two's complement
		return
	}
	e.out[at] = typeInt64
	e.out = binary.LittleEndian.AppendUint64(e.out, uint64(v)) //nolint:gosec // as two's complement
}

// number is the text of a number taken apart: https://www.rfc-editor.org/rfc/rfc8259#section-6
type number struct {
	negative                    bool
	integer, fraction, exponent []byte // digits; exponent with its sign, nil without one
	length                      int
}

func scanNumber(b []byte) (n number, ok bool) {
	at := 0
	if b[0] == '-' {
		n.negative, at = true, 1
	}
	if n.integer = digits(b, at); len(n.integer) == 0 || len(n.integer) > 1 && n.integer[0] == '0' {
		return n, false
	}
	at += len(n.integer)
	if at < len(b) && b[at] == '.' {
		if n.fraction = digits(b, at+1); len(n.fraction) == 0 {
			return n, false
		}
		at += 1 + len(n.fraction)
	}
	if at < len(b) && b[at]|0x20 == 'e' {
		sign := 0
		if at+1 < len(b) && (b[at+1] == '+' || b[at+1] == '-') {
			sign = 1
		}
		more := digits(b, at+1+sign)
		if len(more) == 0 {
			return n, false
		}
		n.exponent = b[at+1 : at+1+sign+len(more)]
		at += 1 + sign + len(more)
	}
	n.length = at
	return n, true
}

// digits are those of b from a place on.
func digits(b []byte, at int) []byte {
	end := at
	for end < len(b) && b[end]-'0' <= 9 {
		end++
	}
	return b[min(at, len(b)):end]
}

// whole reports whether the number has neither fraction nor exponent, and is not -0, which no integer is.
func (n *number) whole() bool {
	return n.fraction == nil && n.exponent == nil && !(n.negative && n.integer[0] == '0')
}

// int64 is the value of a whole number, if it fits.
func (n *number) int64() (v int64, ok bool) {
	if len(n.integer) > 18 {
		text := string(n.integer)
		if n.negative {
			text = "-" + text
		}
		v, err := strconv.ParseInt(text, 10, 64)
		return v, err == nil
	}
	for _, c := range n.integer {
		v = v*10 + int64(c-'0')
	}
	if n.negative {
		v = -v
	}
	return v, true
}
