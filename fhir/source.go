package fhir

import (
	"context"
	"iter"
	"slices"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// source shows search.Match the resources of a reader, with those that a transaction is about to
// write laid over them.
type source struct {
	service *Service
	reader  store.Reader
	over    map[store.Key]*search.Resource // nil: deleted
}

// searchable is a stored version as search sees it.
func (s *Service) searchable(ctx context.Context, v store.Version) (search.Resource, error) {
	element, err := parseStored(v)
	if err != nil {
		return search.Resource{}, err
	}
	entries, err := s.params.Extract(ctx, element)
	if err != nil {
		return search.Resource{}, err
	}
	entries = append(entries, s.params.Own(v.ID, v.LastUpdated)...)
	return search.Resource{Type: v.Type, ID: v.ID, Entries: entries}, nil
}

// judged is searchable with no more values than a tree asks for.
func (s *Service) judged(ctx context.Context, x search.Expr, v store.Version) (search.Resource, error) {
	params, alone := search.Uses(x)
	if !alone {
		return s.searchable(ctx, v)
	}
	resource := search.Resource{Type: v.Type, ID: v.ID, Entries: s.params.Own(v.ID, v.LastUpdated)}
	params = slices.DeleteFunc(params, func(p *search.Parameter) bool { return p == s.params.ID() || p == s.params.LastUpdated() })
	if len(params) == 0 {
		return resource, nil
	}
	element, err := parseStored(v)
	if err != nil {
		return search.Resource{}, err
	}
	entries, err := s.params.ExtractOnly(ctx, element, params)
	resource.Entries = append(resource.Entries, entries...)
	return resource, err
}

// parseStored reads the body of a version, which was a resource when it was stored.
func parseStored(v store.Version) (resources.Element, error) {
	doc, err := resources.Parse(v.Body)
	if err != nil {
		return resources.Element{}, err
	}
	return doc.Resource()
}

// Lookup implements search.Source.
func (x *source) Lookup(ctx context.Context, typ, id string) (search.Resource, bool, error) {
	key := store.Key{Type: typ, ID: id}
	if resource, ok := x.over[key]; ok {
		if resource == nil {
			return search.Resource{}, false, nil
		}
		return *resource, true, nil
	}
	v, err := x.reader.Read(ctx, key)
	if absent(err) {
		return search.Resource{}, false, nil
	}
	if err != nil {
		return search.Resource{}, false, err
	}
	resource, err := x.service.searchable(ctx, v)
	return resource, err == nil, err
}

// Referrers implements search.Source.
func (x *source) Referrers(ctx context.Context, typ string, param *search.Parameter, targetType, targetID string) iter.Seq2[search.Resource, error] {
	return func(yield func(search.Resource, error) bool) {
		for key, resource := range x.over {
			if key.Type == typ && resource != nil && !yield(*resource, nil) {
				return
			}
		}
		query := &search.Query{Count: search.DefaultCount, Branches: []search.Branch{{Type: typ, Filter: search.Test{
			Param: param, Any: []search.Criterion{search.ReferenceCriterion{Type: targetType, ID: targetID}},
		}}}}
		for v, err := range store.Matches(ctx, x.reader, query) {
			if _, covered := x.over[v.Key]; covered {
				continue
			}
			var resource search.Resource
			if err == nil {
				resource, err = x.service.searchable(ctx, v)
			}
			if !yield(resource, err) || err != nil {
				return
			}
		}
	}
}
