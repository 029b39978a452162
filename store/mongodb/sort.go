package mongodb

import (
	"cmp"
	"slices"

	"kiln/search"
	"kiln/store"
)

// hit is a match.
type hit struct {
	key       store.Key
	number    int64
	contained int            // search.Place.At
	values    []search.Entry // that it is sorted by
}

// behind is the place of a hit in the order of creation.
func (h hit) behind() place { return place{h.number, int64(h.contained) + 1} }

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.number, o.number), cmp.Compare(p.contained, o.contained))
}

// sortValues are those of the entries that the keys compare.
func sortValues(entries []search.Entry, keys []search.SortKey) []search.Entry {
	var values []search.Entry
	for _, key := range keys {
		if v, ok := search.SortValue(entries, key); ok {
			values = append(values, search.Entry{Param: key.Params[0], Value: v})
		}
	}
	return values
}

// sortHits orders all matches as the contract says.
func sortHits(hits []hit, keys []search.SortKey) {
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(search.CompareSort(a.values, b.values, keys), a.behind().compare(b.behind()))
	})
}
