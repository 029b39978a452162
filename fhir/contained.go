package fhir

import (
	"context"
	"errors"

	"kiln/search"
	"kiln/store"
)

// matched is a match of a search: a version, or the contained resource at a place in it.
type matched struct {
	store.Version
	at int // search.Whole is the version itself
}

func whole(v store.Version) matched { return matched{v, search.Whole} }

// matchedIn takes the matches of a page.
func matchedIn(page store.Page) []matched {
	list := make([]matched, len(page.Matches))
	for i, v := range page.Matches {
		list[i] = whole(v)
		if page.Contained != nil {
			list[i].at = page.Contained[i]
		}
	}
	return list
}

var errNoContained = errors.New("a contained resource that was found is not there")

// entry is the entry of a match. A contained resource has the address of its container with its local
// id as the fragment: https://hl7.org/fhir/R4/search.html#contained
func (s *Service) entry(m matched, mode string, subset Subset) (Entry, error) {
	e := Entry{FullURL: s.fullURL(m.Key), Mode: mode, of: m, subset: subset}
	body, id, err := m.body()
	if err != nil {
		return e, err
	}
	if m.at != search.Whole {
		e.FullURL += "#" + id
	}
	e.Resource, err = subset.Apply(body)
	return e, err
}

// body is the JSON of a match, and the local id of a contained one.
func (m matched) body() (body []byte, id string, err error) {
	if m.at == search.Whole {
		return m.Body, "", nil
	}
	resource, err := parseStored(m.Version)
	if err != nil {
		return nil, "", err
	}
	at := 0
	for c := range resource.Child("contained") {
		if at == m.at {
			return resource.Document().Raw(c.Node()), c.First("id").Text(), nil
		}
		at++
	}
	return nil, "", errNoContained
}

// values are the type of a match and its index values, by which includes follow it.
func (m matched) values(ctx context.Context, s *Service) (typ string, entries []search.Entry, err error) {
	resource, err := s.searchable(ctx, m.Version)
	if m.at == search.Whole || err != nil {
		return m.Type, resource.Entries, err
	}
	at := 0
	for _, e := range resource.Entries {
		v, ok := e.Value.(search.ContainedValue)
		if !ok {
			continue
		}
		if at == m.at {
			return v.Type, v.Entries, nil
		}
		at++
	}
	return "", nil, errNoContained
}

// contained leaves those types of contained resources that the caller may search. Which of them are
// seen, the predicates of their containers decide: who sees a container sees all that is in it.
func (n *narrowing) contained(ctx context.Context, c search.Contained) (search.Expr, error) {
	narrowed := search.Contained{}
	for _, b := range c.Branches {
		if b.Type != "" {
			if _, err := n.predicate(ctx, Action{Interaction: SearchType, Type: b.Type}); err != nil {
				if len(c.Branches) > 1 {
					continue
				}
				return nil, err
			}
		}
		filter, err := n.legs(ctx, b.Filter)
		if err != nil {
			return nil, err
		}
		narrowed.Branches = append(narrowed.Branches, search.Branch{Type: b.Type, Filter: filter})
	}
	return narrowed, nil
}
