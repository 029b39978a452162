package datatypes

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// MaxExponent bounds the exponent of a decimal either way; FHIR asks for 18 digits, and an
// unbounded exponent would make 1e999999999 a gigabyte of zeros.
const MaxExponent = 2000

// maxDigits bounds the length of a decimal's text.
const maxDigits = 1000

// ParseDecimal reads a decimal exactly, its trailing zeros included: 1.00 has the exponent -2.
// It takes what JSON calls a number, and a sign + and zeros before one; never NaN or Infinity.
func ParseDecimal(s string) (*apd.Decimal, error) {
	if len(s) > maxDigits || !isNumber(s) {
		return nil, fmt.Errorf("%q is not a decimal number of at most %d characters", clip(s), maxDigits)
	}
	d, _, err := apd.NewFromString(s)
	if err != nil || d.Form != apd.Finite || d.Exponent > MaxExponent || d.Exponent < -MaxExponent {
		return nil, fmt.Errorf("%q is not a decimal number with an exponent from -%d to %d", clip(s), MaxExponent, MaxExponent)
	}
	return d, nil
}

func isNumber(s string) bool {
	s = strings.TrimLeft(s, "+-")
	if s == "" || s[0] < '0' || s[0] > '9' {
		return false
	}
	for i, c := range []byte(s) {
		switch {
		case c >= '0' && c <= '9', c == 'e', c == 'E', c == '+', c == '-':
		case c == '.' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
		default:
			return false
		}
	}
	return true
}

// Implied is the range [low, high) that the digits of d stand for: half a unit of the last digit
// either way, so 100 is [99.5, 100.5) and 100.00 is [99.995, 100.005).
// https://hl7.org/fhir/R4/search.html#number
func Implied(d *apd.Decimal) (low, high *apd.Decimal) {
	half := apd.New(5, d.Exponent-1)
	low, high = new(apd.Decimal), new(apd.Decimal)
	// Addition in the base context is exact; it cannot fail within the bounds of ParseDecimal.
	if _, err := apd.BaseContext.Sub(low, d, half); err != nil {
		return d, d
	}
	if _, err := apd.BaseContext.Add(high, d, half); err != nil {
		return d, d
	}
	return low, high
}
