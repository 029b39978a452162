package mongodb

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// TestRangesArePrefixesOfAllTheirKeys draws ranges of times and numbers and keys around them.
func TestRangesArePrefixesOfAllTheirKeys(t *testing.T) {
	r := seeded(t, 4)
	date := func() string {
		return dateKey(r.Int64N(4*int64(24*time.Hour/time.Microsecond)*365) << r.IntN(8))
	}
	number := func() string {
		d := apd.New(r.Int64N(2_000_000)-1_000_000, int32(r.IntN(12)-6))
		return numberKey(d)
	}
	within, out := 0, 0
	for n := range 20_000 {
		d, draw := dateDigits, date
		if n%2 == 0 {
			d, draw = numberPlaces, number
		}
		low, high, key := draw(), draw(), draw()
		if low > high {
			low, high = high, low
		}
		prefixes := d.prefixes(low, high)
		if len(prefixes) > 3*maxPrefixes {
			t.Fatalf("%s to %s are %d prefixes", low, high, len(prefixes))
		}
		found := slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
		if low <= key && key <= high {
			within++
			if !found {
				t.Fatalf("%s lies between %s and %s, but has none of the prefixes %q", key, low, high, prefixes)
			}
		} else if !found {
			out++
		}
	}
	if within < 1000 || out < 1000 {
		t.Errorf("%d keys lie within their range and %d are left out, so that little was compared", within, out)
	}
}

// TestNumberKeysOrderAsNumbersDo: a lesser number has no greater key.
func TestNumberKeysOrderAsNumbersDo(t *testing.T) {
	r := seeded(t, 5)
	for range 20_000 {
		a := apd.New(r.Int64N(2_000_000)-1_000_000, int32(r.IntN(40)-20))
		b := apd.New(r.Int64N(2_000_000)-1_000_000, int32(r.IntN(40)-20))
		if a.Cmp(b) > 0 {
			a, b = b, a
		}
		if numberKey(a) > numberKey(b) {
			t.Fatalf("%s has the key %s, which is beyond %s of %s", a, numberKey(a), numberKey(b), b)
		}
	}
}
