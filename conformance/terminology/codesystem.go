package terminology

import (
	"slices"
	"strings"

	"kiln/resources"
)

// CodeSystem is a code system as far as it decides what is in value sets:
// https://hl7.org/fhir/R4/codesystem.html
type CodeSystem struct {
	URL, Version     string
	Content          string // complete, fragment, example, not-present or supplement
	Supplements      string
	HierarchyMeaning string
	IgnoreCase       bool
	Concepts         []Concept
	// Properties are the codes of the properties that the system declares.
	Properties []string

	bare     bool // the properties of concepts are not known
	byCode   map[string]int
	children [][]int
}

// Concept is one code with what is said of it.
type Concept struct {
	Code, Display string
	Inactive      bool
	Properties    []Property
	parents       []int
}

// Property is one value of a property; of a Coding the code.
type Property struct{ Code, Value string }

// ReadCodeSystem makes a CodeSystem from a resource. Of two concepts with one code the first counts.
func ReadCodeSystem(e resources.Element) *CodeSystem {
	cs := &CodeSystem{
		URL: e.First("url").Text(), Version: e.First("version").Text(), Content: e.First("content").Text(),
		Supplements: e.First("supplements").Text(), HierarchyMeaning: e.First("hierarchyMeaning").Text(),
		IgnoreCase: e.First("caseSensitive").Text() == "false",
	}
	for p := range e.Child("property") {
		cs.Properties = append(cs.Properties, p.First("code").Text())
	}
	cs.read(e, nil)
	cs.parentsByProperty()
	cs.index()
	return cs
}

// read takes the concepts below e, whose parents are given.
func (cs *CodeSystem) read(e resources.Element, parents []int) {
	for c := range e.Child("concept") {
		concept := Concept{Code: c.First("code").Text(), Display: c.First("display").Text(), parents: parents}
		for p := range c.Child("property") {
			value := p.First("value")
			text := value.Text()
			if t := value.Type(); t != nil && t.Name == "Coding" {
				text = value.First("code").Text()
			}
			concept.Properties = append(concept.Properties, Property{p.First("code").Text(), text})
		}
		concept.Inactive = concept.isInactive()
		cs.Concepts = append(cs.Concepts, concept)
		cs.read(c, []int{len(cs.Concepts) - 1})
	}
}

// isInactive looks at the properties that every code system may use:
// https://hl7.org/fhir/R4/codesystem-concept-properties.html
func (c *Concept) isInactive() bool {
	return slices.Contains(c.Properties, Property{"inactive", "true"}) || slices.Contains(c.Properties, Property{"status", "retired"})
}

// parentsByProperty adds the parents that are named by property, as polyhierarchies do.
func (cs *CodeSystem) parentsByProperty() {
	place := map[string]int{}
	for i, c := range slices.Backward(cs.Concepts) {
		place[cs.key(c.Code)] = i // the first of a code is the last to be noted
	}
	for i := range cs.Concepts {
		c := &cs.Concepts[i]
		for _, p := range c.Properties {
			switch at, ok := place[cs.key(p.Value)]; {
			case !ok:
			case p.Code == "parent" || p.Code == "subsumedBy":
				c.parents = append(slices.Clip(c.parents), at)
			case p.Code == "child":
				cs.Concepts[at].parents = append(slices.Clip(cs.Concepts[at].parents), i)
			}
		}
	}
}

func (cs *CodeSystem) index() {
	cs.byCode, cs.children = make(map[string]int, len(cs.Concepts)), make([][]int, len(cs.Concepts))
	for i, c := range cs.Concepts {
		if _, twice := cs.byCode[cs.key(c.Code)]; !twice {
			cs.byCode[cs.key(c.Code)] = i
		}
		for _, parent := range c.parents {
			cs.children[parent] = append(cs.children[parent], i)
		}
	}
}

// key is what codes of the system are compared by.
func (cs *CodeSystem) key(code string) string {
	if cs.IgnoreCase {
		return strings.ToLower(code)
	}
	return code
}

// find gives the place of a code.
func (cs *CodeSystem) find(code string) (int, bool) {
	i, ok := cs.byCode[cs.key(code)]
	return i, ok
}

// subsumes reports whether the hierarchy says what is a kind of what. Where its meaning is not
// stated it does, as in most code systems of HL7.
func (cs *CodeSystem) subsumes() bool {
	return cs.HierarchyMeaning == "" || cs.HierarchyMeaning == "is-a"
}

// below marks a concept and all that are below it.
func (cs *CodeSystem) below(i int) []bool {
	return cs.reach(i, func(i int) []int { return cs.children[i] })
}

// above marks a concept and all that are above it.
func (cs *CodeSystem) above(i int) []bool {
	return cs.reach(i, func(i int) []int { return cs.Concepts[i].parents })
}

// reach marks what next leads to. A circle in the hierarchy ends it.
func (cs *CodeSystem) reach(i int, next func(int) []int) []bool {
	seen := make([]bool, len(cs.Concepts))
	seen[i] = true
	open := []int{i}
	for len(open) > 0 && cs.subsumes() {
		i, open = open[len(open)-1], open[:len(open)-1]
		for _, j := range next(i) {
			if !seen[j] {
				seen[j] = true
				open = append(open, j)
			}
		}
	}
	return seen
}
