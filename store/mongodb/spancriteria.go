package mongodb

import (
	"cmp"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources/ucum"
	"kiln/search"
)

// dateKeys ask where the value begins and ends. A value that lies within a span begins within it.
func dateKeys(name string, c search.DateCriterion) condition {
	b := c.Bounds()
	if b.Not {
		return anything{}
	}
	if b.LowFrom > search.MinTime && b.HighTo < search.MaxTime {
		b.LowTo = min(b.LowTo, b.HighTo)
	}
	var list []condition
	if b.LowFrom > search.MinTime || b.LowTo < search.MaxTime {
		list = append(list, ranges(name+">=", dateDigits, dateKey(b.LowFrom), dateKey(b.LowTo-1), name))
	}
	if b.HighFrom > search.MinTime || b.HighTo < search.MaxTime && b.LowTo > b.HighTo {
		list = append(list, ranges(name+"<=", dateDigits, dateKey(b.HighFrom), dateKey(b.HighTo), name))
	}
	return all(list...)
}

func ranges(begin string, d digits, low, high, name string) condition {
	prefixes := d.prefixes(low, high)
	if len(prefixes) == 0 {
		return never{}
	}
	for i, prefix := range prefixes {
		prefixes[i] = begin + prefix
	}
	return beginning{name, prefixes}
}

// numberKeys ask where a span begins or ends; those of which it ends before it begins have a key of their own.
func numberKeys(name string, c search.NumberCriterion) condition {
	from := func(d *apd.Decimal) condition {
		return ranges(name+"<=", numberPlaces, numberKey(d), numberMaximum, name)
	}
	to := func(d *apd.Decimal) condition {
		return ranges(name+">=", numberPlaces, numberMinimum, numberKey(d), name)
	}
	switch c.Prefix {
	case search.Ne:
		return anything{}
	case search.Gt, search.Ge:
		return from(c.Value)
	case search.Lt, search.Le:
		return to(c.Value)
	case search.Sa:
		return ranges(name+">=", numberPlaces, numberKey(c.Value), numberMaximum, name)
	case search.Eb:
		return ranges(name+"<=", numberPlaces, numberMinimum, numberKey(c.Value), name)
	case search.Ap:
		return all(from(c.Low), to(c.High))
	}
	return ranges(name+">=", numberPlaces, numberKey(c.Low), numberKey(c.High), name)
}

// quantityKeys ask for the number in the unit that is asked for, and of UCUM for what that is in base units too.
func quantityKeys(name string, c search.QuantityCriterion) condition {
	written := numberKeys(name, c.NumberCriterion)
	if _, ok := written.(anything); ok {
		return written
	}
	list := []condition{written, is(name, ">=", unranged)}
	if !c.AnyUnit && !c.AnySystem && c.System == ucum.System {
		if in, base, ok := inBase(c); ok {
			list = append(list, numberKeys(name+"["+legible(base)+"]", in))
		}
	}
	return some(list...)
}

// inBase is the criterion in base units, a little wider, since what is compared with it is rounded.
func inBase(c search.QuantityCriterion) (in search.NumberCriterion, base string, ok bool) {
	in = search.NumberCriterion{Prefix: c.Prefix}
	for _, end := range [...]struct{ from, to **apd.Decimal }{{&c.Low, &in.Low}, {&c.Value, &in.Value}, {&c.High, &in.High}} {
		var err error
		if *end.to, base, err = ucum.Canonical(*end.from, c.Code); err != nil {
			return in, "", false
		}
	}
	up := cmp.Compare(in.Low.Cmp(in.High), 0) <= 0
	switch c.Prefix {
	case search.Gt, search.Ge, search.Sa:
		in.Value = widened(in.Value, !up)
	case search.Lt, search.Le, search.Eb:
		in.Value = widened(in.Value, up)
	}
	in.Low, in.High = widened(in.Low, !up), widened(in.High, up)
	return in, base, true
}

// widened is a number that is greater, or less, by a hundred thousandth.
func widened(d *apd.Decimal, greater bool) *apd.Decimal {
	slack := new(apd.Decimal).Set(d)
	slack.Exponent -= 5
	if d.Negative == greater {
		slack.Negative = !slack.Negative
	}
	sum := new(apd.Decimal)
	if _, err := apd.BaseContext.Add(sum, d, slack); err != nil {
		return d
	}
	return sum
}
