package fhir

import (
	"context"
	"strings"

	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// Definitions are found by what other resources call them: a canonical URL, or the address of the
// resource itself. https://hl7.org/fhir/R4/references.html#canonical

// byURL is the resource of a type with a canonical URL, and a version if one is given; of several
// the one updated last. Without id: there is none that the caller may see.
func (s *Service) byURL(ctx context.Context, r store.Reader, typ, url, version string) (store.Version, error) {
	param := s.params.Lookup(typ, "url")
	if param == nil {
		return store.Version{}, nil
	}
	filter := search.And{search.Test{Param: param, Any: []search.Criterion{search.URICriterion{URI: url}}}}
	if version != "" {
		filter = append(filter, search.Test{Param: s.params.Lookup(typ, "version"), Any: []search.Criterion{search.TokenCriterion{Code: version, AnySystem: true}}})
	}
	return s.newest(ctx, r, typ, filter)
}

// byAddress is the resource at Type/id, relative or below the base of this server.
func (s *Service) byAddress(ctx context.Context, r store.Reader, typ, address string) (store.Version, error) {
	id, ok := strings.CutPrefix(strings.TrimPrefix(address, s.options.BaseURL+"/"), typ+"/")
	if !ok || checkID(id) != nil {
		return store.Version{}, nil
	}
	return s.newest(ctx, r, typ, search.Test{Param: s.params.Lookup(typ, "_id"), Any: []search.Criterion{search.TokenCriterion{Code: id, AnySystem: true}}})
}

// newest is the match that was updated last, of those that the caller may see.
func (s *Service) newest(ctx context.Context, r store.Reader, typ string, filter search.Expr) (store.Version, error) {
	query := &search.Query{
		Count: 1, Total: search.TotalNone, Branches: []search.Branch{{Type: typ, Filter: filter}},
		Sort: []search.SortKey{{Params: []*search.Parameter{s.params.Lookup(typ, "_lastUpdated")}, Descending: true}},
	}
	narrowed, err := s.narrow(ctx, Action{Interaction: SearchType, Type: typ}, query)
	if outcome.Is(err, outcome.Forbidden) {
		return store.Version{}, nil // what may not be searched is not there
	}
	if err != nil {
		return store.Version{}, err
	}
	page, err := r.Search(ctx, narrowed, nil)
	if err != nil || len(page.Matches) == 0 {
		return store.Version{}, err
	}
	return page.Matches[0], nil
}
