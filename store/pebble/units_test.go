package pebble

import (
	"testing"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
)

// BenchmarkUnits measures what the costs in tuning stand for: reading the next index key, seeking to
// one further on, and looking at the values of a document.
func BenchmarkUnits(b *testing.B) {
	s, _ := benchStore()
	prefix := []byte{keyIndex}
	open := func(b *testing.B, prefix []byte) *lsm.Iterator {
		it, err := s.db.NewIter(&lsm.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = it.Close() })
		return it
	}
	b.Run("step", func(b *testing.B) {
		it := open(b, prefix)
		for b.Loop() {
			if !it.Next() && !it.First() {
				b.Fatal(it.Error())
			}
		}
	})
	b.Run("seek", func(b *testing.B) {
		it := open(b, prefix)
		var keys [][]byte
		n := 0
		for ok := it.First(); ok; ok = it.Next() {
			if n++; n%97 == 0 {
				keys = append(keys, append([]byte(nil), it.Key()...))
			}
		}
		at := 0
		for b.Loop() {
			if !it.SeekGE(keys[at%len(keys)]) {
				b.Fatal(it.Error())
			}
			at++
		}
	})
	b.Run("test", func(b *testing.B) {
		it := open(b, []byte{keyValues})
		wanted := map[code]*search.Parameter{}
		for _, param := range testParameters().Of("Observation") {
			if param.Code == "date" {
				wanted[s.dictionary.parameterCode(param)] = param
			}
		}
		document, last := uint64(0), uint64(benchDocuments())
		var buffer [9]byte
		for b.Loop() {
			if !it.SeekGE(documentKey(buffer[:0], keyValues, 1+document*37%last)) {
				b.Fatal(it.Error())
			}
			document++
			record, err := readValues(it.Value())
			if err == nil {
				_, err = s.dictionary.unpack(record.list, wanted)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
