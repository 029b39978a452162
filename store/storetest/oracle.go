package storetest

import (
	"context"
	"iter"
	"slices"

	"kiln/search"
	"kiln/search/searchtest"
	"kiln/store"
)

// oracle is the set of current resources, made of their bodies alone, in order of creation. It
// knows nothing of how any engine keeps them.
type oracle struct {
	resources []search.Resource
	at        map[store.Key]int
}

// newOracle reads the bodies of the resources, given in order of creation.
func (d *duel) newOracle() *oracle {
	d.Helper()
	o := &oracle{at: map[store.Key]int{}}
	for _, key := range d.created {
		v, err := d.Read(d.ctx, key)
		if err != nil {
			continue // deleted
		}
		entries := append(Content(v.ID, string(v.Body)).Entries, Parameters().Own(v.ID, v.LastUpdated)...)
		o.at[key] = len(o.resources)
		o.resources = append(o.resources, search.Resource{Type: v.Type, ID: v.ID, Entries: entries})
	}
	return o
}

// search gives the keys of all matches in order.
func (o *oracle) search(ctx context.Context, query *search.Query) ([]string, error) {
	type match struct {
		search.Resource
		search.Place
	}
	var matches []match
	sorter := search.NewSorter(ctx, query.Sort, o)
	for _, r := range o.resources {
		places, err := query.Places(ctx, r, o)
		if err != nil {
			return nil, err
		}
		for _, p := range places {
			if p, err = sorter.Place(r, p); err != nil {
				return nil, err
			}
			matches = append(matches, match{r, p})
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int {
		return search.CompareSort(a.Place.Entries, b.Place.Entries, query.Sort)
	})
	keys := make([]string, len(matches))
	for i, m := range matches {
		keys[i] = searchtest.PlaceKey(m.Type, m.ID, m.At)
	}
	return keys, nil
}

// Lookup implements search.Source.
func (o *oracle) Lookup(_ context.Context, typ, id string) (search.Resource, bool, error) {
	i, ok := o.at[store.Key{Type: typ, ID: id}]
	if !ok {
		return search.Resource{}, false, nil
	}
	return o.resources[i], true, nil
}

// Referrers implements search.Source.
func (o *oracle) Referrers(_ context.Context, typ string, _ *search.Parameter, _, _ string) iter.Seq2[search.Resource, error] {
	return func(yield func(search.Resource, error) bool) {
		for _, r := range o.resources {
			if r.Type == typ && !yield(r, nil) {
				return
			}
		}
	}
}

// compareWithMatch compares random searches with search.Match over the bodies.
func (d *duel) compareWithMatch() {
	d.Helper()
	o := d.newOracle()
	for range 20 {
		text := d.searchText()
		query := Query(text)
		want, err := o.search(d.ctx, query)
		d.must(err)
		got, _ := d.firstPages(text, d.Store, whole(query), 1)
		d.equal(text, bare(got), want)
	}
}
