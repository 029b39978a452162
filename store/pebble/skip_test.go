package pebble

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"kiln/search"
)

// TestSkipPassesWhatValueReads: skip ends where value ends, on whatever was packed, and fails where
// it fails.
func TestSkipPassesWhatValueReads(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	values := []search.Value{
		search.StringValue{Text: "Ångström", Folded: "angstrom"},
		search.StringValue{Text: "AB", Folded: "ab"},
		search.TokenValue{Code: "a", Text: "t"},
		search.TokenValue{Code: "a", TypeCode: "b"},
		search.ReferenceValue{ID: "00112233-4455-6677-8899-aabbccddeeff"},
		search.ReferenceValue{ID: "a.b-c", URL: "http://a", Version: "3", Identifier: search.TokenValue{Code: "k"}},
		search.DateValue{Low: -5, High: 1 << 50},
		search.NumberValue{Low: decimalOf(t, "1.50"), High: decimalOf(t, "1.50")},
		search.NumberValue{Low: decimalOf(t, "-2"), LowOpen: true},
		search.NumberValue{Low: decimalOf(t, "1"), High: decimalOf(t, "200")},
		search.URIValue{URI: "urn:x"},
	}
	for _, v := range values {
		p := packer{}
		p.value(v)
		for range 200 {
			list := append(append([]byte{}, p.out...), "rest"...)
			if damage := r.IntN(2 * len(list)); damage < len(list) {
				list[damage] = byte(r.IntN(256))
				list = list[:r.IntN(len(list))+1]
			}
			read, skipped := unpacker{rest: list}, unpacker{rest: list}
			read.value(1)
			skipped.skip()
			if (read.err == nil) != (skipped.err == nil) || len(read.rest) != len(skipped.rest) {
				t.Fatalf("%#v in %x: value leaves %d bytes (%v), skip %d (%v)", v, list, len(read.rest), read.err, len(skipped.rest), skipped.err)
			}
		}
	}
}

func decimalOf(t *testing.T, text string) *apd.Decimal {
	t.Helper()
	d, _, err := apd.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
