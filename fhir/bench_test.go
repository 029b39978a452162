package fhir_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources"
	"kiln/store"
)

// benched is a service as it runs: real ids, real time, base validation.
func benched(b *testing.B) harness {
	b.Helper()
	options := fhir.Options{Now: time.Now, NewID: newUUIDs(), Parameters: fhirtest.Parameters(b).Copy()}
	return harness{b, fhirtest.NewService(b, newEngine(b, options.Now, options.Parameters), options)}
}

const benchPatient = `{"resourceType":"Patient","identifier":[{"system":"http://hospital.example/mrn","value":"%d"}],"active":true,"name":[{"use":"official","family":"Sample%d","given":["Ada","Bea"]}],"telecom":[{"system":"phone","value":"555-0100"}],"gender":"female","birthDate":"1970-01-02","address":[{"line":["1 Example Road"],"city":"Sampletown","postalCode":"12345","country":"XX"}]}`

func BenchmarkRead(b *testing.B) {
	h := benched(b)
	key := h.create(fmt.Sprintf(benchPatient, 1, 1))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Read(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	h := benched(b)
	doc := h.doc(fmt.Sprintf(benchPatient, 1, 1))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Create(b.Context(), fhir.CreateRequest{Type: "Patient", Resource: doc}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreateParallel(b *testing.B) {
	h := benched(b)
	doc := h.doc(fmt.Sprintf(benchPatient, 1, 1))
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := h.Create(b.Context(), fhir.CreateRequest{Type: "Patient", Resource: doc}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkTransaction has as many entries as the name says: a patient and observations of it.
func BenchmarkTransaction(b *testing.B) {
	for _, size := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			h := benched(b)
			doc := h.doc(transactionOf(size))
			b.SetBytes(int64(len(doc.Source())))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Process(b.Context(), fhir.BundleRequest{Bundle: doc}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

func transactionOf(size int) string {
	entries := []string{newPatient}
	for i := 1; i < size; i++ {
		entries = append(entries, fmt.Sprintf(`{"fullUrl":"urn:uuid:00000000-0000-4000-8000-%012d","resource":{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"8302-2","display":"Body Height"}],"text":"Body Height"},"subject":{"reference":"%s"},"effectiveDateTime":"2014-03-04T05:06:07+01:00","issued":"2014-03-04T05:06:07.123+01:00","valueQuantity":{"value":%d.5,"unit":"cm","system":"http://unitsofmeasure.org","code":"cm"}},"request":{"method":"POST","url":"Observation"}}`, i, patientURN, i))
	}
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`
}

// BenchmarkSynthea is one patient's record as a transaction.
func BenchmarkSynthea(b *testing.B) {
	h := benched(b)
	names, err := filepath.Glob(filepath.Join(shared, "synthea", "*.json.gz"))
	if err != nil || len(names) == 0 {
		b.Skip("skipped, since the Synthea bundles are not there")
	}
	doc, err := resources.Parse(unpack(b, filepath.Join("synthea", filepath.Base(names[0]))))
	if err != nil {
		b.Fatal(err)
	}
	entries := doc.Count(doc.Member(0, "entry"))
	b.SetBytes(int64(len(doc.Source())))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Process(b.Context(), fhir.BundleRequest{Bundle: doc}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*entries)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkSearch finds one page of 20 among 2,000 and writes it.
func BenchmarkSearch(b *testing.B) {
	h := benched(b)
	for i := range 2 {
		var entries []string
		for j := range 1000 {
			entries = append(entries, `{"resource":`+fmt.Sprintf(benchPatient, i*1000+j, j%100)+`,"request":{"method":"POST","url":"Patient"}}`)
		}
		if _, err := h.process("transaction", entries...); err != nil {
			b.Fatal(err)
		}
	}
	for _, query := range []string{"identifier=http://hospital.example/mrn|7", "family=sample42", "gender=female&_sort=family"} {
		b.Run(query, func(b *testing.B) {
			var buffer []byte
			b.ReportAllocs()
			for b.Loop() {
				bundle, err := h.Search(b.Context(), fhir.SearchRequest{Type: "Patient", Query: query})
				if err != nil {
					b.Fatal(err)
				}
				buffer = bundle.AppendJSON(buffer[:0])
			}
		})
	}
}

// BenchmarkInclude is a page of 60: 20 observations, their patient and encounter each.
func BenchmarkInclude(b *testing.B) {
	h := benched(b)
	for i := range 20 {
		h.put(fmt.Sprintf(`{"resourceType":"Patient","id":"p%d"}`, i))
		h.put(fmt.Sprintf(`{"resourceType":"Encounter","id":"e%d","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p%d"}}`, i, i))
		h.put(fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"code":"x"}]},"subject":{"reference":"Patient/p%d"},"encounter":{"reference":"Encounter/e%d"}}`, i, i, i))
	}
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		bundle := h.search("Observation", "code=x&_include=Observation:subject&_include=Observation:encounter")
		if len(bundle.Entries) != 60 {
			b.Fatal(len(bundle.Entries))
		}
		buffer = bundle.AppendJSON(buffer[:0])
	}
}

// BenchmarkDelete asks about everything that may refer to a patient, and brings it back.
func BenchmarkDelete(b *testing.B) {
	h := benched(b)
	key := store.Key{Type: "Patient", ID: "p"}
	for b.Loop() {
		b.StopTimer()
		h.put(`{"resourceType":"Patient","id":"p"}`)
		b.StartTimer()
		h.remove(key)
	}
}
