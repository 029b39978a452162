package memory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/RaduBerinde/btreemap"

	"kiln/search"
	"kiln/store"
)

// Search implements store.Reader.
func (r reader) Search(ctx context.Context, query *search.Query, place store.Cursor) (store.Page, error) {
	v, err := r.open(ctx)
	if err != nil {
		return store.Page{}, err
	}
	start := time.Now()
	c := cursor{kind: searchCursor, fingerprint: store.Fingerprint(query), at: v.at, preview: v.preview}
	if place != nil {
		if c, err = c.read(place); err != nil {
			return store.Page{}, err
		}
	}
	matches, examined, err := v.asOf(c.at).search(ctx, query, r.parameters)
	if err != nil {
		return store.Page{}, err
	}
	list := make([]store.Version, len(matches))
	for i, m := range matches {
		list[i] = m.Version
	}
	page := store.Page{Total: int64(len(matches)), HasTotal: query.Total != search.TotalNone || query.CountOnly}
	if !query.CountOnly {
		count := max(query.Count, 1)
		page.Matches, page.Next, page.Prev = cut(list, c, count)
		if query.ContainedAlone {
			page.Contained = placesOf(matches, c, count)
		}
		if page.HasTotal {
			page.Last = last(list, c, count)
		}
	}
	took := time.Since(start)
	page.Explain = func() *store.Plan { return plan(examined, took) }
	if query.Explain {
		page.Plan = page.Explain()
	}
	return page, nil
}

// plan tells of the only way that this engine knows.
func plan(examined int64, duration time.Duration) *store.Plan {
	return &store.Plan{
		Steps: []store.Step{{
			Operation: "scan", Detail: "every resource of the types searched", Estimate: examined, Examined: examined,
		}},
		Examined: examined,
		Duration: duration,
	}
}

// Count implements store.Reader.
func (r reader) Count(ctx context.Context, query *search.Query) (int64, error) {
	v, err := r.open(ctx)
	if err != nil {
		return 0, err
	}
	matches, _, err := v.search(ctx, query, r.parameters)
	return int64(len(matches)), err
}

// match is a version that matches, and where.
type match struct {
	*version
	search.Place
}

// placesOf tells where the matches of a page are.
func placesOf(all []match, c cursor, count int) []int {
	start, end := c.span(len(all), count)
	places := make([]int, 0, end-start)
	for _, m := range all[start:end] {
		places = append(places, m.At)
	}
	return places
}

// search gives all matches in order.
func (v view) search(ctx context.Context, query *search.Query, parameters *search.Parameters) (found []match, examined int64, err error) {
	scanned, err := store.Unindexed(query)
	if err != nil {
		return nil, 0, err
	}
	var source search.Source = v // made once, for it allocates
	sorter := search.NewSorter(ctx, query.Sort, source)
	for candidate := range v.candidates(query) {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		examined++
		resource, err := candidate.scanned(ctx, parameters, scanned)
		if err != nil {
			return nil, 0, err
		}
		places, err := query.Places(ctx, resource, source)
		if err != nil {
			return nil, 0, err
		}
		for _, place := range places {
			if place, err = sorter.Place(candidate.resource(), place); err != nil {
				return nil, 0, err
			}
			found = append(found, match{candidate, place})
		}
	}
	slices.SortFunc(found, func(a, b match) int {
		return cmp.Or(search.CompareSort(a.Entries, b.Entries, query.Sort), cmp.Compare(a.number, b.number), cmp.Compare(a.At, b.At))
	})
	return found, examined, nil
}

// candidates are the resources of the types that are searched, each once.
func (v view) candidates(query *search.Query) iter.Seq[*version] {
	var types []string
	for _, b := range query.Branches {
		types = append(types, b.Type)
	}
	if slices.Contains(types, "") {
		return v.resources("")
	}
	slices.Sort(types)
	types = slices.Compact(types)
	return func(yield func(*version) bool) {
		for _, typ := range types {
			for found := range v.resources(typ) {
				if !yield(found) {
					return
				}
			}
		}
	}
}

// resources are the current versions of a type, or of all for "", without those deleted.
func (v view) resources(typ string) iter.Seq[*version] {
	return func(yield func(*version) bool) {
		for key, d := range v.documents.Ascend(btreemap.GE(store.Key{Type: typ}), btreemap.Max[store.Key]()) {
			if typ != "" && key.Type != typ {
				return
			}
			versions := d.asOf(v.at)
			if n := len(versions); n > 0 && !versions[n-1].Deleted() && !yield(versions[n-1]) {
				return
			}
		}
	}
}

func (v *version) resource() search.Resource {
	return search.Resource{Type: v.Type, ID: v.ID, Entries: v.entries}
}

// scanned is resource with the values of parameters that not all resources have theirs of.
func (v *version) scanned(ctx context.Context, parameters *search.Parameters, params []*search.Parameter) (search.Resource, error) {
	r := v.resource()
	if len(params) == 0 {
		return r, nil
	}
	entries, err := store.Scan(ctx, parameters, v.Version, params)
	r.Entries = slices.Concat(r.Entries, entries)
	return r, err
}

// Lookup implements search.Source.
func (v view) Lookup(_ context.Context, typ, id string) (search.Resource, bool, error) {
	versions := v.versions(store.Key{Type: typ, ID: id})
	if n := len(versions); n > 0 && !versions[n-1].Deleted() {
		return versions[n-1].resource(), true, nil
	}
	return search.Resource{}, false, nil
}

// Referrers implements search.Source: every resource of the type might refer to the target.
func (v view) Referrers(_ context.Context, typ string, _ *search.Parameter, _, _ string) iter.Seq2[search.Resource, error] {
	return func(yield func(search.Resource, error) bool) {
		for found := range v.resources(typ) {
			if !yield(found.resource(), nil) {
				return
			}
		}
	}
}
