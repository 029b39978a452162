package fhir

import (
	"context"
	"strconv"
	"strings"

	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// criteria are the condition of a conditional interaction or reference.
type criteria struct {
	typ   string
	query *search.Query
	// guard is the key that two writes with the same criteria contend for. There are so many of
	// them and no more, whatever is asked.
	guard string
	print uint64 // criteria with the same are the same
}

const guardStripes = 1 << 16

// notFilters are the parameters that shape an answer and say nothing of what is meant.
var notFilters = map[string]bool{
	"_sort": true, "_count": true, "_include": true, "_revinclude": true, "_summary": true, "_elements": true,
	"_total": true, "_contained": true, "_containedType": true, "_explain": true, "_score": true, "_type": true,
}

// presentation are parameters that choose the form of an answer; they say nothing here.
var presentation = map[string]bool{"_format": true, "_pretty": true}

// criteria reads a query string such as identifier=urn:x|1. Only filters are allowed, and there
// must be one: an empty condition would mean every resource.
func (s *Service) criteria(ctx context.Context, typ, raw string) (*criteria, error) {
	raw = strings.TrimPrefix(strings.TrimPrefix(raw, typ+"?"), "?")
	pairs, err := search.ReadQueryString(raw)
	if err != nil {
		return nil, err
	}
	filters := pairs[:0]
	for _, p := range pairs {
		base, _, _ := strings.Cut(p.Name, ":")
		if notFilters[base] {
			return nil, invalid("The parameter %s is no criterion: criteria hold filters only.", clip(p.Name))
		}
		if !presentation[p.Name] {
			filters = append(filters, p)
		}
	}
	if len(filters) == 0 {
		return nil, invalid("The criteria are empty: name a resource by its id, or give filters that find it.")
	}
	query, _, err := s.params.Parse([]string{typ}, filters, search.ParseOptions{Terminology: s.terms(ctx, s.store)})
	if err != nil {
		return nil, refusal(err, store.Key{Type: typ})
	}
	fingerprint := store.Fingerprint(query)
	guard := "fhir/criteria/" + strconv.FormatUint(fingerprint%guardStripes, 36)
	return &criteria{typ: typ, query: query, guard: guard, print: fingerprint}, nil
}

// find gives the first limit resources that meet the criteria and that the caller may see; those in
// skip do not count.
func (s *Service) find(ctx context.Context, reader store.Reader, c *criteria, limit int, skip map[store.Key]bool) ([]store.Version, error) {
	n := narrowing{Service: s}
	query, err := n.query(ctx, Action{Interaction: SearchType, Type: c.typ}, c.query)
	if err != nil {
		return nil, err
	}
	page := *query
	page.Count, page.Total = min(limit+len(skip), s.options.Limits.MaxPageSize), search.TotalNone
	var found []store.Version
	for v, err := range store.Matches(ctx, reader, &page) {
		if err != nil {
			return nil, refusal(err, store.Key{Type: c.typ})
		}
		if !skip[v.Key] {
			found = append(found, v)
		}
		if len(found) >= limit {
			break
		}
	}
	return found, n.verify(ctx, found)
}

// several is the answer where criteria should have found one resource at most.
func several(typ string) error {
	return outcome.New(outcome.MultipleMatches, "More than one %s meets the criteria; they must select one. Nothing was changed.", typ).In(outcome.StagePrecondition)
}
