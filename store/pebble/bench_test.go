package pebble

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// hospital makes invented resources with the skew of a real one: some patients have far more
// observations than others, and some codes are far more common.
type hospital struct {
	r        *rand.Rand
	patients int
}

var benchCodes = [...]struct{ code, display, unit string }{
	{"8480-6", "Systolic blood pressure", "mm[Hg]"},
	{"8462-4", "Diastolic blood pressure", "mm[Hg]"},
	{"8867-4", "Heart rate", "/min"},
	{"29463-7", "Body weight", "kg"},
	{"8302-2", "Body height", "cm"},
	{"4548-4", "Hemoglobin A1c", "%"},
	{"2339-0", "Glucose", "mg/dL"},
	{"6299-2", "Urea nitrogen", "mg/dL"},
	{"38483-4", "Creatinine", "mg/dL"},
	{"2947-0", "Sodium", "mmol/L"},
	{"6298-4", "Potassium", "mmol/L"},
	{"72514-3", "Pain severity", "{score}"},
}

var (
	benchFamilies = [...]string{"Lind", "Berg", "Ström", "Holm", "Dahl", "Lund", "Ek", "Åberg", "Norén", "Sand", "Falk", "Gren"}
	benchGiven    = [...]string{"Ada", "Bo", "Cy", "Dag", "Eva", "Finn", "Gro", "Hal", "Ina", "Jon", "Kai", "Liv", "Mia", "Nils"}
)

func (h *hospital) uuid() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(h.r.Uint32())
	}
	return formatUUID(b[:])
}

func (h *hospital) patientID(n int) string {
	return formatUUID(fmt.Appendf(nil, "patient%09d", n)[:16])
}

func (h *hospital) patient(n int) (id, text string) {
	id = h.patientID(n)
	family, given := benchFamilies[h.r.IntN(len(benchFamilies))], benchGiven[h.r.IntN(len(benchGiven))]
	return id, fmt.Sprintf(`{"resourceType":"Patient","id":%q,"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">%s %s</div>"},`+
		`"identifier":[{"use":"usual","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical Record Number"}],"text":"Medical Record Number"},"system":"http://hospital.example.org/mrn","value":"MRN-%08d"},`+
		`{"system":"http://hl7.org/fhir/sid/us-ssn","value":"999-%02d-%04d"}],"active":true,"name":[{"use":"official","family":%q,"given":[%q,%q]}],`+
		`"telecom":[{"system":"phone","value":"555-%03d-%04d","use":"home"}],"gender":%q,"birthDate":"%04d-%02d-%02d",`+
		`"address":[{"line":["%d Example Street"],"city":"Town %d","state":"MA","postalCode":"%05d","country":"US"}],`+
		`"maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"M"}],"text":"M"},"multipleBirthBoolean":false,`+
		`"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"en-US","display":"English"}],"text":"English"}}]}`,
		id, given, family, n, n%100, n%10000, fmt.Sprintf("%s%d", family, n%997), given, benchGiven[h.r.IntN(len(benchGiven))],
		h.r.IntN(1000), h.r.IntN(10000), [...]string{"male", "female"}[h.r.IntN(2)], 1930+h.r.IntN(90), 1+h.r.IntN(12), 1+h.r.IntN(28),
		h.r.IntN(999), h.r.IntN(300), h.r.IntN(99999))
}

