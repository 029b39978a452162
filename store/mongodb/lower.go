package mongodb

import (
	"cmp"
	"strings"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources/ucum"
	"kiln/search"
)

// links answer what a filter asks of other resources, before those that it is about are looked at. Each gives
// false where that are too many to ask for.
type links interface {
	// matching are the references (Type/id) to all resources of a type that match.
	matching(typ string, filter search.Expr) (references []string, ok bool, err error)
	// referred are the references to resources of a type that those of another type that match have by a parameter.
	referred(h search.Has, typ string) (ids []string, ok bool, err error)
	// within are all references that a Within is met by.
	within(w search.Within) (criteria []search.Criterion, ok bool, err error)
}

// lowering makes the condition of a filter for the resources of a type.
type lowering struct {
	links  links  // nil asks for nothing
	typ    string // "" is unknown
	inside string // begins the keys of contained resources
	err    error
}

// lower is what all resources of a type meet that match a filter. Errors are those of links.
func lower(e search.Expr, typ string, others links) (condition, error) {
	l := lowering{links: others, typ: typ}
	c := l.lower(e)
	return c, l.err
}

func (l *lowering) lower(e search.Expr) condition {
	switch e := e.(type) {
	case search.And:
		return all(l.each(e)...)
	case search.Or:
		return some(l.each(e)...)
	case search.Nothing:
		return never{}
	case search.Test:
		return l.test(e)
	case search.Missing:
		if e.Present {
			return l.present(e.Param)
		}
	case search.Among:
		return l.lower(e.Tests())
	case search.Chain:
		return l.chain(e)
	case search.Has:
		return l.has(e)
	case search.Within:
		return l.within(e)
	case search.Contained:
		return l.contained(e)
	}
	return anything{} // nil, Not
}

func (l *lowering) each(parts []search.Expr) []condition {
	list := make([]condition, len(parts))
	for i, part := range parts {
		list[i] = l.lower(part)
	}
	return list
}

// present is that there is a value. Not all resources have keys of a parameter that is being indexed, and
// what only the engine knows has none.
func (l *lowering) present(p *search.Parameter) condition {
	if !indexed(p) || l.inside == "" && ownParameter(p) {
		return anything{}
	}
	name := l.inside + p.Code
	return oneKey{name, []string{name}}
}

func indexed(p *search.Parameter) bool { return p != nil && !p.Building() }

// ownParameter reports whether p is _id or _lastUpdated.
func ownParameter(p *search.Parameter) bool {
	return p.Base == "Resource" && (p.Code == "_id" || p.Code == "_lastUpdated")
}

func (l *lowering) test(t search.Test) condition {
	if !indexed(t.Param) || len(t.Any) > maxAsked {
		return l.present(t.Param)
	}
	list := make([]condition, len(t.Any))
	for i, c := range t.Any {
		list[i] = l.criterion(t, c)
	}
	if t.Modifier == search.Unequal {
		return l.present(t.Param)
	}
	found := some(list...)
	if _, ok := found.(anything); ok && t.Modifier != search.Text {
		return l.present(t.Param)
	}
	return found
}

func (l *lowering) criterion(t search.Test, c search.Criterion) condition {
	if l.inside == "" && ownParameter(t.Param) {
		return own(c)
	}
	return keysOf(l.inside+t.Param.Code, t.Modifier, c)
}

// own is the condition on what has no keys.
func own(c search.Criterion) condition {
	switch c := c.(type) {
	case search.TokenCriterion:
		if !c.AnyCode {
			return named{c.Code}
		}
	case search.DateCriterion:
		b := c.Bounds()
		if b.Not {
			return anything{}
		}
		// A time of a change is a millisecond.
		from := max(b.LowFrom, b.HighFrom-1000)
		to := min(b.LowTo, b.HighTo)
		return updated{milliseconds(from) - 1, milliseconds(to) + 1}
	}
	return anything{}
}

// milliseconds keeps far from the ends of what a server takes for a time.
func milliseconds(micro int64) int64 {
	return max(firstTime.UnixMilli(), min(micro/1000, lastTime.UnixMilli()))
}

func is(name, mark, value string) condition {
	return oneKey{name, []string{name + mark + cutKey(legible(value))}}
}

func begins(name, mark, value string) condition {
	value = legible(value)
	if cut := cutKey(value); cut != value {
		return is(name, mark, cut) // a key that begins so is no longer
	}
	return beginning{name, []string{name + mark + value}}
}

