package search

import (
	"slices"
	"strconv"
	"strings"

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
	"_contained":     {rank: 1, read: (*parser).contained},
	"_containedType": {rank: 2, read: (*parser).containedType},
	"_include":       {rank: 3, repeats: true, modifiers: []string{"iterate"}, read: (*parser).include},
	"_revinclude":    {rank: 4, repeats: true, modifiers: []string{"iterate"}, read: (*parser).revInclude},
	"_sort":          {rank: 5, read: (*parser).sort},
	"_count":         {rank: 6, read: (*parser).count},
	"_maxresults":    {rank: 7, read: (*parser).maxResults},
	"_total":         {rank: 8, read: (*parser).total},
	"_summary":       {rank: 9, read: (*parser).summary},
	"_elements":      {rank: 10, read: (*parser).elements},
	"_explain":       {rank: 11, read: (*parser).explain},
	"_format":        {rank: 12, read: (*parser).asGiven},
	"_pretty":        {rank: 13, read: (*parser).asGiven},
}

// resultNames are the result parameters in alphabetical order.
var resultNames = []string{
	"_contained", "_containedType", "_count", "_elements", "_explain", "_format", "_include", "_maxresults", "_pretty", "_revinclude", "_sort", "_summary", "_total", "_type",
}

// takes tells which modifiers the parameter has.
func (p resultParameter) takes() string {
	if len(p.modifiers) == 0 {
		return "it has none at all"
	}
	return "valid are :" + strings.Join(p.modifiers, ", :")
}

func (x *parser) result(p resultParameter, name, modifier string, q NameValue) {
	switch {
	case q.Name != name && !slices.Contains(p.modifiers, modifier):
		x.problem(outcome.Invalid, "The parameter %s has no modifier %q; %s.", name, clip(modifier), p.takes())
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

// typeNames are the types searched; DomainResource stands for all.
func (x *parser) typeNames() []string {
	if len(x.types) == 1 && x.types[0] == "" {
		return []string{"DomainResource"}
	}
	return x.types
}
