package fhirpath

import (
	"math/big"
	"strings"

	"kiln/resources/ucum"
)

// Units of quantities are those of UCUM (http://hl7.org/fhirpath/N1/#quantity), which package ucum
// reads. Quantities of units that are none are compared only with the same unit.

// curved reports whether the numbers of a unit can be compared, but neither added nor multiplied.
// https://ucum.org/ucum#section-Special-Units-on-non-ratio-Scales
func curved(code string) bool {
	u, err := ucum.Parse(code)
	return err == nil && u.Curved()
}

// withoutDimension is what one of a unit such as % or g/kg is as a number.
func withoutDimension(code string) (*big.Rat, bool) {
	u, err := ucum.Parse(code)
	if err != nil || u.Canonical() != "1" {
		return nil, false
	}
	return u.ToCanonical(big.NewRat(1, 1)), true
}

// combineUnits is the unit of a product or quotient, and a factor for the value: where the
// dimensions cancel, the unit is '1'.
func combineUnits(a, b, op string) (code string, factor *big.Rat, ok bool) {
	for _, code := range [...]string{a, b} {
		if u, err := ucum.Parse(code); err != nil || !u.Ratio() {
			return "", nil, false
		}
	}
	if strings.HasPrefix(b, "/") {
		b = "1" + b
	}
	if strings.ContainsAny(b, "./") {
		b = "(" + b + ")"
	}
	code = a + op + b
	if _, err := ucum.Parse(code); err != nil {
		return "", nil, false
	}
	if factor, ok = withoutDimension(code); ok {
		return "1", factor, true
	}
	return code, big.NewRat(1, 1), true
}
