package pebble

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"kiln/search"
	"kiln/store"
)

func TestOrderedFloatsAreInTheOrderOfNumbers(t *testing.T) {
	list := []float64{-180, -179.99, -1, -1e-300, 0, 1e-300, 0.5, 1, 4.89, 179.99, 180}
	for i, f := range list {
		key := appendOrdered(nil, f)
		if got := readOrdered(key); got != f {
			t.Errorf("%v is read as %v", f, got)
		}
		if i > 0 && bytes.Compare(appendOrdered(nil, list[i-1]), key) >= 0 {
			t.Errorf("%v comes after %v", list[i-1], f)
		}
	}
	if !bytes.Equal(appendOrdered(nil, math.Copysign(0, -1)), appendOrdered(nil, 0)) {
		t.Error("there are two zeros")
	}
}

// grid stores a location at every second degree of latitude and of longitude.
func grid(t *testing.T) (s *Store, count int) {
	t.Helper()
	s = openAt(t, t.TempDir())
	var changes []store.Change
	for latitude := -90; latitude <= 90; latitude += 2 {
		for longitude := -180; longitude < 180; longitude += 2 {
			id := fmt.Sprintf("l%d", count)
			count++
			changes = append(changes, benchChange(id, fmt.Sprintf(`{"resourceType":"Location","id":%q,"position":{"latitude":%d,"longitude":%d}}`, id, latitude, longitude)))
		}
	}
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: changes}); err != nil {
		t.Fatal(err)
	}
	return s, count
}

func TestNearReadsLittleBesideWhatItFinds(t *testing.T) {
	s, count := grid(t)
	for _, c := range []struct {
		query string
		found int64
		most  int64
	}{
		{"near=52|4|10|km", 1, 5},
		{"near=52|180|140|km", 3, 8}, // on both sides of the meridian
		{"near=10|11|5|km", 0, 2},
		{"near=90|0|1|km", 180, 185}, // all longitudes of the pole
		{"near=0|0|1000|km", 69, 90},
		{"near=0|0|20100|km", int64(count), int64(count) + 1},
	} {
		query := benchQuery(t, "Location", c.query)
		query.Explain, query.CountOnly = true, true
		page, err := s.Search(t.Context(), query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != c.found || page.Plan.Examined > c.most {
			t.Errorf("%s finds %d and reads %d; want %d and at most %d", c.query, page.Total, page.Plan.Examined, c.found, c.most)
		}
	}
}

func TestABoxOfManyBandsIsReadAsOneRange(t *testing.T) {
	l := lowering{prefix: indexPrefix(nil, 1, 1)}
	for within, most := range map[float64]int{5_000: 2, 50_000: 9, 1_500_000: 250, 5_000_000: 1} {
		c := search.PositionCriterion{PositionValue: search.PositionValue{Latitude: 10, Longitude: 20}, Within: within}
		if n := len(l.near(c)); n == 0 || n > most {
			t.Errorf("%v m takes %d ranges; want at most %d", within, n, most)
		}
	}
}

func TestAHostOfPositionsIsReadInOneRange(t *testing.T) {
	s, count := grid(t)
	for values, whole := range map[int]bool{10: false, 600: true} { // 600 would take 9,000 ranges
		text := strings.Repeat("52|4|100|km,", values-1) + "10|180|100|km"
		query := benchQuery(t, "Location", "near="+text)
		query.Explain, query.CountOnly = true, true
		page, err := s.Search(t.Context(), query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != 2 || (page.Plan.Examined >= int64(count)) != whole {
			t.Errorf("%d values find %d and read %d of %d", values, page.Total, page.Plan.Examined, count)
		}
	}
}
