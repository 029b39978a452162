package terminology

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"kiln/resources/outcome"
)

// predicate tells which concepts a filter selects, by their place.
type predicate func(i int) bool

// filter selects what all filters do. The sentence says why that is not known here; the error, that
// a filter is wrong.
func (cs *CodeSystem) filter(filters []Filter) (wanted predicate, sentence string, err error) {
	var all []predicate
	for _, f := range filters {
		operator, ok := operators[f.Op]
		if !ok {
			return nil, "", refuse(outcome.Invalid, "A filter on %s has the operator %q; expected =, is-a, descendent-of, is-not-a, regex, in, not-in, generalizes or exists.", clip(cs.URL), clip(f.Op))
		}
		if cs.bare && !slices.Contains(ownProperties, f.Property) {
			return nil, fmt.Sprintf("The property %s of the code system %s is not available here, so what a filter by it selects cannot be told.", clip(f.Property), clip(cs.URL)), nil
		}
		one, err := operator(cs, f)
		if err != nil {
			return nil, "", err
		}
		all = append(all, one)
	}
	return func(i int) bool {
		return !slices.ContainsFunc(all, func(p predicate) bool { return !p(i) })
	}, "", nil
}

// operators make the predicate of a filter: https://hl7.org/fhir/R4/valueset-filter-operator.html
var operators = map[string]func(*CodeSystem, Filter) (predicate, error){
	"=":             equals,
	"is-a":          isA,
	"descendent-of": descendentOf,
	"is-not-a":      isNotA,
	"generalizes":   generalizes,
	"regex":         matchesRegex,
	"in":            isIn,
	"not-in":        isNotIn,
	"exists":        exists,
}

// ownProperties are what every concept has: its code (as "concept" too), display and hierarchy.
var ownProperties = []string{"concept", "code", "display", "parent", "child"}

// inHierarchy finds the concept that a filter by subsumption names.
func (cs *CodeSystem) inHierarchy(f Filter) (int, error) {
	if f.Property != "concept" && f.Property != "code" {
		return 0, refuse(outcome.Invalid, "The filter %s on %s is by the property %q; it is by concept or code alone.", f.Op, clip(cs.URL), clip(f.Property))
	}
	i, ok := cs.find(f.Value)
	if !ok {
		return 0, refuse(outcome.CodeInvalid, "The filter %s on %s names the code %q, which is not in it.", f.Op, clip(cs.URL), clip(f.Value))
	}
	return i, nil
}

func isA(cs *CodeSystem, f Filter) (predicate, error) {
	root, err := cs.inHierarchy(f)
	if err != nil {
		return nil, err
	}
	below := cs.below(root)
	return func(i int) bool { return below[i] }, nil
}

func descendentOf(cs *CodeSystem, f Filter) (predicate, error) {
	root, err := cs.inHierarchy(f)
	if err != nil {
		return nil, err
	}
	below := cs.below(root)
	return func(i int) bool { return below[i] && i != root }, nil
}

func isNotA(cs *CodeSystem, f Filter) (predicate, error) {
	below, err := isA(cs, f)
	return func(i int) bool { return !below(i) }, err
}

func generalizes(cs *CodeSystem, f Filter) (predicate, error) {
	leaf, err := cs.inHierarchy(f)
	if err != nil {
		return nil, err
	}
	above := cs.above(leaf)
	return func(i int) bool { return above[i] }, nil
}

func equals(cs *CodeSystem, f Filter) (predicate, error) {
	return cs.byValue(f, func(value string) bool { return cs.same(f.Property, value, f.Value) })
}

func isIn(cs *CodeSystem, f Filter) (predicate, error) {
	listed := strings.Split(f.Value, ",")
	return cs.byValue(f, func(value string) bool {
		return slices.ContainsFunc(listed, func(one string) bool { return cs.same(f.Property, value, strings.TrimSpace(one)) })
	})
}

func isNotIn(cs *CodeSystem, f Filter) (predicate, error) {
	in, err := isIn(cs, f)
	return func(i int) bool { return !in(i) }, err
}

// matchesRegex compares the whole value; the pattern is one of RE2, which takes linear time.
func matchesRegex(cs *CodeSystem, f Filter) (predicate, error) {
	_, err := regexp.Compile(f.Value) // by itself: x)|(y would leave the anchors
	if err != nil || len(f.Value) > maxRegex {
		return nil, refuse(outcome.Invalid, "The filter regex on %s has a pattern that cannot be used; expected a regular expression without look-around and back references, of at most %d bytes.", clip(cs.URL), maxRegex)
	}
	pattern, err := regexp.Compile(`\A(?:` + f.Value + `)\z`)
	if err != nil {
		return nil, refuse(outcome.Invalid, "The filter regex on %s has a pattern that is too large.", clip(cs.URL))
	}
	return cs.byValue(f, pattern.MatchString)
}

func exists(cs *CodeSystem, f Filter) (predicate, error) {
	if f.Value != "true" && f.Value != "false" {
		return nil, refuse(outcome.Invalid, "The filter exists on %s has the value %q; expected true or false.", clip(cs.URL), clip(f.Value))
	}
	has, err := cs.byValue(f, func(string) bool { return true })
	return func(i int) bool { return has(i) == (f.Value == "true") }, err
}

// byValue selects the concepts with a value of the property that is wanted.
func (cs *CodeSystem) byValue(f Filter, wanted func(string) bool) (predicate, error) {
	switch f.Property {
	case "concept", "code":
		return func(i int) bool { return wanted(cs.Concepts[i].Code) }, nil
	case "display":
		return func(i int) bool { return cs.Concepts[i].Display != "" && wanted(cs.Concepts[i].Display) }, nil
	case "parent":
		return cs.byNeighbour(wanted, func(i int) []int { return cs.Concepts[i].parents }), nil
	case "child":
		return cs.byNeighbour(wanted, func(i int) []int { return cs.children[i] }), nil
	}
	if !cs.declares(f.Property) {
		return nil, refuse(outcome.Invalid, "A filter on %s is by the property %q, which the code system does not have.", clip(cs.URL), clip(f.Property))
	}
	return func(i int) bool {
		return slices.ContainsFunc(cs.Concepts[i].Properties, func(p Property) bool { return p.Code == f.Property && wanted(p.Value) })
	}, nil
}

func (cs *CodeSystem) byNeighbour(wanted func(string) bool, next func(int) []int) predicate {
	return func(i int) bool {
		return slices.ContainsFunc(next(i), func(j int) bool { return wanted(cs.Concepts[j].Code) })
	}
}

// declares reports whether the system has the property, or any concept does.
func (cs *CodeSystem) declares(property string) bool {
	return slices.Contains(cs.Properties, property) || slices.ContainsFunc(cs.Concepts, func(c Concept) bool {
		return slices.ContainsFunc(c.Properties, func(p Property) bool { return p.Code == property })
	})
}

// same compares values of a property: codes of the system as it compares codes, others as written.
func (cs *CodeSystem) same(property, a, b string) bool {
	if property == "display" || !slices.Contains(ownProperties, property) {
		return a == b
	}
	return cs.key(a) == cs.key(b)
}
