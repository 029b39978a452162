package search

import (
	"slices"
	"strconv"
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// resultParameter is a parameter that shapes the answer: https://hl7.org/fhir/R4/search.html#return
type resultParameter struct {
	rank      int // place in Applied
	repeats   bool
	modifiers []string
	// read sets the query and returns the value as it was understood.
	read func(x *parser, modifier, value string) string
}

var resultParameters = map[string]resultParameter{
	"_contained":  {rank: 1, read: (*parser).contained},
	"_include":    {rank: 2, repeats: true, modifiers: []string{"iterate"}, read: (*parser).include},
	"_revinclude": {rank: 3, repeats: true, modifiers: []string{"iterate"}, read: (*parser).revInclude},
	"_sort":       {rank: 4, read: (*parser).sort},
	"_count":      {rank: 5, read: (*parser).count},
	"_maxresults": {rank: 6, read: (*parser).maxResults},
	"_total":      {rank: 7, read: (*parser).total},
	"_summary":    {rank: 8, read: (*parser).summary},
	"_elements":   {rank: 9, read: (*parser).elements},
	"_explain":    {rank: 10, read: (*parser).explain},
	"_format":     {rank: 11, read: (*parser).asGiven},
	"_pretty":     {rank: 12, read: (*parser).asGiven},
}

// resultNames are the result parameters in alphabetical order.
var resultNames = []string{
	"_contained", "_count", "_elements", "_explain", "_format", "_include", "_maxresults", "_pretty", "_revinclude", "_sort", "_summary", "_total", "_type",
}

func (x *parser) result(p resultParameter, name, modifier string, q NameValue) {
	switch {
	case q.Name != name && !slices.Contains(p.modifiers, modifier):
		x.problem(outcome.Invalid, "The parameter %s has no modifier %q.", name, clip(modifier))
	case x.given[name] && !p.repeats:
		x.problem(outcome.Invalid, "The parameter %s is given twice.", name)
	default:
		q.Value = p.read(x, modifier, q.Value)
	}
	if !x.settle() {
		return
	}
	x.given[name] = true
	at := len(x.results)
	for at > 0 && resultRank(x.results[at-1]) > p.rank {
		at--
	}
	x.results = slices.Insert(x.results, at, q)
}

func resultRank(q NameValue) int {
	base, _, _ := strings.Cut(q.Name, ":")
	return resultParameters[base].rank // _type, not listed, comes first
}

func (x *parser) asGiven(_, value string) string { return value }

// choose reads one of few words.
func choose[T any](x *parser, value string, words map[string]T) (chosen T, ok bool) {
	if chosen, ok = words[value]; ok {
		return chosen, true
	}
	names := make([]string, 0, len(words))
	for name := range words {
		names = append(names, name)
	}
	slices.Sort(names)
	x.problem(outcome.Value, "The parameter %s is wrong: %q is none of %s.", clip(x.name), clip(value), strings.Join(names, ", "))
	return chosen, false
}

// contained accepts the default alone. https://hl7.org/fhir/R4/search.html#contained
func (x *parser) contained(_, value string) string {
	if value != "false" {
		x.problem(outcome.NotSupported, "The parameter _contained=%s (%s) is not supported yet; only false is.", clip(value), unsupported["_contained"])
	}
	return value
}

// count reads the size of a page; 0 asks for the total alone. More than MaxCount is cut to it.
// https://hl7.org/fhir/R4/search.html#count
func (x *parser) count(_, value string) string {
	digits := strings.TrimLeft(value, "0123456789") == "" && value != ""
	if !digits {
		x.problem(outcome.Value, "The parameter _count is wrong: %q is not a whole number from 0 to %d.", clip(value), MaxCount)
		return value
	}
	n, err := strconv.Atoi(value)
	if err != nil || n > MaxCount {
		n = MaxCount
	}
	if n == 0 {
		x.query.CountOnly = true
	} else {
		x.query.Count = n
	}
	return strconv.Itoa(n)
}

func (x *parser) total(_, value string) string {
	x.query.Total, _ = choose(x, value, map[string]Total{"none": TotalNone, "estimate": TotalEstimate, "accurate": TotalAccurate})
	return value
}

// summary reads which part of the resources is asked for: https://hl7.org/fhir/R4/search.html#summary
func (x *parser) summary(_, value string) string {
	if value == "count" {
		x.query.CountOnly = true
		return value
	}
	if s, ok := choose(x, value, map[string]Summary{"true": SummaryTrue, "text": SummaryText, "data": SummaryData, "false": SummaryFalse, "count": 0}); ok {
		x.query.Summary = s
	}
	return value
}

func (x *parser) explain(_, value string) string {
	x.query.Explain, _ = choose(x, value, map[string]bool{"true": true, "false": false})
	return value
}

// elements reads names of elements of the types searched: https://hl7.org/fhir/R4/search.html#elements
func (x *parser) elements(_, value string) string {
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.TrimSpace(name); !x.isElement(name) {
			x.problem(outcome.Value, "The parameter _elements is wrong: %q is not an element of %s.", clip(name), strings.Join(x.typeNames(), ", "))
		} else if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if len(names) > MaxElements {
			x.problem(outcome.TooCostly, "The parameter _elements names more than %d elements.", MaxElements)
			break
		}
	}
	if len(x.problems) == 0 {
		x.query.Elements = names
	}
	return strings.Join(names, ",")
}

