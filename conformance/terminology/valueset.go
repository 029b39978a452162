package terminology

import (
	"strconv"

	"kiln/resources"
)

// ValueSet is a value set as composed, with the expansion that it carries:
// https://hl7.org/fhir/R4/valueset.html
type ValueSet struct {
	URL, Version     string
	Composed         bool // it has a compose
	ActiveOnly       bool // compose.inactive is false
	Include, Exclude []Part
	// Expansion holds the codes of a whole expansion that the resource carries; Expanded tells an
	// empty one from none. A page of an expansion is none.
	Expansion []Coding
	Expanded  bool
}

// Part is one include or exclude.
type Part struct {
	System, Version string
	ValueSets       []string
	Concepts        []Coding
	Filters         []Filter
}

// Filter selects concepts by a property: https://hl7.org/fhir/R4/valueset-filter-operator.html
type Filter struct{ Property, Op, Value string }

// Coding is a code of a system.
type Coding struct{ System, Code, Display string }

// ReadValueSet makes a ValueSet from a resource.
func ReadValueSet(e resources.Element) *ValueSet {
	compose := e.First("compose")
	vs := &ValueSet{URL: e.First("url").Text(), Version: e.First("version").Text()}
	if !compose.IsZero() {
		vs.Composed, vs.ActiveOnly = true, compose.First("inactive").Text() == "false"
		vs.Include, vs.Exclude = readParts(compose, "include"), readParts(compose, "exclude")
	}
	if expansion := e.First("expansion"); !expansion.IsZero() {
		vs.readExpansion(expansion)
	}
	return vs
}

func readParts(compose resources.Element, name string) []Part {
	var parts []Part
	for e := range compose.Child(name) {
		p := Part{System: e.First("system").Text(), Version: e.First("version").Text()}
		for v := range e.Child("valueSet") {
			p.ValueSets = append(p.ValueSets, v.Text())
		}
		for c := range e.Child("concept") {
			p.Concepts = append(p.Concepts, Coding{p.System, c.First("code").Text(), c.First("display").Text()})
		}
		for f := range e.Child("filter") {
			p.Filters = append(p.Filters, Filter{f.First("property").Text(), f.First("op").Text(), f.First("value").Text()})
		}
		parts = append(parts, p)
	}
	return parts
}

// readExpansion takes the codes that may be chosen: not those there for display alone.
func (vs *ValueSet) readExpansion(expansion resources.Element) {
	total, entries := expansion.First("total").Text(), 0
	var read func(e resources.Element)
	read = func(e resources.Element) {
		for c := range e.Child("contains") {
			entries++
			if code := c.First("code").Text(); code != "" && c.First("abstract").Text() != "true" {
				vs.Expansion = append(vs.Expansion, Coding{c.First("system").Text(), code, c.First("display").Text()})
			}
			read(c)
		}
	}
	read(expansion)
	n, err := strconv.Atoi(total)
	if offset := expansion.First("offset").Text(); total != "" && (err != nil || n > entries) || offset != "" && offset != "0" {
		vs.Expansion = nil
		return
	}
	vs.Expanded = true
}
