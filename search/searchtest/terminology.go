package searchtest

import (
	"slices"
	"strconv"
	"strings"

	"kiln/resources/definitions"
	"kiln/search"
)

// Terminology is a search.Terminology over the vocabularies of RandomResource. The value set
// "urn:set:5" has the codes of which the number has the bit, counted over all systems; those of
// required bindings are R4's. In the order of the vocabulary each code is above the next.
type Terminology struct{}

const setPrefix = "urn:set:"

// In implements search.Terminology.
func (Terminology) In(valueSet string, _ int) ([]search.Code, error) {
	if vs := definitions.R4().ValueSet(valueSet); vs != nil {
		return bound(vs), nil
	}
	bits, err := strconv.ParseUint(strings.TrimPrefix(valueSet, setPrefix), 10, 64)
	if err != nil {
		return nil, err
	}
	var list []search.Code
	for i := range len(systems) * len(codes) {
		if bits&(1<<i) != 0 {
			list = append(list, search.Code{System: systems[i%len(systems)], Code: codes[i/len(systems)]})
		}
	}
	return list, nil
}

func bound(vs *definitions.ValueSet) []search.Code {
	var list []search.Code
	for _, concepts := range vs.Codes {
		for _, c := range concepts {
			list = append(list, search.Code{System: c.System, Code: c.Code})
		}
	}
	slices.SortFunc(list, func(a, b search.Code) int { return strings.Compare(a.System+"|"+a.Code, b.System+"|"+b.Code) })
	return list
}

// Below implements search.Terminology.
func (Terminology) Below(system, code string, _ int) ([]search.Code, error) {
	return vocabulary(system, code, func(i int) []string { return codes[i:] })
}

// Above implements search.Terminology.
func (Terminology) Above(system, code string, _ int) ([]search.Code, error) {
	return vocabulary(system, code, func(i int) []string { return codes[:i+1] })
}

func vocabulary(system, code string, part func(int) []string) ([]search.Code, error) {
	i := slices.Index(codes, code)
	if i < 0 {
		return []search.Code{{System: system, Code: code}}, nil
	}
	var list []search.Code
	for _, c := range part(i) {
		list = append(list, search.Code{System: system, Code: c})
	}
	return list, nil
}

// valueSets are those of required bindings that random resources have codes of.
var valueSets = []string{
	"http://hl7.org/fhir/ValueSet/administrative-gender", "http://hl7.org/fhir/ValueSet/observation-status",
	"http://hl7.org/fhir/ValueSet/publication-status", "http://hl7.org/fhir/ValueSet/request-status",
}

// setText is the value of a modifier that stands for a set of codes; empty for other modifiers.
func (g generator) setText(modifier string, v search.Value) string {
	switch modifier {
	case "in", "not-in":
		if g.r.IntN(3) == 0 {
			return pick(g.r, valueSets)
		}
		return setPrefix + strconv.FormatUint(g.r.Uint64()&g.r.Uint64()&g.r.Uint64()&(1<<32-1), 10)
	case "below", "above":
		token, ok := v.(search.TokenValue)
		if !ok || token.System == "" || token.Code == "" {
			token = search.TokenValue{System: pick(g.r, systems), Code: pick(g.r, codes)}
		}
		return escape(token.System) + "|" + escape(token.Code)
	}
	return ""
}
