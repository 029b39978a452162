package search

import (
	"context"
	"slices"
	"strings"

	"kiln/resources"
	"kiln/resources/outcome"
)

// ContainedValue is a resource inside another: https://hl7.org/fhir/R4/references.html#contained.
// Entries are its own values, that of _id (its local id) among them; _lastUpdated it has none. The
// values of a resource hold one for each item of its "contained", in their order, of the parameter
// that [Containment] gives; Type is "" of an item that is no resource.
type ContainedValue struct {
	Type, ID string
	Entries  []Entry
}

func (ContainedValue) value() {}

// Contained matches where a resource inside the one tested matches the branch of its type; the
// whole filter holds of that one.
type Contained struct{ Branches []Branch }

func (Contained) expr() {}

// containment has no definition, and no query names it.
var containment = &Parameter{Code: "_contained", Type: TypeSpecial, Base: "Resource"}

// Containment is the parameter whose values are the resources inside a resource.
func Containment() *Parameter { return containment }

// Place is where a match of a query is: a resource, or one inside it.
type Place struct {
	// At is the item of "contained" that matches; Whole is the resource itself.
	At int
	// Entries are what the match is sorted by.
	Entries []Entry
}

// Whole is the resource itself.
const Whole = -1

// SearchesContained reports whether the query looks into contained resources: _contained=true or both.
func (q *Query) SearchesContained() bool {
	return slices.ContainsFunc(q.Branches, func(b Branch) bool { return inside(b.Filter) != nil })
}

// inside finds the condition on contained resources in the filter of a branch, of which others may
// have made a part of a conjunction.
func inside(e Expr) *Contained {
	switch e := e.(type) {
	case Contained:
		return &e
	case And:
		for _, part := range e {
			if c := inside(part); c != nil {
				return c
			}
		}
	}
	return nil
}

// Places are the matches of the query in a resource, none if it does not match. Where contained
// resources are asked for alone, each that matches is one of them, after the resource itself; else
// the resource is one match, sorted by the values of all that match in it. Errors are those of Match.
func (q *Query) Places(ctx context.Context, r Resource, source Source) ([]Place, error) {
	m := matcher{ctx: ctx, source: source}
	contained := r.contained()
	met, found := make([]bool, len(contained)), false
	whole := false
	for _, b := range q.Branches {
		if b.Type != "" && b.Type != r.Type {
			continue
		}
		ok, err := m.match(b.Filter, r)
		if err != nil {
			return nil, err
		}
		c := inside(b.Filter)
		if whole = whole || ok && c == nil; !ok || c == nil {
			continue
		}
		found = true
		for i, inner := range contained {
			ok, err := m.any(c.Branches, inner)
			if err != nil {
				return nil, err
			}
			met[i] = met[i] || ok
		}
	}
	if !whole && !found {
		return nil, nil
	}
	return q.places(r, contained, whole, met), nil
}

func (q *Query) places(r Resource, contained []Resource, whole bool, met []bool) []Place {
	var list []Place
	if whole {
		list = append(list, Place{Whole, r.Entries})
	}
	for i, ok := range met {
		if ok {
			list = append(list, Place{i, contained[i].Entries})
		}
	}
	if q.ContainedAlone {
		return list
	}
	one := Place{At: Whole, Entries: list[0].Entries}
	for _, p := range list[1:] {
		one.Entries = append(slices.Clip(one.Entries), p.Entries...)
	}
	return []Place{one}
}

// container is a resource with what is in it by local id, once that is needed.
type container struct {
	resource *Resource
	local    map[string][]Resource
}

// contained are the resources inside r, one for each item.
func (r *Resource) contained() []Resource { return (&container{resource: r}).items() }

func (c *container) items() []Resource {
	var list []Resource
	for _, e := range c.resource.Entries {
		if v, ok := e.Value.(ContainedValue); ok {
			list = append(list, Resource{Type: v.Type, ID: v.ID, Entries: v.Entries, around: c})
		}
	}
	return list
}

// find gives the resources with a local id; more than one where validation was off.
func (c *container) find(id string) []Resource {
	if c.local == nil {
		c.local = map[string][]Resource{}
		for _, r := range c.items() {
			c.local[r.ID] = append(c.local[r.ID], r)
		}
	}
	return c.local[id]
}

