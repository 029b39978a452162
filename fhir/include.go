package fhir

import (
	"context"
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// inclusion gathers what _include and _revinclude add to a page:
// https://hl7.org/fhir/R4/search.html#include. Nothing comes twice, nothing counts as a match, and
// everything is read as the caller's own reads and searches would be.
type inclusion struct {
	service *Service
	reader  store.Reader
	query   *search.Query
	seen    map[store.Key]bool
	found   []matched
	most    int
	cut     bool
}

// included gives the resources to add to the matches; cut is set when there are more than may be.
func (s *Service) included(ctx context.Context, reader store.Reader, query *search.Query, matches []matched) (found []matched, cut bool, err error) {
	if len(query.Include)+len(query.RevInclude) == 0 || len(matches) == 0 {
		return nil, false, nil
	}
	x := &inclusion{service: s, reader: reader, query: query, seen: make(map[store.Key]bool, 2*len(matches)), most: s.options.Limits.Includes}
	for _, m := range matches {
		x.seen[m.Key] = x.seen[m.Key] || m.at == search.Whole // the container of one that is alone may be included
	}
	for from, first := matches, true; len(from) > 0 && !x.cut; first = false {
		before := len(x.found)
		if err := x.forward(ctx, from, first); err != nil {
			return nil, false, err
		}
		if err := x.reverse(ctx, from, first); err != nil {
			return nil, false, err
		}
		from = x.found[before:]
	}
	return x.found, x.cut, nil
}

// add takes a resource that is not there yet; false when there is no room.
func (x *inclusion) add(v store.Version) bool {
	if x.seen[v.Key] {
		return true
	}
	if len(x.found) >= x.most {
		x.cut = true
		return false
	}
	x.seen[v.Key] = true
	x.found = append(x.found, whole(v))
	return true
}

// forward follows the references of the resources given. Without :iterate an include is for the
// matches alone.
func (x *inclusion) forward(ctx context.Context, from []matched, first bool) error {
	for _, m := range from {
		if m.at == search.Whole && len(applicable(x.query.Include, first, m.Type)) == 0 {
			continue
		}
		typ, entries, err := m.values(ctx, x.service)
		if err != nil {
			return err
		}
		rules := applicable(x.query.Include, first, typ)
		for _, entry := range entries {
			ref, ok := entry.Value.(search.ReferenceValue)
			if !ok {
				continue
			}
			for _, rule := range rules {
				if !rule.Wildcard && rule.Param != entry.Param {
					continue
				}
				if err := x.follow(ctx, ref, rule, entry.Param); err != nil || x.cut {
					return err
				}
			}
		}
	}
	return nil
}

// applicable are the rules for resources of a type.
func applicable(rules []search.Include, first bool, typ string) []search.Include {
	var some []search.Include
	for _, rule := range rules {
		if (first || rule.Iterate) && (rule.Source == "" || rule.Source == typ) {
			some = append(some, rule)
		}
	}
	return some
}

// follow adds what a reference points to. What is not there, or not for the caller, is left out.
func (x *inclusion) follow(ctx context.Context, ref search.ReferenceValue, rule search.Include, param *search.Parameter) error {
	if ref.ID == "" {
		return x.followCanonical(ctx, ref, rule, param)
	}
	key := store.Key{Type: ref.Type, ID: ref.ID}
	if rule.Target != "" && rule.Target != ref.Type || x.seen[key] {
		return nil
	}
	v, err := x.service.read(ctx, x.reader, key)
	if outcome.Is(err, outcome.NotFound) || outcome.Is(err, outcome.Deleted) || outcome.Is(err, outcome.Forbidden) {
		return nil
	}
	if err == nil {
		x.add(v)
	}
	return err
}

// followCanonical adds the resources that have the canonical URL.
func (x *inclusion) followCanonical(ctx context.Context, ref search.ReferenceValue, rule search.Include, param *search.Parameter) error {
	if !strings.HasPrefix(ref.URL, "http") {
		return nil
	}
	query := &search.Query{Count: search.DefaultCount, Total: search.TotalNone}
	for _, target := range param.Targets {
		url := x.service.params.Lookup(target, "url")
		if url == nil || url.Type != search.TypeURI || rule.Target != "" && rule.Target != target {
			continue
		}
		query.Branches = append(query.Branches, search.Branch{Type: target, Filter: search.Test{
			Param: url, Any: []search.Criterion{search.URICriterion{URI: ref.URL}},
		}})
	}
	return x.addAll(ctx, query)
}

// reverse adds the resources that refer to those given.
func (x *inclusion) reverse(ctx context.Context, to []matched, first bool) error {
	query := &search.Query{Total: search.TotalNone}
	filters := map[string]search.Or{}
	var order []string
	for _, rule := range x.query.RevInclude {
		if !first && !rule.Iterate {
			continue
		}
		for _, param := range x.referring(rule) {
			targets := referenceTo(to, param.param, rule.Target)
			if len(targets) == 0 {
				continue
			}
			if filters[param.typ] == nil {
				order = append(order, param.typ)
			}
			filters[param.typ] = append(filters[param.typ], search.Test{Param: param.param, Any: targets})
		}
	}
	for _, typ := range order {
		query.Branches = append(query.Branches, search.Branch{Type: typ, Filter: filters[typ]})
	}
	return x.addAll(ctx, query)
}

type typedParameter struct {
	typ   string
	param *search.Parameter
}

// referring lists the reference parameters that a reverse include means.
func (x *inclusion) referring(rule search.Include) []typedParameter {
	if !rule.Wildcard {
		return []typedParameter{{rule.Source, rule.Param}}
	}
	types := []string{rule.Source}
	if rule.Source == "" {
		types = definitions.R4().ResourceNames()
	}
	var all []typedParameter
	for _, typ := range types {
		for _, param := range x.service.params.Of(typ) {
			if param.Type == search.TypeReference {
				all = append(all, typedParameter{typ, param})
			}
		}
	}
	return all
}

// referenceTo are the criteria for references to the resources that the parameter may point to; nothing
// outside points to a contained one.
func referenceTo(to []matched, param *search.Parameter, target string) []search.Criterion {
	var criteria []search.Criterion
	for _, v := range to {
		if v.at == search.Whole && (target == "" || v.Type == target) && param.Refers(v.Type) {
			criteria = append(criteria, search.ReferenceCriterion{Type: v.Type, ID: v.ID})
		}
	}
	return criteria
}

// addAll adds the matches of a query, as far as there is room.
func (x *inclusion) addAll(ctx context.Context, query *search.Query) error {
	if len(query.Branches) == 0 || x.cut {
		return nil
	}
	query, err := x.service.narrow(ctx, Action{Interaction: SearchType}, query)
	if err != nil || len(query.Branches) == 0 {
		return err
	}
	query.Count = min(x.most-len(x.found)+1, search.MaxCount)
	for v, err := range matches(ctx, x.reader, query) {
		if err != nil {
			return err
		}
		if !x.add(v) {
			return nil
		}
	}
	return nil
}
