package fhir

import (
	"context"

	"kiln/resources/definitions"
	"kiln/search"
)

// followCanonical adds the resources that have the canonical URL, with a version those of it alone.
// https://hl7.org/fhir/R4/references.html#canonical
func (x *inclusion) followCanonical(ctx context.Context, ref search.ReferenceValue, rule search.Include, param *search.Parameter) error {
	if ref.URL == "" || !param.Canonical() {
		return nil
	}
	targets := param.Targets
	if param.RefersToAny() {
		targets = definitions.R4().ResourceNames()
	}
	query := &search.Query{Count: search.DefaultCount, Total: search.TotalNone}
	for _, target := range targets {
		url, version := x.service.params.Lookup(target, "url"), x.service.params.Lookup(target, "version")
		if url == nil || url.Type != search.TypeURI || rule.Target != "" && rule.Target != target || version == nil && ref.Version != "" {
			continue
		}
		filter := search.And{search.Test{Param: url, Any: []search.Criterion{search.URICriterion{URI: ref.URL}}}}
		if ref.Version != "" {
			filter = append(filter, search.Test{Param: version, Any: []search.Criterion{search.TokenCriterion{Code: ref.Version, AnySystem: true}}})
		}
		query.Branches = append(query.Branches, search.Branch{Type: target, Filter: filter})
	}
	return x.addAll(ctx, query)
}

// canonicalTo are the conditions for canonical references to the resources that the parameter may point
// to: those to their version, and those to any.
func canonicalTo(to []matched, param *search.Parameter, target string) (search.Or, error) {
	if !param.Canonical() {
		return nil, nil
	}
	var versioned, unversioned []search.Criterion
	for _, v := range to {
		if v.at != search.Whole || target != "" && v.Type != target || !param.Refers(v.Type) {
			continue
		}
		resource, err := parseStored(v.Version)
		if err != nil {
			return nil, err
		}
		url, version := resource.First("url").Text(), resource.First("version").Text()
		if url == "" {
			continue
		}
		unversioned = append(unversioned, search.ReferenceCriterion{URL: url, Version: search.NoVersion})
		if version != "" {
			versioned = append(versioned, search.ReferenceCriterion{URL: url, Version: version})
		}
	}
	var either search.Or
	if unversioned != nil {
		either = append(either, search.Test{Param: param, Modifier: search.Above, Any: unversioned})
	}
	if versioned != nil {
		either = append(either, search.Test{Param: param, Any: versioned})
	}
	return either, nil
}
