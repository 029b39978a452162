package pebble

import "testing"

func TestCountingGoesOnWhereItStopped(t *testing.T) {
	s, err := Open(t.TempDir(), Options{Parameters: testParameters()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(s, 400)
	for _, text := range []string{"code=8480-6", "date=ge2018&date=lt2022", "subject=Patient/" + (&hospital{}).patientID(0)} {
		query := benchQuery(t, "Observation", text)
		v, err := s.glance(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		x := newExecution(t.Context(), v, query)
		w := &walk{execution: x}
		typ, filter := s.dictionary.typeCode("Observation"), query.Branches[0].Filter
		want := int(x.count([]target{{typ, filter}}, 0))
		l := w.legs(typ, filter)[0]
		before := x.examined
		for limit := 2; limit < 1000; limit *= 2 {
			size := l.sized(limit)
			if complete := want < limit; size != min(want, limit) || l.complete() != complete || complete && !l.known.whole() {
				t.Errorf("%s: counted %d up to %d, complete %t; there are %d", text, size, limit, l.complete(), want)
			}
		}
		if read := x.examined - before; read != int64(want) || want < 3 {
			t.Errorf("%s: %d keys were read to count %d", text, read, want)
		}
		found := 0
		for s, at := l.open(w), uint64(0); ; found++ {
			if at = s.seek(at); at == end {
				break
			}
			at++
		}
		if found != want {
			t.Errorf("%s: %d found of %d", text, found, want)
		}
		if err := x.close(); err != nil {
			t.Error(err)
		}
		v.leave()
	}
}
