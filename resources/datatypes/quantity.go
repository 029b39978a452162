package datatypes

import (
	"github.com/cockroachdb/apd/v3"

	"kiln/resources"
)

// Quantity is a measured amount: https://hl7.org/fhir/R4/datatypes.html#Quantity
type Quantity struct {
	Value                          *apd.Decimal // nil without value
	Comparator, Unit, System, Code string
}

// QuantityOf reads an element of type Quantity or one of its profiles (Age, Duration, Count …).
// A value that is no decimal is left out.
func QuantityOf(e resources.Element) Quantity {
	q := Quantity{
		Comparator: e.First("comparator").Text(), Unit: e.First("unit").Text(),
		System: e.First("system").Text(), Code: e.First("code").Text(),
	}
	if v := e.First("value"); v.HasValue() {
		q.Value, _ = ParseDecimal(v.Text()) // nil on error
	}
	return q
}

// Period is a span with optional ends: https://hl7.org/fhir/R4/datatypes.html#Period
type Period struct{ Start, End *DateTime }

// PeriodOf reads an element of type Period. Ends that are missing or no dateTime are nil.
func PeriodOf(e resources.Element) Period {
	return Period{Start: dateTimeOf(e.First("start")), End: dateTimeOf(e.First("end"))}
}

func dateTimeOf(e resources.Element) *DateTime {
	if !e.HasValue() {
		return nil
	}
	t, err := ParseDateTime(e.Text())
	if err != nil {
		return nil
	}
	return &t
}

// TimingBounds reads what a Timing says of its outer bounds: its events, and repeat.boundsPeriod.
// Bounds given as a Duration or Range have no place in time and are left out.
// https://hl7.org/fhir/R4/datatypes.html#Timing
func TimingBounds(e resources.Element) (events []DateTime, bounds Period) {
	for event := range e.Child("event") {
		if t := dateTimeOf(event); t != nil {
			events = append(events, *t)
		}
	}
	if b := e.First("repeat").First("bounds"); b.Type() != nil && b.Type().Name == "Period" {
		bounds = PeriodOf(b)
	}
	return events, bounds
}
