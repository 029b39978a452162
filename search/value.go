package search

import (
	"github.com/cockroachdb/apd/v3"
)

// Entry is one index value of a resource.
type Entry struct {
	Param *Parameter
	Value Value
}

// Value is what an index holds: StringValue, TokenValue, ReferenceValue, DateValue, NumberValue,
// QuantityValue, URIValue, PositionValue, CompositeValue, ContainedValue, WordsValue or DeferredWords.
type Value interface{ value() }

type (
	// StringValue is a text; Folded is it without case, accents, punctuation and repeated white
	// space (see Fold).
	StringValue struct{ Text, Folded string }

	// TokenValue is a code with its system. Text is a display or text, folded, for the modifier
	// :text; a value may have nothing but Text, which is no value for :missing, sorting and plain
	// comparison (see Present).
	// Boolean, code, id and ContactPoint values have no System.
	TokenValue struct {
		System, Code string
		Text         string
		// TypeSystem and TypeCode are of Identifier.type, for :of-type.
		TypeSystem, TypeCode string
	}

	// ReferenceValue is a reference. Type and ID are set where it names a resource of this server
	// (relative, or absolute below the base URL); else URL holds it as written (absolute, urn:,
	// canonical without the version, "#id" of a contained resource, which no criterion meets and chains follow).
	// Version is of …/_history/v or canonical|v. Identifier is the logical reference, with an
	// empty Code without one; a value may have nothing but Identifier.
	ReferenceValue struct {
		Type, ID   string
		URL        string
		Version    string
		Identifier TokenValue
	}

	// DateValue is the span [Low, High) in microseconds since 1970 UTC that a date, dateTime,
	// instant, Period or Timing covers; open ends are MinTime and MaxTime.
	DateValue struct{ Low, High int64 }

	// NumberValue is the span of numbers from Low to High, both within unless they are open; nil is
	// no bound. Of a plain number both are that number (the same pointer): a stored number is
	// exact, the range implied by digits is that of the criterion. SampledData, Range and quantities
	// with a comparator have wider spans.
	NumberValue struct {
		Low, High         *apd.Decimal
		LowOpen, HighOpen bool
	}

	// QuantityValue is a number with a unit. Money has its currency as Code and
	// urn:iso:std:iso:4217 as System.
	QuantityValue struct {
		NumberValue
		System, Code, Unit string
	}

	// URIValue is a uri, url, canonical, oid or uuid as written.
	URIValue struct{ URI string }

	// PositionValue is a place on the Earth in degrees (WGS 84), north and east above 0.
	PositionValue struct{ Latitude, Longitude float64 }

	// CompositeValue holds for each component the values found on one element.
	CompositeValue struct{ Parts [][]Value }
)

func (StringValue) value()    {}
func (TokenValue) value()     {}
func (ReferenceValue) value() {}
func (DateValue) value()      {}
func (NumberValue) value()    {}
func (QuantityValue) value()  {}
func (URIValue) value()       {}
func (PositionValue) value()  {}
func (CompositeValue) value() {}

// The ends of time in a DateValue.
const (
	MinTime int64 = -1 << 62
	MaxTime int64 = 1 << 62
)

// Criterion is one value of a query string, read by the type of its parameter: StringCriterion,
// TokenCriterion, ReferenceCriterion, DateCriterion, NumberCriterion, QuantityCriterion,
// URICriterion, PositionCriterion, WordsCriterion or CompositeCriterion.
type Criterion interface{ criterion() }

// Prefix is a comparator: https://hl7.org/fhir/R4/search.html#prefix
type Prefix string

// The prefixes.
const (
	Eq Prefix = "eq"
	Ne Prefix = "ne"
	Gt Prefix = "gt"
	Lt Prefix = "lt"
	Ge Prefix = "ge"
	Le Prefix = "le"
	Sa Prefix = "sa"
	Eb Prefix = "eb"
	Ap Prefix = "ap"

	// Of dates in filter expressions alone: the value contains the span, or overlaps it.
	Co Prefix = "co"
	Po Prefix = "po"
)

type (
	// StringCriterion is a text to compare with.
	StringCriterion struct{ Text, Folded string }

	// TokenCriterion is "code" (AnySystem), "system|code", "|code" (System "") or "system|"
	// (AnyCode). With the modifier Text, Code holds the text, folded. With OfType, Code is the value
	// of an identifier, and TypeSystem and TypeCode are of its type.
	TokenCriterion struct {
		System, Code         string
		AnySystem, AnyCode   bool
		TypeSystem, TypeCode string
	}

	// ReferenceCriterion is a resource of this server (ID with Type, or Type "" for any), or URL.
	ReferenceCriterion struct{ Type, ID, URL, Version string }

	// DateCriterion is a prefix and the span that the written date covers. For Ap the span is
	// already widened.
	DateCriterion struct {
		Prefix    Prefix
		Low, High int64
	}

	// NumberCriterion is a prefix, a number and its implied range [Low, High). For Ap the range
	// is already widened.
	NumberCriterion struct {
		Prefix           Prefix
		Value, Low, High *apd.Decimal
	}

	// QuantityCriterion is a number with a unit: AnyUnit without one; with AnySystem Code is
	// compared with code or unit; else System and Code are, and units of UCUM are converted (see
	// In).
	QuantityCriterion struct {
		NumberCriterion
		System, Code       string
		AnySystem, AnyUnit bool

		conversions *conversions // nil remembers nothing
	}

	// URICriterion is a URI to compare with.
	URICriterion struct{ URI string }

	// PositionCriterion is a place and how far from it, in metres.
	PositionCriterion struct {
		PositionValue
		Within float64
	}

	// CompositeCriterion has one criterion for each component.
	CompositeCriterion struct{ Parts []Criterion }
)

func (StringCriterion) criterion()    {}
func (TokenCriterion) criterion()     {}
func (ReferenceCriterion) criterion() {}
func (DateCriterion) criterion()      {}
func (NumberCriterion) criterion()    {}
func (QuantityCriterion) criterion()  {}
func (URICriterion) criterion()       {}
func (PositionCriterion) criterion()  {}
func (CompositeCriterion) criterion() {}
