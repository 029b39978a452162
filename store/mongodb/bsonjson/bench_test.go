package bsonjson_test

import (
	"encoding/json"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/store/mongodb/bsonjson"
)

// BenchmarkDocument makes documents of the resources of Synthea, or of our own where they are not there: by this
// package, by the driver, and, for comparison, what encoding/json takes to read them. Figures are of
// the JSON's bytes.
func BenchmarkDocument(b *testing.B) {
	texts := benchTexts(b)
	var out []byte
	run(b, texts, "bsonjson", func(i int) (err error) {
		out, _ = bsonjson.AppendDocument(out[:0], texts[i])
		return nil
	})
	run(b, texts, "driver", func(i int) error {
		var d bson.D
		return bson.UnmarshalExtJSON(texts[i], false, &d)
	})
	run(b, texts, "driver with Marshal", func(i int) error {
		var d bson.D
		err := bson.UnmarshalExtJSON(texts[i], false, &d)
		if err == nil {
			_, err = bson.Marshal(d)
		}
		return err
	})
	run(b, texts, "encoding_json", func(i int) error {
		var v any
		return json.Unmarshal(texts[i], &v)
	})
}

// BenchmarkText makes the JSON again.
func BenchmarkText(b *testing.B) {
	texts := benchTexts(b)
	documents, trees := make([][]byte, len(texts)), make([]any, len(texts))
	for i, text := range texts {
		documents[i], _ = bsonjson.AppendDocument(nil, text)
		if err := json.Unmarshal(text, &trees[i]); err != nil {
			b.Fatal(err)
		}
	}
	var out []byte
	run(b, texts, "bsonjson", func(i int) (err error) {
		out, err = bsonjson.AppendText(out[:0], documents[i])
		return err
	})
	run(b, texts, "driver", func(i int) error {
		_, err := bson.MarshalExtJSON(bson.Raw(documents[i]), false, false)
		return err
	})
	run(b, texts, "encoding_json", func(i int) error {
		_, err := json.Marshal(trees[i])
		return err
	})
}

func benchTexts(b *testing.B) [][]byte {
	b.Helper()
	if texts := patients(b); len(texts) > 0 {
		return texts
	}
	return lines(b, "testdata/resources.ndjson")
}

func run(b *testing.B, texts [][]byte, name string, do func(i int) error) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		bytes := 0
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			n := i % len(texts)
			bytes += len(texts[n])
			if err := do(n); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(bytes)/1e6/b.Elapsed().Seconds(), "MB/s")
	})
}
