package fhir

import (
	"cmp"
	"context"
	"slices"
	"strconv"

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
	seen    map[seenVersion]bool
	found   []matched
	most    int
	cut     bool
}

// seenVersion is a version that is there; 0 is the current one of a resource.
type seenVersion struct {
	key     store.Key
	version int64
}

// included gives the resources to add to the matches; cut is set when there are more than may be.
func (s *Service) included(ctx context.Context, reader store.Reader, query *search.Query, matches []matched) (found []matched, cut bool, err error) {
	if len(query.Include)+len(query.RevInclude) == 0 || len(matches) == 0 {
		return nil, false, nil
	}
	x := &inclusion{service: s, reader: reader, query: query, seen: make(map[seenVersion]bool, 4*len(matches)), most: s.options.Limits.Includes}
	for _, m := range matches {
		if m.at == search.Whole { // the container of one that is alone may be included
			x.note(m.Version, 0)
		}
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

// note keeps in mind what is there, as the version that it is and as the one asked for.
func (x *inclusion) note(v store.Version, asked int64) {
	x.seen[seenVersion{v.Key, asked}], x.seen[seenVersion{v.Key, v.VersionID}] = true, true
}

// add takes a resource that is not there yet; false when there is no room. The version asked for is 0
// for the current one.
func (x *inclusion) add(v store.Version, asked int64) bool {
	if x.seen[seenVersion{v.Key, v.VersionID}] {
		return true
	}
	if len(x.found) >= x.most {
		x.cut = true
		return false
	}
	x.note(v, asked)
	x.found = append(x.found, whole(v))
	return true
}

// pointer is a reference that a rule follows.
type pointer struct {
	search.ReferenceValue
	rule  search.Include
	param *search.Parameter
}

// forward follows the references of the resources given. Without :iterate an include is for the
// matches alone.
func (x *inclusion) forward(ctx context.Context, from []matched, first bool) error {
	var list []pointer
	for _, m := range from {
		typ, entries, err := x.values(ctx, m, first)
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
				if rule.Wildcard || rule.Param == entry.Param {
					list = append(list, pointer{ref, rule, entry.Param})
				}
			}
		}
		if len(list) < pointersAtOnce {
			continue
		}
		if err := x.followAll(ctx, list); err != nil || x.cut {
			return err
		}
		list = list[:0]
	}
	return x.followAll(ctx, list)
}

// pointersAtOnce is how many references are gathered before they are followed.
const pointersAtOnce = 256

func (x *inclusion) followAll(ctx context.Context, list []pointer) error {
	reader, err := x.ahead(ctx, x.current(list))
	if err != nil {
		return err
	}
	for _, p := range list {
		if err := x.follow(ctx, reader, p); err != nil || x.cut {
			return err
		}
	}
	return nil
}

// current are the resources whose current versions are to be read, each once.
func (x *inclusion) current(list []pointer) (keys []store.Key) {
	noted := map[store.Key]bool{}
	for _, p := range list {
		key, version, ok := x.wanted(p)
		if ok && version == 0 && !noted[key] {
			noted[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// wanted is what a reference points to, with the version, 0 for the current one; false where there is
// nothing to add.
func (x *inclusion) wanted(p pointer) (key store.Key, version int64, ok bool) {
	key, version = store.Key{Type: p.Type, ID: p.ID}, versionNumber(p.Version)
	ok = p.ID != "" && p.Type != "" && (p.rule.Target == "" || p.rule.Target == p.Type) && version >= 0
	return key, version, ok && !x.seen[seenVersion{key, version}]
}

// values are the type of a match and its index values, as far as includes follow them.
func (x *inclusion) values(ctx context.Context, m matched, first bool) (typ string, entries []search.Entry, err error) {
	rules := applicable(x.query.Include, first, m.Type)
	params, some := x.followed(rules, m.Type)
	switch {
	case m.at != search.Whole || !some:
		return m.values(ctx, x.service)
	case len(params) == 0:
		return m.Type, nil, nil
	}
	resource, err := parseStored(m.Version)
	if err != nil {
		return m.Type, nil, err
	}
	if entries, err = x.service.params.ExtractOnly(ctx, resource, params); err != nil { // which may be the fault of one of them
		return m.values(ctx, x.service)
	}
	return m.Type, entries, nil
}

// followed are the parameters that rules name, in the order of those of the type; some is false where a
// rule is for all of them.
func (x *inclusion) followed(rules []search.Include, typ string) (params []*search.Parameter, some bool) {
	for _, rule := range rules {
		if rule.Wildcard {
			return nil, false
		}
		if !slices.Contains(params, rule.Param) {
			params = append(params, rule.Param)
		}
	}
	all := x.service.params.Of(typ)
	slices.SortStableFunc(params, func(a, b *search.Parameter) int {
		return cmp.Compare(slices.Index(all, a), slices.Index(all, b))
	})
	return params, true
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

// follow adds what a reference points to, of the version that it names. What is not there, or not for
// the caller, is left out. https://hl7.org/fhir/R4/search.html#include
func (x *inclusion) follow(ctx context.Context, reader store.Reader, p pointer) error {
	if p.ID == "" {
		return x.followCanonical(ctx, p.ReferenceValue, p.rule, p.param)
	}
	key, version, ok := x.wanted(p)
	if !ok {
		return nil
	}
	v, err := x.read(ctx, reader, key, version)
	if outcome.Is(err, outcome.NotFound) || outcome.Is(err, outcome.Deleted) || outcome.Is(err, outcome.Forbidden) {
		return nil
	}
	if err == nil {
		x.add(v, version)
	}
	return err
}

// read gives a version, the current one for 0.
func (x *inclusion) read(ctx context.Context, reader store.Reader, key store.Key, version int64) (store.Version, error) {
	if version == 0 {
		return x.service.read(ctx, reader, key)
	}
	return x.service.readVersion(ctx, reader, key, version)
}

// versionNumber is 0 without a version, and negative for one that no resource here can have.
func versionNumber(text string) int64 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return -1
	}
	return n
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
			either, err := canonicalTo(to, param.param, rule.Target)
			if err != nil {
				return err
			}
			if targets := referenceTo(to, param.param, rule.Target); len(targets) > 0 {
				either = append(either, search.Test{Param: param.param, Any: targets})
			}
			if len(either) == 0 {
				continue
			}
			if filters[param.typ] == nil {
				order = append(order, param.typ)
			}
			filters[param.typ] = append(filters[param.typ], either...)
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

// addAll adds the matches of a query, as far as there is room. Types that the caller may not search have none,
// however many others there are.
func (x *inclusion) addAll(ctx context.Context, query *search.Query) error {
	if len(query.Branches) == 0 || x.cut {
		return nil
	}
	n := narrowing{Service: x.service}
	query, err := n.query(ctx, Action{Interaction: SearchType}, query)
	if outcome.Is(err, outcome.Forbidden) || err == nil && len(query.Branches) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	query.Count = min(x.most-len(x.found)+1, search.MaxCount)
	for v, err := range store.Matches(ctx, x.reader, query) {
		if err != nil {
			return err
		}
		if err := n.verify(ctx, []store.Version{v}); err != nil {
			return err
		}
		if !x.add(v, 0) {
			return nil
		}
	}
	return nil
}
