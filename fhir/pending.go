package fhir

import (
	"context"

	"kiln/search"
	"kiln/store"
)

// pending are the resources that a transaction is about to write, as search sees them. Criteria
// must hold over them as over what is stored.
type pending struct {
	source source
	byType map[string][]*search.Resource
	// codes finds by a token, for criteria such as identifier=1 in transactions with thousands.
	codes map[tokenKey][]*search.Resource
}

type tokenKey struct {
	param *search.Parameter
	code  string
}

func newPending(s *Service, reader store.Reader) *pending {
	return &pending{
		source: source{service: s, reader: reader, over: map[store.Key]*search.Resource{}},
		byType: map[string][]*search.Resource{}, codes: map[tokenKey][]*search.Resource{},
	}
}

func (p *pending) add(resource *search.Resource) {
	p.source.over[store.Key{Type: resource.Type, ID: resource.ID}] = resource
	p.byType[resource.Type] = append(p.byType[resource.Type], resource)
	for _, entry := range resource.Entries {
		if token, ok := entry.Value.(search.TokenValue); ok {
			key := tokenKey{entry.Param, token.Code}
			p.codes[key] = append(p.codes[key], resource)
		}
	}
}

// match gives the keys of the pending resources that meet the criteria, at most limit. Where chains lead to
// what is stored, what the caller may not see is not there.
func (p *pending) match(ctx context.Context, c *criteria, limit int) ([]store.Key, error) {
	query, err := p.source.service.narrowChains(ctx, c.query)
	if err != nil {
		return nil, err
	}
	var found []store.Key
	for _, resource := range p.candidates(c) {
		key := store.Key{Type: resource.Type, ID: resource.ID}
		if len(found) > 0 && found[len(found)-1] == key {
			continue // a candidate by two of its values
		}
		ok, err := query.Match(ctx, *resource, &p.source)
		if err != nil {
			return nil, err
		}
		if ok {
			if found = append(found, key); len(found) == limit {
				break
			}
		}
	}
	return found, nil
}

// candidates are the resources that can match: those with one of the codes, where the criteria
// ask for codes, else all of the type.
func (p *pending) candidates(c *criteria) []*search.Resource {
	for _, branch := range c.query.Branches {
		parts := search.And{branch.Filter}
		if and, ok := branch.Filter.(search.And); ok {
			parts = and
		}
		for _, part := range parts {
			if some, ok := p.withCode(part); ok {
				return some
			}
		}
	}
	return p.byType[c.typ]
}

func (p *pending) withCode(part search.Expr) ([]*search.Resource, bool) {
	test, ok := part.(search.Test)
	if !ok || test.Modifier != search.Plain || len(test.Any) != 1 {
		return nil, false
	}
	token, ok := test.Any[0].(search.TokenCriterion)
	if !ok || token.AnyCode {
		return nil, false
	}
	return p.codes[tokenKey{test.Param, token.Code}], true
}
