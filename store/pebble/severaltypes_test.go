package pebble

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// severalTypes names two or three of the types, and a query that all of them understand.
func severalTypes(r *rand.Rand, ask func(typ string) string, valid func(text string) bool) string {
	for {
		types := slices.Clone(crowdedTypes)
		r.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
		types = types[:2+r.IntN(2)]
		text := "_type=" + url.QueryEscape(strings.Join(types, ",")) + "&" + ask(types[0])
		if valid(text) {
			return text
		}
	}
}

func TestSearchesOfSeveralTypesAgreeWithMatch(t *testing.T) {
	r := agreementRandom(t, 4)
	w := world(t, r, 400)
	s := keep(t, w)
	underEveryPlanning(t, func(t *testing.T, count int) {
		found := 0
		for range count / 2 {
			text := severalTypes(r, func(typ string) string { return w.RandomQuery(r, typ) }, func(text string) bool {
				_, err := w.Parse("", text)
				return err == nil
			})
			found += agreeOn(t, r, w, s, "", text)
		}
		if found < count/2 {
			t.Errorf("%d queries found %d resources; expected more", count/2, found)
		}
	})
}
