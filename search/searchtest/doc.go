// Package searchtest makes random resources and random queries for tests that compare one way of
// searching with another: search.Match with an engine, an engine with itself after a restart.
//
// Resources are made from the element table, of any type, from small vocabularies, so that values
// meet. Queries are made of values that resources have, changed at times, with all parameter
// types, modifiers, prefixes, chains, _has and _sort. A [Question] is a query with the place where it is asked,
// and [Coverage] tells what has never been drawn. Equal seeds give equal results.
//
//	r := rand.New(rand.NewPCG(1, 2))
//	w, err := searchtest.NewWorld(r, parameters, 200)
//	for range 1000 {
//		typ := w.RandomType(r)
//		query := w.RandomQuery(r, typ) // "subject:Patient.name:exact=Ada&_sort=-date"
//		want, err := w.Search(ctx, typ, query)
//		// … compare with an engine that holds w.Resources
//	}
package searchtest
