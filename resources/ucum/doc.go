// Package ucum reads units of the Unified Code for Units of Measure (case sensitive) and compares
// and converts amounts that are given in them. https://ucum.org/ucum
//
//	a, code, _ := ucum.Canonical(apd.New(120, 0), "mm[Hg]") // 15998640 "g.m-1.s-2"
//	kPa, _ := ucum.Convert(apd.New(120, 0), "mm[Hg]", "kPa") // 15.99864
//
// A unit is a factor over a product of base units, kept as an exact fraction: 1 g, 1000 mg and
// 1e-3 kg are one amount. Temperatures also have a shift. Units on a scale that is no straight line
// ([pH], dB) have a canonical form of their own, so that the greater number stays the greater amount;
// [Convert] alone goes through their functions.
// Arbitrary units ([IU]) are commensurable with themselves only.
//
// The table in units.tsv is derived from ucum-essence.xml 2.0.1; NOTICE.md holds its terms.
// All that is here is safe for concurrent use.
package ucum

//go:generate go run ./generate -data ../../../shared/data/ucum/ucum-essence.xml -out units.tsv

// System is the URL of UCUM as a code system: https://hl7.org/fhir/R4/terminologies-systems.html
const System = "http://unitsofmeasure.org"

// Bounds of what is read. Real units have some ten characters.
const (
	// MaxLength bounds a code, in bytes.
	MaxLength = 256
	// MaxExponent bounds the exponents of a decimal and of a unit's factor, in powers of ten.
	MaxExponent = 4000
	maxNesting  = 16
	maxPower    = 100  // of one base unit
	maxBits     = 8192 // of the numerator and of the denominator of a factor
)