// keysOf is the condition that some key of a parameter meets a criterion; anything where keys do not tell.
func keysOf(name string, m search.Modifier, c search.Criterion) condition {
	switch c := c.(type) {
	case search.StringCriterion:
		return stringKeys(name, m, c)
	case search.TokenCriterion:
		return tokenKeys(name, m, c)
	case search.ReferenceCriterion:
		return referenceKeys(name, m, c)
	case search.DateCriterion:
		return dateKeys(name, c)
	case search.NumberCriterion:
		return some(numberKeys(name, c), is(name, ">=", unranged))
	case search.QuantityCriterion:
		return quantityKeys(name, c)
	case search.URICriterion:
		return uriKeys(name, m, c)
	case search.PositionCriterion:
		return positionKeys(name, c)
	case search.WordsCriterion:
		return wordKeys(name, c)
	case search.CompositeCriterion:
		if len(c.Parts) > 0 {
			return keysOf(name+"$", search.Plain, c.Parts[0])
		}
	}
	return anything{}
}

func stringKeys(name string, m search.Modifier, c search.StringCriterion) condition {
	switch m {
	case search.Plain:
		if c.Folded != "" {
			return begins(name, "=", c.Folded)
		}
	case search.Exact, search.Equal:
		return is(name, "=", c.Folded)
	}
	return anything{}
}

func tokenKeys(name string, m search.Modifier, c search.TokenCriterion) condition {
	switch m {
	case search.Text:
		first, _, several := strings.Cut(c.Code, " ")
		switch {
		case first == "":
			return anything{}
		case several:
			return is(name, ":text=", first)
		}
		return begins(name, ":text=", first)
	case search.OfType:
		return is(name, ":of-type=", c.TypeSystem+"|"+c.TypeCode+"|"+c.Code)
	case search.Identifier:
		name += ":identifier"
	}
	switch {
	case c.AnyCode && (c.AnySystem || c.System == ""):
		return anything{}
	case c.AnyCode:
		return is(name, "=", c.System+"|")
	case c.AnySystem || c.System == "":
		return is(name, "=", c.Code)
	}
	return is(name, "=", c.System+"|"+c.Code)
}

func referenceKeys(name string, m search.Modifier, c search.ReferenceCriterion) condition {
	switch {
	case c.URL != "" && c.Version != "" && m == search.Plain:
		return is(name, "=", c.URL+"|"+c.Version)
	case c.URL != "":
		return is(name, "=", c.URL)
	case c.Type == "":
		return is(name, "=", c.ID)
	}
	return is(name, "=", c.Type+"/"+c.ID)
}

// uriKeys are those below, or each that is above: the beginnings of the URI that end at a separator.
func uriKeys(name string, m search.Modifier, c search.URICriterion) condition {
	switch m {
	case search.Below:
		return begins(name, "=", c.URI)
	case search.Above:
		list := []condition{is(name, "=", c.URI)}
		for i := range len(c.URI) {
			if strings.IndexByte("/#?|", c.URI[i]) >= 0 {
				list = append(list, is(name, "=", c.URI[:i]), is(name, "=", c.URI[:i+1]))
			}
		}
		return some(list...)
	}
	return is(name, "=", c.URI)
}

// maxWordKeys is how many words of a phrase are asked for.
const maxWordKeys = 8

func wordKeys(name string, c search.WordsCriterion) condition {
	words := strings.FieldsFunc(c.Words, partsWords)
	var list []condition
	for i, word := range words[:min(len(words), maxWordKeys)] {
		if c.Prefix && i == len(words)-1 {
			list = append(list, begins(name, "=", word))
		} else {
			list = append(list, is(name, "=", word))
		}
	}
	return some(all(list...), is(name, "=", everything))
}

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

// positionKeys are the cells that the boxes around the place reach into, of the finest grid where they are few.
func positionKeys(name string, c search.PositionCriterion) condition {
	for _, size := range grids {
		if cells, ok := cellsOf(c.Boxes(), size); ok {
			list := make([]condition, len(cells))
			for i, cell := range cells {
				list[i] = is(name, "=", cell)
			}
			return some(list...)
		}
	}
	return anything{}
}

// maxCells is how many cells are asked for.
const maxCells = 64

func cellsOf(boxes []search.Box, size int) (cells []string, ok bool) {
	for _, b := range boxes {
		for north := cell(b.South+90, size); north <= cell(b.North+90, size); north++ {
			for east := cell(b.West+180, size); east <= cell(b.East+180, size); east++ {
				if len(cells) == maxCells {
					return nil, false
				}
				cells = append(cells, cellKey(size, north, east))
			}
		}
	}
	return cells, true
}

// lowerQuery is what the matches of a query among the resources of a type meet.
func lowerQuery(q *search.Query, typ string, others links) (condition, error) {
	var list []condition
	for _, b := range q.Branches {
		if b.Type != "" && b.Type != typ {
			continue
		}
		c, err := lower(b.Filter, typ, others)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return some(list...), nil
}
