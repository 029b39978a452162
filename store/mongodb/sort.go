package mongodb

import (
	"cmp"
	"slices"
	"strings"

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
			values = append(values, search.Entry{Param: key.Params[0], Value: detached(v)})
		}
	}
	return values
}

// detached is a value of its own: the texts of all values of a resource are parts of one, which would be kept with it.
func detached(v search.Value) search.Value {
	switch v := v.(type) {
	case search.StringValue:
		return search.StringValue{Text: strings.Clone(v.Text), Folded: strings.Clone(v.Folded)}
	case search.TokenValue:
		return detachedToken(v)
	case search.ReferenceValue:
		return search.ReferenceValue{
			Type: strings.Clone(v.Type), ID: strings.Clone(v.ID), URL: strings.Clone(v.URL), Version: strings.Clone(v.Version), Identifier: detachedToken(v.Identifier),
		}
	case search.URIValue:
		return search.URIValue{URI: strings.Clone(v.URI)}
	}
	return v
}

func detachedToken(v search.TokenValue) search.TokenValue {
	return search.TokenValue{
		System: strings.Clone(v.System), Code: strings.Clone(v.Code), Text: strings.Clone(v.Text), TypeSystem: strings.Clone(v.TypeSystem), TypeCode: strings.Clone(v.TypeCode),
	}
}

// sortHits orders all matches as the contract says.
func sortHits(hits []hit, keys []search.SortKey) {
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(search.CompareSort(a.values, b.values, keys), a.behind().compare(b.behind()))
	})
}