func (m *matcher) inside(c Contained, r Resource) (bool, error) {
	for _, inner := range r.contained() {
		if ok, err := m.any(c.Branches, inner); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// any tests a resource on the branches for its type.
func (m *matcher) any(branches []Branch, r Resource) (bool, error) {
	for _, b := range branches {
		if r.Type == "" || b.Type != "" && b.Type != r.Type {
			continue
		}
		if ok, err := m.match(b.Filter, r); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// chainInside follows a reference to a contained resource, or to the container ("#"):
// https://hl7.org/fhir/R4/search.html#contained says that chains are evaluated inside.
func (m *matcher) chainInside(c Chain, id string, around *container) (bool, error) {
	if err := m.ctx.Err(); err != nil {
		return false, err
	}
	if id == "" {
		return m.any(c.Branches, *around.resource)
	}
	for _, inner := range around.find(id) {
		if ok, err := m.any(c.Branches, inner); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// LocalID is the id in a reference to a contained resource, "" of one to the container; ok is false
// of all other references.
func (v ReferenceValue) LocalID() (id string, ok bool) { return strings.CutPrefix(v.URL, "#") }

// extractContained takes the values of the contained resources, each on its own. Custom parameters are of
// whole resources alone.
func (p *Parameters) extractContained(ctx context.Context, container resources.Element, entries []Entry) ([]Entry, error) {
	count := len(entries)
	for e := range container.Child("contained") {
		v := ContainedValue{}
		var t *typeParameters
		if e.IsResource() {
			t = p.table.Load().r4[e.Type().Name]
		}
		if t != nil {
			var err error
			if v.Entries, err = p.follow(ctx, e, container, t.plan); err != nil {
				return nil, err
			}
			v.Type, v.ID = e.Type().Name, e.First("id").Text()
			if v.ID != "" {
				v.Entries = append(v.Entries, Entry{p.id, TokenValue{Code: v.ID}})
			}
		}
		if count += len(v.Entries) + 1; count > maxValues {
			return nil, tooManyValues()
		}
		entries = append(entries, Entry{containment, v})
	}
	return entries, nil
}

// containedMode is the value of _contained.
type containedMode uint8

const (
	containedFalse containedMode = iota
	containedTrue
	containedBoth
)

var containedModes = map[string]containedMode{"false": containedFalse, "true": containedTrue, "both": containedBoth}

var containedNames = [...]string{containedFalse: "false", containedTrue: "true", containedBoth: "both"}

// contained reads where to search: https://hl7.org/fhir/R4/search.html#contained
func (x *parser) contained(_, value string) string {
	mode, _ := choose(x, value, containedModes)
	if mode != containedFalse && x.options.Compartment.Name != "" {
		x.problem(outcome.NotSupported, "The parameter _contained=%s is wrong in a search of a compartment: a contained resource is in none of its own; search its type, as in Observation?_contained=%s.", value, value)
	}
	if len(x.problems) == 0 {
		x.mode = mode
	}
	return value
}

// containedType reads what is shown of a match inside: its container or itself.
func (x *parser) containedType(_, value string) string {
	alone, ok := choose(x, value, map[string]bool{"container": false, "contained": true})
	if ok {
		x.query.ContainedAlone = alone
	}
	return value
}

// containing turns the branches, which say what is searched for, into where it is searched.
func (x *parser) containing() {
	if x.mode == containedFalse {
		x.query.ContainedAlone = false // nothing inside is found
		return
	}
	if x.outer {
		x.name = "_contained"
		x.problem(outcome.NotSupported, "The parameter _contained=%s is wrong together with _text, _content and parameters that are not R4's own: they look at whole resources, which those contained are part of.", containedNames[x.mode])
		if !x.settle() {
			x.mode, x.query.ContainedAlone = containedFalse, false
			x.results = slices.DeleteFunc(x.results, func(q NameValue) bool { return q.Name == "_contained" || q.Name == "_containedType" })
			return
		}
	}
	within := Branch{Filter: Contained{x.query.Branches}}
	if x.mode == containedTrue {
		x.query.Branches = []Branch{within}
	} else {
		x.query.Branches = append(slices.Clip(x.query.Branches), within)
	}
	if slices.ContainsFunc(x.query.Sort, func(key SortKey) bool { return len(key.Via) > 0 }) {
		x.name = "_sort"
		x.problem(outcome.NotSupported, "The parameter _sort follows references, which it cannot do together with _contained; sort by parameters of what is searched for.")
		if !x.settle() {
			x.query.Sort = nil
			x.results = slices.DeleteFunc(x.results, func(q NameValue) bool { return q.Name == "_sort" })
		}
	}
	if len(x.query.Elements) > 0 && !x.query.ContainedAlone {
		x.name = "_elements"
		x.problem(outcome.Invalid, "The parameter _elements names elements of what is searched for, but _contained shows the container around it; add _containedType=contained.")
		if !x.settle() {
			x.query.Elements = nil
			x.results = slices.DeleteFunc(x.results, func(q NameValue) bool { return q.Name == "_elements" })
		}
	}
}
