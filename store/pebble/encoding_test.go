package pebble

import (
	"bytes"
	"cmp"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"pgregory.net/rapid"

	"kiln/search"
	"kiln/store"
)

var anyText = rapid.Custom(func(t *rapid.T) string {
	return string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', 'b', 0xfe, 0xff}), 0, 6).Draw(t, "bytes"))
})

func TestTextsInKeysKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyText.Draw(t, "a"), anyText.Draw(t, "b")
		x, y := appendText(nil, a), appendText(nil, b)
		if cmp.Compare(bytes.Compare(x, y), 0) != strings.Compare(a, b) {
			t.Fatalf("%q and %q are written %x and %x", a, b, x, y)
		}
		if a != b && bytes.HasPrefix(x, y) {
			t.Fatalf("%x begins with %x", x, y)
		}
		if strings.HasPrefix(a, b) != bytes.HasPrefix(x, appendPrefix(nil, b)) {
			t.Fatalf("%x and the prefix of %q", x, b)
		}
		text, rest, ok := readText(append(x, "rest"...))
		if !ok || string(text) != a || string(rest) != "rest" {
			t.Fatalf("%q reads as %q, %q, %v", a, text, rest, ok)
		}
	})
}

var anyID = rapid.OneOf(anyText, rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
	rapid.StringMatching(`[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), rapid.StringMatching(`[A-Za-z0-9.-]{1,64}`))

func TestIdsInKeysAreTheirOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyID.Draw(t, "a"), anyID.Draw(t, "b")
		x, y := appendID(nil, a), appendID(nil, b)
		if (a == b) != bytes.Equal(x, y) || a != b && bytes.HasPrefix(x, y) {
			t.Fatalf("%q and %q are written %x and %x", a, b, x, y)
		}
		id, rest, ok := readID(append(x, 7))
		if !ok || id != a || len(rest) != 1 {
			t.Fatalf("%q reads as %q, %v", a, id, ok)
		}
	})
}

var anyDecimal = rapid.Custom(func(t *rapid.T) *apd.Decimal {
	text := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,12})?(E-?[0-9]{1,4})?`).Draw(t, "decimal")
	d, _, err := apd.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
})

func TestNumbersInKeysKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyDecimal.Draw(t, "a"), anyDecimal.Draw(t, "b")
		x, exact := appendDecimal(nil, a)
		if !exact {
			t.Fatalf("%s is not exact", a)
		}
		y, _ := appendDecimal(nil, b)
		if bytes.Compare(x, y) != a.Cmp(b) {
			t.Fatalf("%s and %s are written %x and %x", a, b, x, y)
		}
		if a.Cmp(b) != 0 && bytes.HasPrefix(x, y) {
			t.Fatalf("%x begins with %x", x, y)
		}
		back, rest, exact, ok := readDecimal(append(bytes.Clone(x), "rest"...))
		if !ok || !exact || back.Cmp(a) != 0 || string(rest) != "rest" {
			t.Fatalf("%s reads as %s, %q, %v, %v", a, back, rest, exact, ok)
		}
		for _, bound := range [][]byte{{decimalMinimum}, {decimalMaximum}} {
			if low := bound[0] == decimalMinimum; (bytes.Compare(bound, x) < 0) != low {
				t.Fatalf("no bound, %x, is on the wrong side of %x", bound, x)
			}
		}
	})
}

func TestNumbersLongerThanKeysAreNotSwapped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		long := rapid.Custom(func(t *rapid.T) *apd.Decimal {
			text := rapid.StringMatching(`-?12345678901234567890123456789012345678[0-9]{1,8}(\.[0-9]{1,3})?`).Draw(t, "long")
			d, _, _ := apd.NewFromString(text)
			return d
		})
		a, b := long.Draw(t, "a"), long.Draw(t, "b")
		x, exactA := appendDecimal(nil, a)
		y, exactB := appendDecimal(nil, b)
		if c := bytes.Compare(x, y); c != 0 && c != a.Cmp(b) || c == 0 && a.Cmp(b) != 0 && exactA && exactB {
			t.Fatalf("%s and %s are written %x and %x", a, b, x, y)
		}
	})
}

func TestTimesInKeysKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		x, y := appendTime(nil, a), appendTime(nil, b)
		if bytes.Compare(x, y) != cmp.Compare(a, b) || readTime(x) != a {
			t.Fatalf("%d and %d are written %x and %x", a, b, x, y)
		}
	})
}

func TestNothingBeginsWithAPrefixFromAfterItOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix, key := []byte(anyText.Draw(t, "prefix")), []byte(anyText.Draw(t, "key"))
		following := after(prefix)
		if inside := following == nil || bytes.Compare(key, following) < 0; bytes.Compare(key, prefix) >= 0 && inside != bytes.HasPrefix(key, prefix) {
			t.Fatalf("%x, after %x: %x", key, prefix, following)
		}
	})
}

func TestHeadsPlacesAndVersionsReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := head{
			document: rapid.Uint64().Draw(t, "document"), version: rapid.Int64Min(1).Draw(t, "version"), position: rapid.Uint64().Draw(t, "position"),
			lastUpdated: rapid.Int64().Draw(t, "time"), method: store.Method(rapid.IntRange(1, 4).Draw(t, "method")), claims: rapid.Bool().Draw(t, "claims"),
		}
		if got, err := readHead(h.append(nil)); err != nil || got != h {
			t.Fatalf("%v reads as %v, %v", h, got, err)
		}
		p := place{h.document, h.version, h.lastUpdated, code(rapid.Uint16().Draw(t, "type"))}
		if got, err := readPlace(p.append(nil)); err != nil || got != p {
			t.Fatalf("%v reads as %v, %v", p, got, err)
		}
		v := versionRecord{
			method: store.Update, typ: p.typ, position: h.position, lastUpdated: h.lastUpdated, id: anyID.Draw(t, "id"),
			claims: rapid.SliceOfN(anyText, 0, 3).Draw(t, "claims held"), versionAt: 3, timeAt: 5, size: 9, compressed: []byte("compressed"),
		}
		got, _, err := readVersionRecord(v.append(nil))
		if err != nil || got.id != v.id || len(got.claims) != len(v.claims) || !bytes.Equal(got.compressed, v.compressed) || got.position != v.position {
			t.Fatalf("%v reads as %v, %v", v, got, err)
		}
	})
}

// FuzzDamagedData reads what no writer wrote: it may be refused, and must not end the process.
func FuzzDamagedData(f *testing.F) {
	d := &dictionary{}
	p := packer{}
	p.string(search.StringValue{Text: "Lind", Folded: "lind"})
	f.Add(p.out)
	f.Add(versionTwo().append(nil))
	f.Add((&valuesRecord{typ: 1, id: "a", list: []byte{0, 1, 3, 7, 'u', 0}}).append(nil))
	f.Add([]byte{0, 1, 4, 7, 'd', 2, 4, 0, 2, 3, 7, '=', 0})
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = readHead(b)
		_, _ = readPlace(b)
		_, _ = readRecord(b)
		_, _ = readValues(b)
		_, _, _ = readVersionRecord(b)
		_, _, _ = readText(b)
		_, _, _ = readID(b)
		_, _, _, _ = readDecimal(b)
		_, _, _, _ = readVocabulary(append([]byte{keyVocabulary}, make([]byte, 8)...), b)
		_, _ = d.indexKeys(1, b)
		_ = (&unpacker{rest: b}).value(0)
		_, _ = cursor{}.read(b)
		_, _ = historyCursor{}.read(b)
	})
}

func versionTwo() *versionRecord {
	return &versionRecord{method: store.Update, typ: 1, position: 2, lastUpdated: 3, id: "a", versionAt: 1, timeAt: 2, size: 3, compressed: []byte("abc")}
}
