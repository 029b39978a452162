package pebble

import (
	"reflect"
	"strings"
	"testing"

	"kiln/store"
)

// A plan that is told after the search is that of a search which asked for it.
func TestAPlanIsToldAfterwards(t *testing.T) {
	s := openAt(t, t.TempDir())
	fill(s, 400)
	patient := (&hospital{}).patientID(0)
	for text, detail := range map[string]string{
		"patient=Patient/" + patient:                              "patient",
		"patient=Patient/" + patient + "&code=8480-6&_sort=-date": "patient,-date",
		"code=8480-6&date=ge2016-01-01&date=lt2016-02-01":         "code,date",
		"code=8480-6&status:not=final":                            "status",
		"value-quantity:missing=true":                             "value-quantity:missing",
		"code:text=blood&_sort=status":                            "code:text",
		"subject:Patient.gender=female&_sort=-value-quantity":     "-value-quantity",
	} {
		query := benchQuery(t, "Observation", text)
		silent, err := s.Search(t.Context(), query, nil)
		if err != nil {
			t.Fatal(err)
		}
		query.Explain = true
		explained, err := s.Search(t.Context(), query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if silent.Plan != nil || explained.Plan == nil {
			t.Fatalf("%s: %v and %v; expected a plan where it was asked for alone", text, silent.Plan, explained.Plan)
		}
		plan, named := silent.Explain(), false
		for i := range plan.Steps {
			named = named || plan.Steps[i].Detail == detail
			if plan.Steps[i].Estimate == store.Unsized {
				plan.Steps[i].Estimate = explained.Plan.Steps[i].Estimate
			}
			if told := plan.Steps[i].Detail; strings.Contains(told, "8480") || strings.Contains(told, patient) || strings.Contains(told, "2016") {
				t.Errorf("%s: the plan tells a value: %s", text, told)
			}
		}
		if !named || plan.Examined != explained.Plan.Examined || plan.Duration <= 0 || !reflect.DeepEqual(plan.Steps, explained.Plan.Steps) {
			t.Errorf("%s: the plan is %+v afterwards, and %+v where it was asked for; expected %s in both", text, plan, explained.Plan, detail)
		}
	}
}

// What is noted of a search takes the memory of its trace alone, until somebody asks for the plan.
func TestNotingAPlanFormatsNothing(t *testing.T) {
	query := benchQuery(t, "Observation", "code=8480-6&_sort=-date")
	x := &execution{query: query, trace: &trace{sort: query.Sort}}
	l := leg{expr: query.Branches[0].Filter, operation: "equal", negated: true}
	if n := testing.AllocsPerRun(100, func() {
		x.trace.steps = nil
		x.done(x.note(&l))
		x.noteTest(&l)
		x.done(x.note(&leg{operation: "sort", sorts: true}))
	}); n > 0 {
		t.Errorf("noting three steps allocates %v times", n)
	}
}

// BenchmarkExplain compares searches with and without the plan told.
func BenchmarkExplain(b *testing.B) {
	s, _ := benchStore()
	patient := (&hospital{}).patientID(0)
	for name, text := range map[string]string{
		"equal": "patient=Patient/" + patient + "&code=8480-6&status=final&_count=2",
		"sort":  "patient=Patient/" + patient + "&_sort=-date&_count=2",
		"chain": "subject:Patient.family=lind5&code=8480-6&_count=2",
	} {
		for _, told := range []string{"told", "silent"} {
			b.Run(name+"/"+told, func(b *testing.B) {
				query := benchQuery(b, "Observation", text)
				query.Explain = told == "told"
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Search(b.Context(), query, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