// isElement reports whether some type searched has the element at its root.
func (x *parser) isElement(name string) bool {
	for _, typ := range x.typeNames() {
		if definitions.R4().Type(typ).Element(name) != nil {
			return true
		}
	}
	return false
}

// typeNames are the types searched; DomainResource stands for all.
func (x *parser) typeNames() []string {
	if len(x.types) == 1 && x.types[0] == "" {
		return []string{"DomainResource"}
	}
	return x.types
}

// sort reads "code,-code": https://hl7.org/fhir/R4/search.html#sort
func (x *parser) sort(_, value string) string {
	var keys []SortKey
	for rule := range strings.SplitSeq(value, ",") {
		code, descending := strings.CutPrefix(strings.TrimSpace(rule), "-")
		keys = append(keys, SortKey{Params: x.sortParams(code), Descending: descending})
		if len(keys) > MaxSort {
			x.problem(outcome.TooCostly, "The parameter _sort has more than %d rules.", MaxSort)
		}
		if len(x.problems) > 0 {
			return value
		}
	}
	x.query.Sort = keys
	return value
}

func (x *parser) sortParams(code string) []*Parameter {
	var params []*Parameter
	for _, typ := range x.types {
		p := x.Lookup(typ, code)
		switch {
		case strings.ContainsAny(code, ".:"):
			x.problem(outcome.NotSupported, "The parameter _sort is wrong: %q follows a reference or has a modifier; matches are sorted by their own parameters alone, as in _sort=-_lastUpdated.", clip(code))
			return nil
		case code == listParameter:
			x.problem(outcome.Invalid, "The parameter _sort is wrong: %q is a special parameter, which has no order.", code)
			return nil
		case p == nil:
			x.unknown(typ, code)
			return nil
		case p.Type == TypeComposite || p.Type == TypeSpecial:
			x.problem(outcome.Invalid, "The parameter _sort is wrong: %q is a %s parameter, which has no order.", code, p.Type)
			return nil
		case len(params) > 0 && params[0].Type != p.Type:
			x.problem(outcome.Invalid, "The parameter _sort is wrong: %q is a %s of %s and a %s of %s, which have no order together.", code, params[0].Type, params[0].Base, p.Type, p.Base)
			return nil
		}
		if !slices.Contains(params, p) {
			params = append(params, p)
		}
	}
	return params
}
