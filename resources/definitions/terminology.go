package definitions

import (
	"strconv"
	"strings"
	"sync"
)

// Terminology holds the code systems and the composed value sets of R4. They are decoded apart
// from the other tables, when first asked for.
type Terminology struct {
	codeSystems map[string]*CodeSystem
	valueSets   map[string]*ComposedValueSet
}

// R4Terminology returns the embedded code systems and value sets, decoding them on first use.
var R4Terminology = sync.OnceValue(decodeTerminology)

// CodeSystem is a code system: https://hl7.org/fhir/R4/codesystem.html
type CodeSystem struct {
	URL, Version     string
	Content          string // complete, fragment, example, not-present or supplement
	CaseSensitive    bool
	HierarchyMeaning string // "" where it is not stated
	Supplements      string
	Concepts         []CodeSystemConcept
}

// CodeSystemConcept is one concept; Parents are the positions of those above it.
type CodeSystemConcept struct {
	Code, Display string
	Parents       []int
}

// ComposedValueSet is a value set as its author composed it, not expanded:
// https://hl7.org/fhir/R4/valueset.html#compositions
type ComposedValueSet struct {
	URL, Version     string
	ActiveOnly       bool // compose.inactive is false
	Include, Exclude []ValueSetPart
}

// ValueSetPart is one include or exclude.
type ValueSetPart struct {
	System, Version string
	ValueSets       []string
	Concepts        []Concept // System is that of the part
	Filters         []ValueSetFilter
}

// ValueSetFilter selects the concepts whose property stands in the relation to the value.
type ValueSetFilter struct{ Property, Op, Value string }

// CodeSystem finds a code system by canonical URL without version; nil if R4 has none.
func (t *Terminology) CodeSystem(url string) *CodeSystem { return t.codeSystems[url] }

// ValueSet finds a value set by canonical URL without version; nil if R4 has none.
func (t *Terminology) ValueSet(url string) *ComposedValueSet { return t.valueSets[url] }

// CodeSystems calls yield for every code system, in no fixed order.
func (t *Terminology) CodeSystems(yield func(*CodeSystem) bool) {
	for _, cs := range t.codeSystems {
		if !yield(cs) {
			return
		}
	}
}

// ValueSets calls yield for every value set, in no fixed order.
func (t *Terminology) ValueSets(yield func(*ComposedValueSet) bool) {
	for _, vs := range t.valueSets {
		if !yield(vs) {
			return
		}
	}
}

func decodeTerminology() *Terminology {
	t := &Terminology{codeSystems: map[string]*CodeSystem{}, valueSets: map[string]*ComposedValueSet{}}
	t.decodeCodeSystems()
	t.decodeValueSets()
	return t
}

func (t *Terminology) decodeCodeSystems() {
	var cs *CodeSystem
	for c := range rows("codesystems") {
		if c[0] != "" {
			cs = &CodeSystem{URL: c[0], Version: c[1], Content: c[2], CaseSensitive: c[3] == "true", HierarchyMeaning: c[4], Supplements: c[5]}
			t.codeSystems[cs.URL] = cs
			continue
		}
		concept := CodeSystemConcept{Code: c[1], Display: c[2]}
		for _, parent := range list(c[3], ",") {
			i, err := strconv.Atoi(parent)
			if err != nil {
				panic("parent " + parent + " in " + cs.URL)
			}
			concept.Parents = append(concept.Parents, i)
		}
		cs.Concepts = append(cs.Concepts, concept)
	}
}

func (t *Terminology) decodeValueSets() {
	var vs *ComposedValueSet
	var part *ValueSetPart
	for c := range rows("valuesets-compose") {
		switch {
		case c[0] != "":
			vs = &ComposedValueSet{URL: c[0], Version: c[1], ActiveOnly: c[2] == "false"}
			t.valueSets[vs.URL] = vs
		case c[1] == "concept":
			part.Concepts = append(part.Concepts, Concept{part.System, c[2], c[3]})
		case c[1] == "filter":
			part.Filters = append(part.Filters, ValueSetFilter{c[2], c[3], c[4]})
		default:
			parts := &vs.Include
			if c[1] == "exclude" {
				parts = &vs.Exclude
			}
			*parts = append(*parts, ValueSetPart{System: c[2], Version: c[3], ValueSets: strings.Fields(c[4])})
			part = &(*parts)[len(*parts)-1]
		}
	}
}
