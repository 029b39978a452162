package search

import (
	"strings"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources"
	"kiln/resources/datatypes"
)

// Match reports whether v meets c: the unit as In says, and the number in it as NumberCriterion
// says. https://hl7.org/fhir/R4/search.html#quantity
func (c QuantityCriterion) Match(v QuantityValue) bool {
	n, ok := c.In(v)
	return ok && n.Match(v.NumberValue)
}

var quantityConverters = map[string]func(*extraction, resources.Element){
	"Quantity":    (*extraction).quantity,
	"Age":         (*extraction).quantity,
	"Count":       (*extraction).quantity,
	"Distance":    (*extraction).quantity,
	"Duration":    (*extraction).quantity,
	"Money":       (*extraction).money,
	"Range":       (*extraction).rangeValue,
	"SampledData": (*extraction).sampledData,
}

func (x *extraction) quantity(e resources.Element) {
	q := datatypes.QuantityOf(e)
	if q.Value == nil {
		return
	}
	x.add(QuantityValue{NumberValue: comparedWith(q), System: q.System, Code: q.Code, Unit: q.Unit})
}

// comparedWith is the span that a quantity with its comparator stands for: "< 5" is all below 5.
func comparedWith(q datatypes.Quantity) NumberValue {
	switch q.Comparator {
	case "<":
		return NumberValue{High: q.Value, HighOpen: true}
	case "<=":
		return NumberValue{High: q.Value}
	case ">=":
		return NumberValue{Low: q.Value}
	case ">":
		return NumberValue{Low: q.Value, LowOpen: true}
	}
	return NumberValue{Low: q.Value, High: q.Value}
}

// currencies is the system of Money.currency: https://hl7.org/fhir/R4/datatypes.html#Money
const currencies = "urn:iso:std:iso:4217"

func (x *extraction) money(e resources.Element) {
	d, err := datatypes.ParseDecimal(e.First("value").Text())
	if err != nil {
		return
	}
	x.add(QuantityValue{NumberValue: NumberValue{Low: d, High: d}, System: currencies, Code: e.First("currency").Text()})
}

func (x *extraction) rangeValue(e resources.Element) {
	if v := rangeOf(e); v.Low != nil || v.High != nil {
		x.add(v)
	}
}

// rangeOf is the span of a Range, both ends within, with the unit of an end that has one.
func rangeOf(e resources.Element) QuantityValue {
	low, high := datatypes.QuantityOf(e.First("low")), datatypes.QuantityOf(e.First("high"))
	unit := low
	if unit.Code == "" && unit.Unit == "" {
		unit = high
	}
	return QuantityValue{NumberValue: NumberValue{Low: low.Value, High: high.Value}, System: unit.System, Code: unit.Code, Unit: unit.Unit}
}

// sampledData is the span of the samples: https://hl7.org/fhir/R4/datatypes.html#SampledData
func (x *extraction) sampledData(e resources.Element) {
	origin := datatypes.QuantityOf(e.First("origin"))
	if origin.Value == nil {
		return
	}
	s := samples{origin: origin.Value, factor: apd.New(1, 0)}
	if d, err := datatypes.ParseDecimal(e.First("factor").Text()); err == nil {
		s.factor = d
	}
	s.read(e)
	if s.low == nil {
		return
	}
	x.add(QuantityValue{NumberValue: NumberValue{Low: s.low, High: s.high}, System: origin.System, Code: origin.Code, Unit: origin.Unit})
}

// samples finds the least and the greatest sample.
type samples struct {
	origin, factor *apd.Decimal
	low, high      *apd.Decimal
}

func (s *samples) read(e resources.Element) {
	limits := map[string]string{"L": "lowerLimit", "U": "upperLimit"}
	for sample := range strings.FieldsSeq(e.First("data").Text()) {
		if limit := limits[sample]; limit != "" {
			// A limit is given in the unit of the origin already.
			if d, err := datatypes.ParseDecimal(e.First(limit).Text()); err == nil {
				s.take(d)
			}
		} else if d, err := datatypes.ParseDecimal(sample); err == nil {
			s.take(s.scaled(d))
		}
	}
}

// scaled is the sample times the factor plus the origin, exactly.
func (s *samples) scaled(d *apd.Decimal) *apd.Decimal {
	v := new(apd.Decimal)
	if _, err := apd.BaseContext.Mul(v, d, s.factor); err != nil {
		return d
	}
	if _, err := apd.BaseContext.Add(v, v, s.origin); err != nil {
		return d
	}
	return v
}

func (s *samples) take(d *apd.Decimal) {
	if s.low == nil || d.Cmp(s.low) < 0 {
		s.low = d
	}
	if s.high == nil || d.Cmp(s.high) > 0 {
		s.high = d
	}
}

// readQuantity reads "number", "number|system|code" or "number||code".
func readQuantity(_ *reader, text string) (Criterion, *refusal) {
	parts := splitEscaped(text, '|')
	for i := range parts {
		var bad *refusal
		if parts[i], bad = unescape(parts[i]); bad != nil {
			return nil, bad
		}
	}
	if len(parts) != 1 && (len(parts) != 3 || parts[2] == "") {
		return nil, refuse("%q is not a quantity; expected number, number|system|code or number||code", clip(text))
	}
	number, bad := numberCriterion(parts[0])
	if bad != nil {
		return nil, bad
	}
	if len(parts) == 1 {
		return QuantityCriterion{NumberCriterion: number, AnyUnit: true}, nil
	}
	return QuantityCriterion{NumberCriterion: number, System: parts[1], Code: parts[2], AnySystem: parts[1] == "", conversions: new(conversions)}, nil
}
