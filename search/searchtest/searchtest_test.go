package searchtest_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"kiln/search"
	"kiln/search/searchtest"
)

func parameters(t testing.TB) *search.Parameters {
	t.Helper()
	p, err := search.NewParameters(search.Options{BaseURL: searchtest.BaseURL})
	if err == nil {
		err = searchtest.Define(p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestQueriesAreValidAndFindSomething(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w, err := searchtest.NewWorld(r, parameters(t), 400)
	if err != nil {
		t.Fatal(err)
	}
	const queries = 2000
	found := 0
	for range queries {
		typ := w.RandomType(r)
		query := w.RandomQuery(r, typ)
		matches, err := w.Search(context.Background(), typ, query)
		if err != nil {
			t.Fatalf("%s?%s: %v", typ, query, err)
		}
		if len(matches) > 0 {
			found++
		}
	}
	if found < queries/4 {
		t.Errorf("only %d of %d queries found anything", found, queries)
	}
}

func TestEqualSeedsGiveEqualWorlds(t *testing.T) {
	p := parameters(t)
	var seen []string
	for range 2 {
		r := rand.New(rand.NewPCG(7, 7))
		w, err := searchtest.NewWorld(r, p, 50)
		if err != nil {
			t.Fatal(err)
		}
		var made []string
		for i := range w.Resources {
			made = append(made, string(w.Resources[i].Document.Source()), w.RandomQuery(r, w.Resources[i].Type))
		}
		if seen != nil && !slices.Equal(seen, made) {
			t.Error("the second world differs from the first")
		}
		seen = made
	}
}
