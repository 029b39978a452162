package storetest

import (
	"errors"
	"fmt"
	"strings"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// define puts a SearchParameter resource in use among the parameters.
func (t *trial) define(parameters *search.Parameters, id, members string) *search.Custom {
	t.Helper()
	doc, err := resources.Parse([]byte(`{"resourceType":"SearchParameter","id":"` + id + `","url":"http://kiln.example/` + id +
		`","name":"x","status":"active","description":"x",` + members + `}`))
	t.must(err)
	resource, err := doc.Resource()
	t.must(err)
	revision, problems := parameters.Revise(map[string]resources.Element{id: resource})
	if len(problems) > 0 {
		t.Fatalf("the definition of %s is refused: %v", id, problems)
	}
	if !revision.Install() {
		t.Fatalf("the definition of %s is not installed", id)
	}
	for _, c := range parameters.Customs() {
		if c.ID == id {
			return c
		}
	}
	t.Fatalf("the definition of %s is not there", id)
	return nil
}

// matching gives the ids of what a query finds, on pages of two, and compares the count.
func (t *trial) matching(query *search.Query) string {
	t.Helper()
	query.Count, query.Total = 2, search.TotalAccurate
	var ids []string
	for at := store.Cursor(nil); ; {
		page, err := t.Search(t.ctx, query, at)
		t.must(err)
		for _, m := range page.Matches {
			ids = append(ids, m.ID)
		}
		if at = page.Next; at == nil {
			t.equal("the total", page.Total, int64(len(ids)))
			break
		}
	}
	n, err := t.Count(t.ctx, query)
	t.must(err)
	t.equal("the count", n, int64(len(ids)))
	return strings.Join(ids, " ")
}

// reindexScans searches by custom parameters in all states: when no resource has their values, when
// some have, and when all have.
func reindexScans(t *trial) {
	parameters := Parameters().Copy()
	t.must(t.Store.Close())
	t.dir = t.TempDir()
	options := t.options()
	options.Parameters = parameters
	t.Store = t.open(t.T, t.dir, options)
	t.ward()
	t.put(Put("SupplyDelivery/s1", `"supplier":{"reference":"Practitioner/d"},"patient":{"reference":"Patient/ada"},"occurrenceDateTime":"2024-05-01"`),
		Put("SupplyDelivery/s2", `"patient":{"reference":"Patient/bo"},"occurrenceDateTime":"2024-06-01"`),
		Put("SupplyDelivery/s3", `"patient":{"reference":"Patient/ada"},"occurrenceDateTime":"2024-07-01"`),
		Put("Appointment/a1", `"status":"booked","start":"2024-05-01T08:00:00Z"`), Put("Appointment/a2", `"status":"pending","start":"2024-05-02T08:00:00Z"`),
		Put("Appointment/a3", `"status":"booked","start":"2024-05-03T08:00:00Z"`))
	customs := []*search.Custom{
		t.define(parameters, "born", `"code":"born","base":["Patient"],"type":"date","expression":"Patient.birthDate"`),
		t.define(parameters, "first", `"code":"first","base":["Patient"],"type":"string","expression":"Patient.name.given | Patient.name.family"`),
		t.define(parameters, "state", `"code":"code","base":["Appointment"],"type":"token","expression":"Appointment.status"`),
		t.define(parameters, "date", `"code":"date","base":["SupplyDelivery"],"type":"date","expression":"SupplyDelivery.occurrence as dateTime"`),
		t.define(parameters, "code", `"code":"code","base":["SupplyDelivery"],"type":"reference","expression":"SupplyDelivery.patient","target":["Patient"]`),
	}
	find := func(text string) (string, error) {
		typ, filter, _ := strings.Cut(text, "?")
		pairs, err := search.ReadQueryString(filter)
		t.must(err)
		query, _, err := parameters.Parse([]string{typ}, pairs, search.ParseOptions{Scans: true})
		if err != nil {
			return "", err
		}
		return t.matching(query), nil
	}
	check := func(when string) {
		t.Helper()
		for _, c := range [][2]string{
			{"Patient?born=1970", "ada bo"},
			{"Patient?born=1970-01-01", "ada"},
			{"Patient?born=ge1969&born=lt1980&gender=male", "bo"},
			{"Patient?born:missing=true", "cy"},
			{"Patient?born:missing=false&first:missing=true", ""},
			{"Patient?first=a,l", "ada bo"},
			{"Patient?first:contains=ström&born=1970&_sort=-birthdate", "bo"},
			{"Patient?first=lind&gender:not=male", "ada"},
			{"Appointment?code=booked&_sort=-date", "a3 a1"},
			{"Appointment?code=booked&date=ge2024-05-02", "a3"},
			{"SupplyDelivery?code=Patient/ada&date=ge2024-06", "s3"},
			{"SupplyDelivery?patient=ada&date=lt2024-06", "s1"},
			{"SupplyDelivery?patient=ada,bo&date=ge2024-05-02&date=le2024-06-30", "s2"},
		} {
			got, err := find(c[0])
			t.must(err)
			t.equal(when+", "+c[0], got, c[1])
		}
	}
	check("before the index")
	t.equal("a search by what is indexed", len(t.find(t, "Patient?gender=female")), 1)

	born := customs[0].Parameters
	step := store.ReindexStep{Type: "Patient", Limit: 1, Params: born}
	step.Extract = extractOf(parameters, born)
	done, err := t.Reindex(t.ctx, step)
	t.must(err)
	state := customs[2].Parameters
	_, err = t.Reindex(t.ctx, store.ReindexStep{Type: "Appointment", Limit: 1, Params: state, Extract: extractOf(parameters, state)})
	t.must(err)
	check("amid the index")
	_, err = t.Search(t.ctx, &search.Query{Branches: []search.Branch{{Type: "Patient"}}, Count: 5, Sort: []search.SortKey{{Params: born}}}, nil)
	if refused := new(store.UnindexedError); !errors.As(err, &refused) {
		t.Fatalf("a sort by an index that is not whole: expected a refusal, got %v", err)
	}
	for _, c := range customs {
		for _, typ := range c.Types() {
			t.remake(store.ReindexStep{Type: typ, Limit: 2, Params: c.Parameters, Extract: extractOf(parameters, c.Parameters)})
		}
	}
	check("with the index, unused")
	for _, c := range customs {
		parameters.Complete(c)
	}
	check("with the index")
	t.equal("the first step", []any{done.Examined, done.Changed}, []any{int64(1), int64(1)})
	for _, c := range customs {
		former, ok := search.Former(c.Parameters[0].Base, c.Parameters[0].Code, c.Parameters[0].Type.String())
		t.equal("the former parameter", ok, true)
		dropped := t.remake(store.ReindexStep{Type: c.Types()[0], Limit: 2, Params: []*search.Parameter{former}})
		if dropped.Changed == 0 {
			t.Fatalf("nothing is left of %s after it was indexed", c.ID)
		}
	}
	got, err := find("Patient?born=1970")
	t.must(err)
	t.equal("what is found by a dropped parameter", got, "")
	t.put(Delete("Patient/ada"), Put("Patient/bo", fmt.Sprintf(`"birthDate":"%d"`, 2000)))
	t.equal("the resources", t.find(t, "Patient?birthdate=2000"), []string{"Patient/bo 2"})
}
