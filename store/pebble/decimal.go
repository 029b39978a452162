package pebble

import (
	"encoding/binary"

	"github.com/cockroachdb/apd/v3"
)

// Numbers in keys sort by value whatever their digits: 1.0 and 1.00 are the same key. A number is a
// byte for its sign, the power of ten of its first digit, and its digits two to a byte, each plus
// one, up to a 0; all but the first byte are inverted for negative numbers. Nothing passes through
// floating point.
const (
	decimalMinimum  = 0x01 // no lower bound
	decimalNegative = 0x40
	decimalZero     = 0x80
	decimalPositive = 0xc0
	decimalMaximum  = 0xff // no upper bound
)

// decimalDigits is how many digits count in a key; longer numbers are compared again by value.
const decimalDigits = 40

// Powers of ten outside one byte take five.
const (
	exponentBelow = 0x01
	exponentBias  = 0x80
	exponentSpan  = 0x70
	exponentAbove = 0xff
)

// appendDecimal writes a number, and tells whether all its digits are in the key.
func appendDecimal(b []byte, d *apd.Decimal) (key []byte, exact bool) {
	if d.Form != apd.Finite {
		return append(b, decimalZero), false
	}
	if d.IsZero() {
		return append(b, decimalZero), true
	}
	var buffer [64]byte
	digits := d.Coeff.Append(buffer[:0], 10)
	power := int64(d.Exponent) + int64(len(digits))
	for digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	exact = len(digits) <= decimalDigits
	if !exact {
		digits = digits[:decimalDigits]
	}
	if !d.Negative {
		return appendMagnitude(append(b, decimalPositive), power, digits), exact
	}
	start := len(b) + 1
	b = appendMagnitude(append(b, decimalNegative), power, digits)
	for i := start; i < len(b); i++ {
		b[i] = ^b[i]
	}
	return b, exact
}

func appendMagnitude(b []byte, power int64, digits []byte) []byte {
	switch {
	case power < -exponentSpan:
		b = binary.BigEndian.AppendUint32(append(b, exponentBelow), uint32(power+1<<31))
	case power > exponentSpan:
		b = binary.BigEndian.AppendUint32(append(b, exponentAbove), uint32(power+1<<31))
	default:
		b = append(b, byte(power+exponentBias))
	}
	for i := 0; i < len(digits); i += 2 {
		pair := (digits[i] - '0') * 10
		if i+1 < len(digits) {
			pair += digits[i+1] - '0'
		}
		b = append(b, pair+1)
	}
	return append(b, textEnd)
}

// skipDecimal finds the end of a number, or of a missing bound, at the start of b.
func skipDecimal(b []byte) (number, rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, nil, false
	}
	invert := byte(0)
	switch b[0] {
	case decimalMinimum, decimalZero, decimalMaximum:
		return b[:1], b[1:], true
	case decimalNegative:
		invert = 0xff
	case decimalPositive:
	default:
		return nil, nil, false
	}
	i := 2
	if len(b) > 1 && (b[1]^invert == exponentBelow || b[1]^invert == exponentAbove) {
		i += 4
	}
	for ; i < len(b); i++ {
		if b[i]^invert == textEnd {
			return b[:i+1], b[i+1:], true
		}
	}
	return nil, nil, false
}

// readDecimal reads a number back: nil for a missing bound. exact is false where the key may not hold
// all digits.
func readDecimal(b []byte) (d *apd.Decimal, rest []byte, exact, ok bool) {
	number, rest, ok := skipDecimal(b)
	if !ok {
		return nil, nil, false, false
	}
	invert := byte(0)
	switch number[0] {
	case decimalMinimum, decimalMaximum:
		return nil, rest, true, true
	case decimalZero:
		return new(apd.Decimal), rest, true, true
	case decimalNegative:
		invert = 0xff
	}
	d = &apd.Decimal{Negative: invert != 0}
	power, digits := int64(number[1]^invert)-exponentBias, number[2:len(number)-1]
	if e := number[1] ^ invert; e == exponentBelow || e == exponentAbove {
		var raw [4]byte
		for i := range raw {
			raw[i] = number[2+i] ^ invert
		}
		power, digits = int64(binary.BigEndian.Uint32(raw[:]))-1<<31, number[6:len(number)-1]
	}
	text := make([]byte, 0, 2*len(digits))
	for _, c := range digits {
		pair := (c ^ invert) - 1
		text = append(text, '0'+pair/10, '0'+pair%10)
	}
	if _, ok := d.Coeff.SetString(string(text), 10); !ok {
		return nil, nil, false, false
	}
	d.Exponent = int32(power - int64(len(text)))
	return d, rest, len(text) < decimalDigits, true
}