func (h *hospital) observation() (id, text string) {
	id = h.uuid()
	code := benchCodes[min(h.r.IntN(len(benchCodes)), h.r.IntN(len(benchCodes)))]
	patient := h.r.IntN(h.patients)
	if h.r.IntN(5) == 0 {
		patient = h.r.IntN(1 + h.patients/100)
	}
	at := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(h.r.IntN(10*365*24*3600)) * time.Second)
	return id, fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}]}],`+
		`"code":{"coding":[{"system":"http://loinc.org","code":%q,"display":%q}],"text":%q},"subject":{"reference":"Patient/%s"},"encounter":{"reference":"Encounter/%s"},`+
		`"effectiveDateTime":%q,"issued":%q,"performer":[{"reference":"Practitioner/%s"}],"valueQuantity":{"value":%d.%d,"unit":%q,"system":"http://unitsofmeasure.org","code":%q}}`,
		id, code.code, code.display, code.display, h.patientID(patient), h.uuid(), at.Format("2006-01-02T15:04:05-07:00"), at.Format("2006-01-02T15:04:05.000-07:00"),
		formatUUID(fmt.Appendf(nil, "practitioner%04d", h.r.IntN(50))[:16]), h.r.IntN(200), h.r.IntN(100), code.unit, code.unit)
}

// next is a patient, or nine times out of ten an observation of one.
func (h *hospital) next(n int) (id, text string) {
	if n%10 == 0 {
		return h.patient(n / 10)
	}
	return h.observation()
}

func benchChange(id, text string) store.Change {
	doc, err := resources.Parse([]byte(text))
	if err != nil {
		panic(err)
	}
	c, err := update(doc, id)
	if err != nil {
		panic(err)
	}
	return c
}

// benchDocuments is how many resources the searches look in: KILN_BENCH_RESOURCES, or 20,000.
func benchDocuments() int {
	if n, err := strconv.Atoi(os.Getenv("KILN_BENCH_RESOURCES")); err == nil {
		return n
	}
	return 20_000
}

var benchStore = sync.OnceValues(func() (*Store, []store.Key) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("kiln-bench-%d", os.Getpid()))
	s, err := Open(dir, Options{Parameters: testParameters()})
	if err != nil {
		panic(err)
	}
	return s, fill(s, benchDocuments())
})

// fill loads resources, 500 a commit.
func fill(s *Store, count int) []store.Key {
	h := &hospital{rand.New(rand.NewPCG(1, 2)), max(1, count/10)}
	keys := make([]store.Key, 0, count)
	var changes []store.Change
	for n := range count {
		c := benchChange(h.next(n))
		changes = append(changes, c)
		keys = append(keys, c.Key)
		if len(changes) == 500 || n == count-1 {
			if _, err := s.Commit(context.Background(), store.Transaction{Changes: changes}); err != nil {
				panic(err)
			}
			changes = changes[:0]
		}
	}
	return keys
}

// perSecond runs an operation on several goroutines for a while.
func perSecond(clients int, length time.Duration, op func(n int) error) float64 {
	var done atomic.Int64
	var group sync.WaitGroup
	start := time.Now()
	for range clients {
		group.Go(func() {
			for time.Since(start) < length {
				if err := op(int(done.Add(1))); err != nil {
					panic(err)
				}
			}
		})
	}
	group.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}

// against compares commits of size resources each with the bare engine fed the same batches, in
// turns, and reports the medians.
func against(b *testing.B, clients, size int) {
	const turns = 5
	h := &hospital{rand.New(rand.NewPCG(3, 4)), 1000}
	var mu sync.Mutex
	var batches [][]byte
	tracing := true
	s, err := Open(b.TempDir(), Options{Parameters: testParameters(), Trace: func(batch []byte) {
		if mu.Lock(); tracing && len(batches) < 4000 {
			batches = append(batches, bytes.Clone(batch))
		}
		mu.Unlock()
	}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	fill(s, 5000)
	batches = batches[:0]
	bare, err := OpenBare(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	pool := make([]store.Transaction, 8000/size)
	for i := range pool {
		for range size {
			pool[i].Changes = append(pool[i].Changes, benchChange(h.observation()))
		}
	}
	length := time.Second
	var ours, theirs []float64
	for range turns {
		ours = append(ours, perSecond(clients, length, func(n int) error {
			_, err := s.Commit(context.Background(), pool[n%len(pool)])
			return err
		}))
		mu.Lock()
		tracing = false
		mu.Unlock()
		theirs = append(theirs, perSecond(clients, length, func(n int) error { return bare.Apply(batches[n%len(batches)]) }))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	b.ReportMetric(ours[turns/2], "commits/s")
	b.ReportMetric(theirs[turns/2], "bare/s")
	b.ReportMetric(ours[turns/2]/theirs[turns/2], "ratio")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkCommitAgainstBareEngine(b *testing.B) {
	for _, clients := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { against(b, clients, 1) })
	}
	b.Run("transactionOf100", func(b *testing.B) { against(b, 4, 100) })
}

func BenchmarkBulkLoad(b *testing.B) {
	h := &hospital{rand.New(rand.NewPCG(3, 4)), 1000}
	pool := make([]store.Transaction, 20)
	for i := range pool {
		for range 500 {
			pool[i].Changes = append(pool[i].Changes, benchChange(h.observation()))
		}
	}
	s, err := Open(b.TempDir(), Options{Parameters: testParameters()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ResetTimer()
	n := 0
	for b.Loop() {
		if _, err := s.Commit(b.Context(), pool[n%len(pool)]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n*500)/b.Elapsed().Seconds(), "resources/s")
}

func BenchmarkPrepare(b *testing.B) {
	h := &hospital{rand.New(rand.NewPCG(3, 4)), 1000}
	s, _ := benchStore()
	c := benchChange(h.observation())
	b.ReportAllocs()
	for b.Loop() {
		var list [1]prepared
		if err := s.prepareChange(&list[0], &c); err != nil {
			b.Fatal(err)
		}
		release(list[:])
	}
}

func BenchmarkRead(b *testing.B) {
	s, keys := benchStore()
	r := rand.New(rand.NewPCG(5, 6))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Read(b.Context(), keys[r.IntN(len(keys))]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	s, keys := benchStore()
	patients := max(1, len(keys)/10)
	h := &hospital{rand.New(rand.NewPCG(7, 8)), patients}
	anyone := func() string { return h.patientID(h.r.IntN(patients)) }
	heavy := h.patientID(0)
	code := func() string { return benchCodes[h.r.IntN(len(benchCodes))].code }
	for _, c := range []struct {
		name, typ string
		query     func() string
	}{
		{"identifier", "Patient", func() string {
			return fmt.Sprintf("identifier=http://hospital.example.org/mrn|MRN-%08d", h.r.IntN(patients))
		}},
		{"identifierWithoutSystem", "Patient", func() string { return fmt.Sprintf("identifier=MRN-%08d", h.r.IntN(patients)) }},
		{"namePrefix", "Patient", func() string { return fmt.Sprintf("family=lind%d", h.r.IntN(997)) }},
		{"byPatient", "Observation", func() string { return "patient=Patient/" + anyone() }},
		{"patientAndCode", "Observation", func() string { return "patient=Patient/" + anyone() + "&code=http://loinc.org|" + code() }},
		{"patientSortedByDate", "Observation", func() string { return "patient=Patient/" + anyone() + "&_sort=-date" }},
		{"subjectSortedByDate", "Observation", func() string { return "subject=Patient/" + heavy + "&_sort=-date&_count=10" }},
		{"heavyPatientAndCodeSortedByDate", "Observation", func() string { return "patient=Patient/" + heavy + "&code=8480-6&_sort=-date" }},
		{"code", "Observation", func() string { return "code=http://loinc.org|" + code() }},
		{"codeAndDate", "Observation", func() string {
			m := 1 + h.r.IntN(12)
			y := 2015 + h.r.IntN(10)
			return fmt.Sprintf("code=http://loinc.org|%s&date=ge%d-%02d-01&date=lt%d-%02d-28", code(), y, m, y, m)
		}},
		{"codeSortedByDate", "Observation", func() string { return "code=http://loinc.org|" + code() + "&_sort=-date" }},
		{"allSortedByDate", "Observation", func() string { return "_sort=-date" }},
		{"chain", "Observation", func() string { return fmt.Sprintf("subject:Patient.identifier=MRN-%08d", h.r.IntN(patients)) }},
		{"chainByName", "Observation", func() string { return fmt.Sprintf("subject:Patient.family=lind%d&code=8480-6", h.r.IntN(997)) }},
		{"chainBroad", "Observation", func() string { return "subject:Patient.gender=female&code=8480-6" }},
		{"has", "Patient", func() string { return "_has:Observation:subject:code=72514-3&gender=female" }},
		{"chainByCommonName", "Observation", func() string { return "subject:Patient.family=" + benchFamilies[h.r.IntN(len(benchFamilies))] }},
		{"hasAndName", "Patient", func() string {
			return "_has:Observation:patient:code=" + code() + "&family=" + benchFamilies[h.r.IntN(len(benchFamilies))]
		}},
		{"broadFilters", "Observation", func() string { return "code=8480-6&status=final&category=vital-signs&date=ge2016" }},
		{"quantity", "Observation", func() string { return fmt.Sprintf("code-value-quantity=8480-6$gt%d", 190+h.r.IntN(9)) }},
		{"countCode", "Observation", func() string { return "code=http://loinc.org|8480-6&_summary=count" }},
		{"missing", "Patient", func() string { return "death-date:missing=true" }},
		{"wordOfANarrative", "Patient", func() string { return "_text=" + benchFamilies[h.r.IntN(len(benchFamilies))] }},
		{"rareWord", "Patient", func() string { return fmt.Sprintf("_content=%08d", h.r.IntN(patients)) }},
		{"wordsInTwoPlaces", "Patient", func() string { return fmt.Sprintf("_content=town+%d+lind*", h.r.IntN(300)) }},
		{"commonWords", "Observation", func() string { return "_content=pressure+OR+heart+NOT+body&_summary=count" }},
		{"phrase", "Observation", func() string { return `_content="blood+pressure"` }},
		{"phraseOfAPatient", "Observation", func() string { return "patient=Patient/" + anyone() + `&_content="blood+pressure"` }},
		{"rarePhrase", "Patient", func() string { return fmt.Sprintf(`_content="town+%d"`, h.r.IntN(300)) }},
		{"lastUpdated", "Observation", func() string { return "_lastUpdated=ge2020&_sort=-_lastUpdated" }},
	} {
		b.Run(c.name, func(b *testing.B) {
			queries := make([]*search.Query, 200)
			for i := range queries {
				queries[i] = benchQuery(b, c.typ, c.query())
			}
			n, found := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				page, err := s.Search(b.Context(), queries[n%len(queries)], nil)
				if err != nil {
					b.Fatal(err)
				}
				n++
				found += len(page.Matches)
			}
			b.ReportMetric(float64(found)/float64(n), "matches")
		})
	}
}

func benchQuery(tb testing.TB, typ, text string) *search.Query {
	pairs, err := search.ReadQueryString(text)
	if err != nil {
		tb.Fatal(err)
	}
	query, _, err := testParameters().Parse([]string{typ}, pairs, search.ParseOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return query
}
