package bsonjson

import (
	"bytes"
	"math/bits"
	"strconv"
)

// decimal is a Decimal128 as BSON writes it: sign, 14 bits of exponent, 113 of the coefficient.
type decimal struct{ high, low uint64 }

const (
	maxDigits   = 34
	minExponent = -6176
	maxExponent = 6111
	// plainDigits is how many digits stand behind the point before a number is written with an exponent, so that
	// few bytes of BSON do not make much text.
	plainDigits = 64

	signBit  = 1 << 63
	infinity = 0x1e << 58
	special  = 0x18 << 58 // and above: infinities, numbers that are none, and coefficients that are too large

	billions = 1e19 // ten to the digits that fit into 64 bits
	split    = 19
)

func newDecimal(negative bool, high, low uint64, exponent int) decimal {
	d := decimal{high | uint64(exponent-minExponent)<<49, low}
	if negative {
		d.high |= signBit
	}
	return d
}

// decimal is the number as a Decimal128, the nearest one where exact is false.
func (n *number) decimal() (d decimal, exact bool) {
	var buffer [64]byte
	all := append(append(buffer[:0], n.integer...), n.fraction...)
	exponent := -len(n.fraction)
	if n.exponent != nil {
		written, err := strconv.Atoi(string(n.exponent))
		if err != nil || written < -1<<30 || written > 1<<30 {
			written = 1 << 30
			if n.exponent[0] == '-' {
				written = -written
			}
		}
		exponent += written
	}
	exact = n.exponent != nil || len(n.fraction) <= plainDigits
	all = bytes.TrimLeft(all, "0")
	if over := max(len(all)-maxDigits, minExponent-exponent); over > 0 {
		all, exact = round(all, over), false
		exponent += over
		if len(all) > maxDigits { // 99…9 has become 100…0
			all, exponent = all[:maxDigits], exponent+1
		}
	}
	if pad := exponent - maxExponent; pad > 0 {
		exact = false
		switch {
		case len(all) == 0:
		case len(all)+pad > maxDigits:
			return newDecimal(n.negative, infinity, 0, minExponent), false
		default:
			all = append(all, bytes.Repeat([]byte{'0'}, pad)...)
		}
		exponent = maxExponent
	}
	high, low := coefficient(all)
	return newDecimal(n.negative, high, low, exponent), exact
}

// round takes the last digits off, to the nearest, of two to the even one.
func round(all []byte, over int) []byte {
	if over > len(all) {
		return nil
	}
	kept, cut := all[:len(all)-over], all[len(all)-over:]
	up := cut[0] > '5' || cut[0] == '5' && (len(bytes.TrimLeft(cut[1:], "0")) > 0 || len(kept) > 0 && kept[len(kept)-1]&1 != 0)
	if !up {
		return kept
	}
	for i := len(kept) - 1; i >= 0; i-- {
		if kept[i]++; kept[i] <= '9' {
			return kept
		}
		kept[i] = '0'
	}
	return append([]byte{'1'}, kept...)
}

// coefficient is the value of at most 34 digits.
func coefficient(all []byte) (high, low uint64) {
	if len(all) <= split {
		return 0, parse(all)
	}
	high, low = bits.Mul64(parse(all[:len(all)-split]), billions)
	low, carry := bits.Add64(low, parse(all[len(all)-split:]), 0)
	return high + carry, low
}

func parse(all []byte) (n uint64) {
	for _, c := range all {
		n = n*10 + uint64(c-'0')
	}
	return n
}

// append writes the number: with all its digits and without an exponent where there are few zeros to write, else
// as 1.5E+7.
func (d decimal) append(out []byte) ([]byte, bool) {
	if d.high&^signBit >= special {
		return out, false
	}
	if d.high&signBit != 0 {
		out = append(out, '-')
	}
	exponent := int(d.high>>49&(1<<14-1)) + minExponent
	var buffer [40]byte
	all := appendCoefficient(buffer[:0], d.high&(1<<49-1), d.low)
	if exponent > 0 || exponent < -plainDigits {
		return appendScientific(out, all, exponent), len(all) <= maxDigits
	}
	return appendPlain(out, all, -exponent), len(all) <= maxDigits
}

// appendPlain writes digits, so many of them behind the point.
func appendPlain(out, all []byte, behind int) []byte {
	if behind == 0 {
		return append(out, all...)
	}
	if len(all) > behind {
		out = append(append(out, all[:len(all)-behind]...), '.')
		return append(out, all[len(all)-behind:]...)
	}
	out = append(out, '0', '.')
	for range behind - len(all) {
		out = append(out, '0')
	}
	return append(out, all...)
}

func appendCoefficient(b []byte, high, low uint64) []byte {
	if high == 0 {
		return strconv.AppendUint(b, low, 10)
	}
	first, rest := bits.Div64(high, low, billions)
	b = strconv.AppendUint(b, first, 10)
	var buffer [split]byte
	for i := split - 1; i >= 0; i-- {
		buffer[i] = '0' + byte(rest%10)
		rest /= 10
	}
	return append(b, buffer[:]...)
}

func appendScientific(out, all []byte, exponent int) []byte {
	out = append(out, all[0])
	if len(all) > 1 {
		out = append(append(out, '.'), all[1:]...)
	}
	out = append(out, 'E')
	if exponent += len(all) - 1; exponent >= 0 {
		out = append(out, '+')
	}
	return strconv.AppendInt(out, int64(exponent), 10)
}

// spells reports whether text is how the number is written.
func (d decimal) spells(text []byte) bool {
	var buffer [2 * plainDigits]byte
	spelled, ok := d.append(buffer[:0])
	return ok && bytes.Equal(spelled, text)
}
