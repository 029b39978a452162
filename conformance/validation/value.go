package validation

import (
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources"
	"kiln/resources/datatypes"
	"kiln/resources/ucum"
)

// value is a value of a choice of types, in the response or in the questionnaire.
type value struct {
	d    *resources.Document
	node resources.Node
	kind string // the type as the member has it: "String" of valueString
}

// valueOf is the value of an object whose choice is called prefix; zero without.
func valueOf(d *resources.Document, n resources.Node, prefix string) value {
	for c := range d.Children(n) {
		if kind, ok := strings.CutPrefix(d.Name(c), prefix); ok && kind != "" && kind[0] >= 'A' && kind[0] <= 'Z' {
			return value{d, c, kind}
		}
	}
	return value{}
}

func (v value) none() bool { return v.d == nil || v.node == resources.None }

// text is the text of a primitive; empty without a value.
func (v value) text() string {
	if v.none() {
		return ""
	}
	return v.d.Text(v.node)
}

// member is the text of a part of a complex value.
func (v value) member(name string) string {
	if v.none() {
		return ""
	}
	return v.d.Text(v.d.Member(v.node, name))
}

// equal reports whether two values are the same; unsure where their types cannot tell.
func equal(a, b value) truth {
	switch {
	case a.none() || b.none():
		return unsure
	case a.kind == "Coding" && b.kind == "Coding":
		return truthOf(sameCoding(a, b))
	case a.kind == "Reference" && b.kind == "Reference":
		return truthOf(a.member("reference") == b.member("reference"))
	}
	if order, ok := compare(a, b); ok {
		return truthOf(order == 0)
	}
	if a.kind != b.kind || a.kind == "Quantity" || a.kind == "Date" || a.kind == "DateTime" {
		return unsure
	}
	return truthOf(a.text() == b.text())
}

// sameCoding compares codes, and systems where both are given. Codings without a code are known by
// what they display.
func sameCoding(a, b value) bool {
	if s, t := a.member("system"), b.member("system"); s != t && s != "" && t != "" {
		return false
	}
	if code := a.member("code"); code != "" || b.member("code") != "" {
		return code == b.member("code")
	}
	return a.member("display") == b.member("display")
}

// families are the types whose values can be ordered with each other.
var families = map[string]func(a, b value) (order int, ok bool){
	"Integer": compareNumbers, "Decimal": compareNumbers,
	"Date": compareDates, "DateTime": compareDates,
	"Time":     func(a, b value) (int, bool) { return strings.Compare(a.text(), b.text()), true },
	"Quantity": compareQuantities,
}

// kindred are the pairs of different types with a common order.
var kindred = map[[2]string]bool{
	{"Integer", "Decimal"}: true, {"Decimal", "Integer"}: true,
	{"Date", "DateTime"}: true, {"DateTime", "Date"}: true,
}

// compare orders two values; not ok where there is no order: types that do not go together, dates of
// which one holds the other, quantities of different dimensions.
func compare(a, b value) (order int, ok bool) {
	if a.none() || b.none() || a.kind != b.kind && !kindred[[2]string{a.kind, b.kind}] {
		return 0, false
	}
	if family := families[a.kind]; family != nil {
		return family(a, b)
	}
	return 0, false
}

func compareNumbers(a, b value) (int, bool) {
	x, err := datatypes.ParseDecimal(a.text())
	if err != nil {
		return 0, false
	}
	y, err := datatypes.ParseDecimal(b.text())
	if err != nil {
		return 0, false
	}
	return x.Cmp(y), true
}

func compareDates(a, b value) (int, bool) {
	x, err := datatypes.ParseDateTime(a.text())
	if err != nil {
		return 0, false
	}
	y, err := datatypes.ParseDateTime(b.text())
	if err != nil {
		return 0, false
	}
	from, to := x.Range(time.UTC)
	start, end := y.Range(time.UTC)
	switch {
	case !to.After(start):
		return -1, true
	case !end.After(from):
		return 1, true
	}
	return 0, from.Equal(start) && to.Equal(end)
}

// compareQuantities compares quantities of one unit by their values, and those of two units of
// UCUM by their amounts.
func compareQuantities(a, b value) (int, bool) {
	x, y := a.amount(), b.amount()
	switch {
	case x == nil || y == nil:
		return 0, false
	case a.member("system") != b.member("system"):
		return 0, false
	case a.member("code") == b.member("code") && (a.member("code") != "" || a.member("unit") == b.member("unit")):
		return x.Cmp(y), true
	case a.member("system") != ucum.System:
		return 0, false
	}
	return ucum.Compare(x, a.member("code"), y, b.member("code"))
}

// amount is the value of a quantity; nil without, and with a comparator.
func (v value) amount() *apd.Decimal {
	if v.member("comparator") != "" {
		return nil
	}
	d, err := datatypes.ParseDecimal(v.member("value"))
	if err != nil {
		return nil
	}
	return d
}
