package xmlformat_test

import (
	"testing"

	"kiln/resources"
	"kiln/resources/xmlformat"
	"kiln/resources/xmlformat/markup"
)

func BenchmarkTokens(b *testing.B) {
	all, size := pairs(b), 0
	for _, p := range all {
		size += len(p.XML)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range all {
			r := markup.NewStringReader(p.XML)
			for r.Next() {
			}
			if r.Err() != nil {
				b.Fatal(r.Err())
			}
		}
	}
}

func BenchmarkToJSON(b *testing.B) {
	var texts [][]byte
	size := 0
	for _, p := range pairs(b) {
		texts = append(texts, []byte(p.XML))
		size += len(p.XML)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			if _, err := xmlformat.ToJSON(text); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkAppendXML counts bytes of XML, as BenchmarkToJSON does.
func BenchmarkAppendXML(b *testing.B) {
	var all []resources.Element
	size := 0
	for _, p := range pairs(b) {
		e, err := parse(b, []byte(p.JSON)).Resource()
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, e)
		size += len(toXML(b, []byte(p.JSON)))
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		for _, e := range all {
			var err error
			if out, err = xmlformat.AppendXML(out[:0], e); err != nil {
				b.Fatal(err)
			}
		}
	}
}
