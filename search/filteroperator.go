package search

import (
	"slices"
	"strings"
)

// filterComparison is how an operator compares the values of a type of parameter: by a prefix, or by
// modifiers, of which any may hold.
type filterComparison struct {
	prefix    Prefix
	modifiers []Modifier
	named     string // a modifier of queries, for sets of codes
}

func byPrefix(p Prefix) filterComparison           { return filterComparison{prefix: p} }
func byModifier(list ...Modifier) filterComparison { return filterComparison{modifiers: list} }
func byCodes(modifier string) filterComparison     { return filterComparison{named: modifier} }
func ordered(p Prefix) map[ParameterType]filterComparison {
	return map[ParameterType]filterComparison{TypeNumber: byPrefix(p), TypeDate: byPrefix(p), TypeQuantity: byPrefix(p)}
}

// with adds a row for strings, which prefixes are not for.
func with(m map[ParameterType]filterComparison, list ...Modifier) map[ParameterType]filterComparison {
	m[TypeString] = byModifier(list...)
	return m
}

// same adds the rows of types that are the same or not, without an order.
func same(m map[ParameterType]filterComparison, how Modifier) map[ParameterType]filterComparison {
	for _, t := range []ParameterType{TypeToken, TypeReference, TypeURI, TypeComposite} {
		m[t] = byModifier(how)
	}
	return m
}

// filterOperators is the table of https://hl7.org/fhir/R4/search_filter.html#ops by type of parameter.
// The operator pr goes with all types and is read apart, "ni" is the contrary of "in". The value of
// "ss" subsumes what is found, which is then below it.
var filterOperators = map[string]map[ParameterType]filterComparison{
	"eq": same(with(ordered(Eq), Equal), Plain),
	"ne": same(with(ordered(Ne), Less, Greater), Unequal),
	"co": {TypeString: byModifier(Contains), TypeDate: byPrefix(Co)},
	"sw": {TypeString: byModifier(Plain)},
	"ew": {TypeString: byModifier(Ends)},
	"gt": with(ordered(Gt), Greater),
	"lt": with(ordered(Lt), Less),
	"ge": with(ordered(Ge), Equal, Greater),
	"le": with(ordered(Le), Equal, Less),
	"ap": ordered(Ap),
	"sa": ordered(Sa),
	"eb": ordered(Eb),
	"pr": {},
	"po": {TypeDate: byPrefix(Po)},
	"ss": {TypeToken: byCodes("below")},
	"sb": {TypeToken: byCodes("above")},
	"in": {TypeToken: byCodes("in")},
	"ni": {TypeToken: byCodes("in")},
	"re": {TypeReference: byModifier(Plain)},
}

const filterOperatorNames = "eq, ne, co, sw, ew, gt, lt, ge, le, ap, sa, eb, pr, po, ss, sb, in, ni, re"

// operatorsOf lists the operators that go with a type of parameter.
func operatorsOf(t ParameterType) string {
	names := []string{"pr"}
	for name, types := range filterOperators {
		if _, ok := types[t]; ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// namespaces may be named by a word in a filter: https://hl7.org/fhir/R4/search_filter.html#ops
var namespaces = map[string]string{
	"loinc":  "http://loinc.org",
	"snomed": "http://snomed.info/sct",
	"rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
	"ucum":   "http://unitsofmeasure.org",
}

// inFull writes out the namespace in a token or quantity; composites hold several.
func inFull(types []ParameterType, text string) string {
	values := splitEscaped(text, '$')
	if len(values) != len(types) {
		return text
	}
	for i, t := range types {
		place := map[ParameterType]int{TypeToken: 0, TypeQuantity: 1}
		at, ok := place[t]
		parts := splitEscaped(values[i], '|')
		if full := ""; ok && len(parts) > at+1 {
			if full = namespaces[parts[at]]; full != "" {
				parts[at] = full
			}
			values[i] = strings.Join(parts, "|")
		}
	}
	return strings.Join(values, "$")
}
