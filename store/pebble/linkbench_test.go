package pebble

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kiln/search"
	"kiln/store"
)

// BenchmarkSortByReference sorts the observations of BenchmarkSearch by what their patients have: the
// walk of an index, a group too large for it, and few that are collected.
func BenchmarkSortByReference(b *testing.B) {
	s, keys := benchStore()
	h := &hospital{rand.New(rand.NewPCG(7, 8)), max(1, len(keys)/10)}
	for name, text := range map[string]string{
		"family":         "_sort=subject:Patient.family",
		"familyDown":     "_sort=-patient.family,-date",
		"codeByFamily":   "code=8480-6&_sort=subject:Patient.family",
		"gender":         "_sort=subject:Patient.gender",
		"patientByBirth": "patient=Patient/" + h.patientID(3) + "&_sort=patient.birthdate",
	} {
		b.Run(name, func(b *testing.B) { benchPages(b, s, benchQuery(b, "Observation", text)) })
	}
}

// BenchmarkNear searches half as many locations as there are resources elsewhere, spread over the Earth.
func BenchmarkNear(b *testing.B) {
	s, err := Open(b.TempDir(), Options{Parameters: testParameters()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	r := rand.New(rand.NewPCG(1, 2))
	var changes []store.Change
	for n := range benchDocuments() / 2 {
		id := fmt.Sprintf("l%d", n)
		changes = append(changes, benchChange(id, fmt.Sprintf(`{"resourceType":"Location","id":%q,"position":{"latitude":%.6f,"longitude":%.6f}}`, id, r.Float64()*150-75, r.Float64()*360-180)))
		if len(changes) == 500 {
			if _, err := s.Commit(b.Context(), store.Transaction{Changes: changes}); err != nil {
				b.Fatal(err)
			}
			changes = changes[:0]
		}
	}
	for _, km := range []int{5, 50, 500, 5000} {
		b.Run(fmt.Sprintf("within%dkm", km), func(b *testing.B) {
			benchPages(b, s, benchQuery(b, "Location", fmt.Sprintf("near=52.37|4.89|%d|km", km)))
		})
	}
}

// benchPages reads the first page of a search over and over.
func benchPages(b *testing.B, s *Store, query *search.Query) {
	b.Helper()
	found := 0
	b.ReportAllocs()
	for b.Loop() {
		page, err := s.Search(b.Context(), query, nil)
		if err != nil {
			b.Fatal(err)
		}
		found = len(page.Matches)
	}
	b.ReportMetric(float64(found), "matches")
}
