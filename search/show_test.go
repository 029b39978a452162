package search_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources"
	"kiln/search"
)

// base is the server's own base in these tests.
const base = "http://kiln.example/fhir"

// now is what "ap" on dates is measured from.
var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newParameters(t testing.TB) *search.Parameters {
	t.Helper()
	p, err := search.NewParameters(search.Options{BaseURL: base, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func document(t testing.TB, text string) resources.Element {
	t.Helper()
	doc, err := resources.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	e, err := doc.Resource()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// show writes an index value for tests.
func show(v search.Value) string {
	switch v := v.(type) {
	case search.StringValue:
		return v.Text + " ~ " + v.Folded
	case search.TokenValue:
		return showToken(v)
	case search.ReferenceValue:
		s := v.String()
		if v.Version != "" {
			s += "|" + v.Version
		}
		if v.Identifier.Code != "" {
			s += " = " + showToken(v.Identifier)
		}
		return s
	case search.DateValue:
		return showTime(v.Low) + " to " + showTime(v.High)
	case search.NumberValue:
		return showSpan(v)
	case search.QuantityValue:
		return strings.TrimSpace(showSpan(v.NumberValue) + " " + v.System + "|" + v.Code + " " + v.Unit)
	case search.URIValue:
		return v.URI
	case search.PositionValue:
		return fmt.Sprint(v.Latitude, " ", v.Longitude)
	case search.CompositeValue:
		var parts []string
		for _, part := range v.Parts {
			var values []string
			for _, value := range part {
				values = append(values, show(value))
			}
			parts = append(parts, strings.Join(values, ", "))
		}
		return strings.Join(parts, " $ ")
	}
	return fmt.Sprint(v)
}

func showToken(v search.TokenValue) string {
	s := v.System + "|" + v.Code
	if v.Text != "" {
		s += " ~ " + v.Text
	}
	if v.TypeCode != "" {
		s += " : " + v.TypeSystem + "|" + v.TypeCode
	}
	return s
}

func showTime(micros int64) string {
	switch micros {
	case search.MinTime:
		return "ever"
	case search.MaxTime:
		return "ever"
	}
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999")
}

func showSpan(v search.NumberValue) string {
	if v.Low != nil && v.Low == v.High {
		return v.Low.Text('f')
	}
	open, end := "[", "]"
	if v.LowOpen {
		open = "("
	}
	if v.HighOpen {
		end = ")"
	}
	return open + showNumber(v.Low) + ", " + showNumber(v.High) + end
}

func showNumber(d *apd.Decimal) string {
	if d == nil {
		return "any"
	}
	return d.Text('f')
}

// showTree writes a filter for tests.
func showTree(x search.Expr) string {
	switch x := x.(type) {
	case nil:
		return "all"
	case search.And:
		return "and(" + showTrees(x) + ")"
	case search.Or:
		return "or(" + showTrees(x) + ")"
	case search.Not:
		return "not(" + showTree(x.Of) + ")"
	case search.Nothing:
		return "nothing"
	case search.Missing:
		if x.Present {
			return "present(" + x.Param.Code + ")"
		}
		return "missing(" + x.Param.Code + ")"
	case search.Test:
		var criteria []string
		for _, c := range x.Any {
			criteria = append(criteria, showCriterion(c))
		}
		return x.Param.Code + modifierNames[x.Modifier] + "=" + strings.Join(criteria, " or ")
	case search.Among:
		return "among(" + showTree(x.Tests()) + ")"
	case search.Chain:
		var branches []string
		for _, b := range x.Branches {
			branches = append(branches, b.Type+"("+showTree(b.Filter)+")")
		}
		return x.Param.Code + "->" + strings.Join(branches, "|")
	case search.Contained:
		var branches []string
		for _, b := range x.Branches {
			branches = append(branches, b.Type+"("+showTree(b.Filter)+")")
		}
		return "contains " + strings.Join(branches, "|")
	case search.Has:
		return "has " + x.Type + "." + x.Param.Code + "(" + showTree(x.Filter) + ")"
	}
	return fmt.Sprintf("%T", x)
}

func showTrees(list []search.Expr) string {
	var parts []string
	for _, x := range list {
		parts = append(parts, showTree(x))
	}
	return strings.Join(parts, ", ")
}

var modifierNames = map[search.Modifier]string{
	search.Plain: "", search.Exact: ":exact", search.Contains: ":contains", search.Text: ":text",
	search.Above: ":above", search.Below: ":below", search.Identifier: ":identifier", search.OfType: ":of-type",
	search.Equal: " eq ", search.Ends: " ew ", search.Less: " lt ", search.Greater: " gt ", search.Unequal: " ne ",
}

func showCriterion(c search.Criterion) string {
	switch c := c.(type) {
	case search.StringCriterion:
		return c.Text + " ~ " + c.Folded
	case search.TokenCriterion:
		if c.TypeCode != "" {
			return c.TypeSystem + "|" + c.TypeCode + "|" + c.Code
		}
		s := c.Code
		if c.AnyCode {
			s = "any"
		}
		if !c.AnySystem {
			s = c.System + "|" + s
		}
		return s
	case search.ReferenceCriterion:
		s := c.URL
		if c.ID != "" {
			s = c.Type + "/" + c.ID
		}
		if c.Version != "" {
			s += "|" + c.Version
		}
		return s
	case search.DateCriterion:
		return string(c.Prefix) + " " + showTime(c.Low) + " to " + showTime(c.High)
	case search.NumberCriterion:
		return string(c.Prefix) + " " + c.Value.Text('f') + " [" + c.Low.Text('f') + ", " + c.High.Text('f') + ")"
	case search.QuantityCriterion:
		s := showCriterion(c.NumberCriterion)
		switch {
		case c.AnyUnit:
			return s + " any unit"
		case c.AnySystem:
			return s + " ?|" + c.Code
		}
		return s + " " + c.System + "|" + c.Code
	case search.URICriterion:
		return c.URI
	case search.WordsCriterion:
		if c.Prefix {
			return c.Words + "*"
		}
		return c.Words
	case search.CompositeCriterion:
		var parts []string
		for _, part := range c.Parts {
			parts = append(parts, showCriterion(part))
		}
		return strings.Join(parts, " $ ")
	}
	return fmt.Sprint(c)
}
