package search

import (
	"context"
	"slices"
	"strings"
	"sync"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// Within matches where a reference of the parameter is among those named, or belongs to them by the
// hierarchy of the type that it points to: below them, or with Above over them. A hierarchy is walked
// over the current resources of this server, whatever version a reference names, and over each once,
// so that a circle ends. https://hl7.org/fhir/R4/search.html#recursive
//
// An engine finds what is below by the index of the parents, and what is above with Over, and lowers
// the rest to a Test.
type Within struct {
	Param *Parameter
	Above bool
	Any   []Criterion // each a ReferenceCriterion without a version
	By    []Hierarchy
	// named holds Any, which may be many.
	named map[Criterion]struct{}
}

func (Within) expr() {}

// Hierarchy is how resources of a type are part of others.
type Hierarchy struct {
	Type   string
	Parent *Parameter
	// Filter, unless nil, is what a resource must match to be walked through.
	Filter Expr
}

// MaxLevels is how many steps a hierarchy is walked: what is further away is not found.
const MaxLevels = 100

// maxAncestors bounds what a walk towards the root comes by; more is a too-costly.
const maxAncestors = 10_000

// parentCodes are the parameters by which a resource is part of another of its own type.
var parentCodes = [...]string{"partof", "part-of", "parent"}

// hierarchies tell by resource type the code of the parameter that leads to the parent.
var hierarchies = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	for _, typ := range definitions.R4().ResourceNames() {
		for _, d := range definitions.R4().SearchParameters(typ) {
			if slices.Contains(parentCodes[:], d.Code) && slices.Contains(d.Targets, typ) {
				found[typ] = d.Code
			}
		}
	}
	return found
})

// Hierarchies are the types that the parameter may point to whose resources can be part of one another,
// by name. Only a reference parameter has some, and one that is Canonical none.
func (p *Parameter) Hierarchies() []string {
	if p.Type != TypeReference || p.canonical {
		return nil
	}
	var types []string
	for _, typ := range allTargets(p) {
		if hierarchies()[typ] != "" {
			types = append(types, typ)
		}
	}
	slices.Sort(types)
	return types
}

// Canonical reports whether the parameter looks at canonical URLs, of which :above and :below compare
// the versions.
func (p *Parameter) Canonical() bool { return p.canonical }

// within reads the values of a reference parameter with :above or :below. Canonical URLs are
// compared by their versions, and so are no Within.
func (x *parser) within(param *Parameter, t Test) Expr {
	types := param.Hierarchies()
	if len(types) == 0 {
		return t
	}
	w := Within{Param: param, Above: t.Modifier == Above, Any: t.Any}
	for _, typ := range types {
		if parent := x.Lookup(typ, hierarchies()[typ]); parent != nil {
			w.By = append(w.By, Hierarchy{Type: typ, Parent: parent})
		}
	}
	w.named = make(map[Criterion]struct{}, len(t.Any))
	for _, c := range t.Any {
		w.named[c] = struct{}{}
		c := c.(ReferenceCriterion)
		switch {
		case c.Type != "" && !slices.Contains(types, c.Type):
			x.problem(outcome.Value, "The reference parameter %q is wrong: %s has no hierarchy; expected %s.", clip(x.name), c.Type, strings.Join(types, ", "))
		case c.Version != "":
			x.problem(outcome.Value, "The reference parameter %q is wrong: a hierarchy is of the current resources; expected a reference without a version.", clip(x.name))
		}
	}
	return w
}

// within tests a resource: whether a reference of it leads up to one of those named, or is over them.
func (m *matcher) within(w Within, r Resource) (bool, error) {
	if !w.Above {
		found := false
		err := w.climb(m, r.references(w.Param), func(_ int, ref ReferenceValue) bool {
			found = w.names(ref)
			return found
		})
		return found, err
	}
	over, err := w.Over(m.ctx, m.source)
	if err != nil {
		return false, err
	}
	return Test{Param: w.Param, Any: over}.Match(r.Entries), nil
}

// Over are the references named and all that are over them, each once. Errors are those of the
// source, the end of the context, and too-costly.
func (w Within) Over(ctx context.Context, source Source) ([]Criterion, error) {
	over := slices.Clone(w.Any)
	var from []ReferenceValue
	for _, c := range w.Any {
		ref := c.(ReferenceCriterion)
		for _, h := range w.By {
			if ref.ID != "" && (ref.Type == "" || ref.Type == h.Type) {
				from = append(from, ReferenceValue{Type: h.Type, ID: ref.ID})
			}
		}
	}
	err := w.climb(&matcher{ctx: ctx, source: source}, from, func(level int, ref ReferenceValue) bool {
		if level > 0 && (ref.ID != "" || isAbsolute(ref.URL)) {
			over = append(over, ReferenceCriterion{Type: ref.Type, ID: ref.ID, URL: ref.URL})
		}
		return false
	})
	return over, err
}

// names reports whether the reference is one of those asked for.
func (w Within) names(ref ReferenceValue) bool {
	if w.named != nil {
		for _, c := range [...]ReferenceCriterion{{Type: ref.Type, ID: ref.ID}, {ID: ref.ID}, {URL: ref.URL}} {
			if _, ok := w.named[c]; ok {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(w.Any, func(c Criterion) bool { return MatchValue(Plain, c, ref) })
}

// climb visits references and those that their resources have to their parents, level by level, until
// visit says that it is enough.
func (w Within) climb(m *matcher, from []ReferenceValue, visit func(level int, ref ReferenceValue) (enough bool)) error {
	seen := map[ReferenceValue]bool{}
	for level := range MaxLevels + 1 {
		var over []ReferenceValue
		for _, ref := range from {
			ref = ReferenceValue{Type: ref.Type, ID: ref.ID, URL: ref.URL} // of any version
			if seen[ref] {
				continue
			}
			if len(seen) == maxAncestors {
				return tooMany("The hierarchy that the search walks has more than %d resources over one.", maxAncestors)
			}
			seen[ref] = true
			if visit(level, ref) {
				return nil
			}
			parents, err := w.parents(m, ref)
			if err != nil {
				return err
			}
			over = append(over, parents...)
		}
		from = over
	}
	return nil
}

// parents are the references of a resource to what it is part of.
func (w Within) parents(m *matcher, ref ReferenceValue) ([]ReferenceValue, error) {
	i := slices.IndexFunc(w.By, func(h Hierarchy) bool { return ref.ID != "" && h.Type == ref.Type })
	if i < 0 {
		return nil, nil
	}
	if err := m.ctx.Err(); err != nil {
		return nil, err
	}
	resource, ok, err := m.source.Lookup(m.ctx, ref.Type, ref.ID)
	if !ok || err != nil {
		return nil, err
	}
	if ok, err := m.match(w.By[i].Filter, resource); !ok || err != nil {
		return nil, err
	}
	return resource.references(w.By[i].Parent), nil
}

// references are the values of a reference parameter.
func (r Resource) references(param *Parameter) []ReferenceValue {
	var list []ReferenceValue
	for _, e := range r.Entries {
		if ref, ok := e.Value.(ReferenceValue); ok && e.Param == param {
			list = append(list, ref)
		}
	}
	return list
}
