package search

import (
	"context"
	"slices"
)

// Sorter finds the values of sort keys that lie behind references (SortKey.Via): those of the resources
// that the references lead to, as of the state of its source. What references share is looked up once. It
// is not for use by several at a time.
type Sorter struct {
	ctx    context.Context
	keys   []SortKey
	source Source
	known  map[sortPlace]Value
}

// sortPlace is a resource that a key came to after some links.
type sortPlace struct {
	key, link int
	id        string
}

// maxSortPlaces bounds what a Sorter remembers at a time.
const maxSortPlaces = 100_000

// NewSorter makes a Sorter; nil where no key follows references, which is one that adds nothing.
func NewSorter(ctx context.Context, keys []SortKey, source Source) *Sorter {
	if !slices.ContainsFunc(keys, func(key SortKey) bool { return len(key.Via) > 0 }) {
		return nil
	}
	return &Sorter{ctx: ctx, keys: keys, source: source, known: map[sortPlace]Value{}}
}

// Entries are what CompareSort compares: the entries of the resource, with one added for each key that
// follows references and finds a value. Of all values that the references lead to it is the first in the
// direction of the key. Errors are those of the source and the end of the context.
func (s *Sorter) Entries(r Resource) ([]Entry, error) {
	if s == nil {
		return r.Entries, nil
	}
	entries := slices.Clip(r.Entries)
	for i, key := range s.keys {
		if len(key.Via) == 0 {
			continue
		}
		v, err := s.value(i, 0, r)
		if err != nil {
			return nil, err
		}
		if v != nil {
			entries = append(entries, Entry{key.Params[0], v})
		}
	}
	return entries, nil
}

// Place is a match of a query in a resource, sorted by what Entries adds. Queries that sort by what
// references lead to find no contained resources.
func (s *Sorter) Place(r Resource, p Place) (Place, error) {
	if s == nil {
		return p, nil
	}
	var err error
	p.Entries, err = s.Entries(r)
	return p, err
}

// value is that of a resource that a key came to after some links; nil without one.
func (s *Sorter) value(key, link int, r Resource) (best Value, err error) {
	k := s.keys[key]
	if link == len(k.Via) {
		v, _ := SortValue(r.Entries, SortKey{Params: []*Parameter{k.Of}, Descending: k.Descending})
		return v, nil
	}
	for _, e := range r.Entries {
		ref, ok := e.Value.(ReferenceValue)
		if !ok || ref.ID == "" || ref.Type != k.Via[link].Type || !slices.Contains(k.Via[link].Params, e.Param) {
			continue
		}
		v, err := s.behind(sortPlace{key, link + 1, ref.ID}, ref.Type)
		if err != nil {
			return nil, err
		}
		if v != nil && (best == nil || CompareValues(v, best, k.Descending) < 0) {
			best = v
		}
	}
	return best, nil
}

// behind is the value of the resource with an id.
func (s *Sorter) behind(place sortPlace, typ string) (Value, error) {
	if v, ok := s.known[place]; ok {
		return v, nil
	}
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	r, ok, err := s.source.Lookup(s.ctx, typ, place.id)
	if err != nil {
		return nil, err
	}
	if ok {
		if ok, err = Match(s.ctx, s.keys[place.key].Via[place.link-1].Filter, r, s.source); err != nil {
			return nil, err
		}
	}
	var v Value
	if ok {
		if v, err = s.value(place.key, place.link, r); err != nil {
			return nil, err
		}
	}
	if len(s.known) >= maxSortPlaces {
		clear(s.known)
	}
	s.known[place] = v
	return v, nil
}
