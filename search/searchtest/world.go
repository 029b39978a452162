package searchtest

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/search"
)

// World is a set of resources in order of creation, and the search.Source over them.
type World struct {
	Parameters *search.Parameters
	Resources  []Resource

	byType  map[string][]int
	byKey   map[string]int
	samples []search.Entry
}

// Resource is one resource of a World.
type Resource struct {
	search.Resource // Entries with those of Parameters.Own
	Document        *resources.Document
	LastUpdated     time.Time
}

// Start is when the first resource of a World was updated; each next one is a second later.
var Start = time.Date(2024, 2, 28, 23, 59, 0, 0, time.UTC)

// NewWorld makes a world of count random resources. The ids of each type are "r1", "r2" …, which
// references point to.
func NewWorld(r *rand.Rand, parameters *search.Parameters, count int) (*World, error) {
	w := &World{Parameters: parameters, byType: map[string][]int{}, byKey: map[string]int{}}
	for range count {
		typ := RandomType(r)
		id := "r" + strconv.Itoa(1+len(w.byType[typ]))
		if err := w.Add(RandomResource(r, typ, id), id); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Add puts one more resource at the end.
func (w *World) Add(doc *resources.Document, id string) error {
	e, err := doc.Resource()
	if err != nil {
		return err
	}
	entries, err := w.Parameters.Extract(context.Background(), e)
	if err != nil {
		return fmt.Errorf("extracting from %s: %w", doc.Source(), err)
	}
	updated := Start.Add(time.Duration(len(w.Resources)) * time.Second)
	typ := e.Type().Name
	entries = append(entries, w.Parameters.Own(id, updated)...)
	w.byType[typ] = append(w.byType[typ], len(w.Resources))
	w.byKey[typ+"/"+id] = len(w.Resources)
	w.Resources = append(w.Resources, Resource{search.Resource{Type: typ, ID: id, Entries: entries}, doc, updated})
	w.samples = append(w.samples, entries...)
	return nil
}

// RandomType is the type of some resource.
func (w *World) RandomType(r *rand.Rand) string { return pick(r, w.Resources).Type }

// RandomQuery is a query for a type, of values that the world has.
func (w *World) RandomQuery(r *rand.Rand, typ string) string {
	return RandomQuery(r, w.Parameters, typ, w.samples)
}

// Search answers a query by search.Match and search.CompareSort: the keys (see PlaceKey) of all matches
// in order. With type "" it searches the whole system.
func (w *World) Search(ctx context.Context, typ, query string) ([]string, error) {
	q, err := w.Parse(typ, query)
	if err != nil {
		return nil, err
	}
	return w.Answer(ctx, q)
}

// Answer is Search for a query that was read.
func (w *World) Answer(ctx context.Context, q *search.Query) ([]string, error) {
	type match struct {
		search.Resource
		search.Place
	}
	var matches []match
	sorter := search.NewSorter(ctx, q.Sort, w)
	for _, r := range w.Resources {
		places, err := q.Places(ctx, r.Resource, w)
		if err != nil {
			return nil, err
		}
		for _, p := range places {
			if p, err = sorter.Place(r.Resource, p); err != nil {
				return nil, err
			}
			matches = append(matches, match{r.Resource, p})
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int { return search.CompareSort(a.Place.Entries, b.Place.Entries, q.Sort) })
	keys := make([]string, len(matches))
	for i, m := range matches {
		keys[i] = PlaceKey(m.Type, m.ID, m.At)
	}
	return keys, nil
}

// Parse reads a query string strictly, with the codes of Terminology.
func (w *World) Parse(typ, query string) (*search.Query, error) {
	return w.Read(Question{Type: typ, Query: query})
}

// Read is Parse for questions of all kinds.
func (w *World) Read(question Question) (*search.Query, error) {
	pairs, err := search.ReadQueryString(question.Query)
	if err != nil {
		return nil, err
	}
	var types []string
	if question.Type != "" {
		types = []string{question.Type}
	}
	q, _, err := w.Parameters.Parse(types, pairs, search.ParseOptions{Terminology: Terminology{}, Compartment: question.Compartment})
	return q, err
}

// Lookup implements search.Source.
func (w *World) Lookup(_ context.Context, typ, id string) (search.Resource, bool, error) {
	i, ok := w.byKey[typ+"/"+id]
	if !ok {
		return search.Resource{}, false, nil
	}
	return w.Resources[i].Resource, true, nil
}

// Referrers implements search.Source: it yields every resource of the type.
func (w *World) Referrers(_ context.Context, typ string, _ *search.Parameter, _, _ string) iter.Seq2[search.Resource, error] {
	return func(yield func(search.Resource, error) bool) {
		for _, i := range w.byType[typ] {
			if !yield(w.Resources[i].Resource, nil) {
				return
			}
		}
	}
}

// Types are the resource types that the world has resources of, sorted.
func (w *World) Types() []string {
	var types []string
	for _, name := range definitions.R4().ResourceNames() {
		if len(w.byType[name]) > 0 {
			types = append(types, name)
		}
	}
	return types
}
