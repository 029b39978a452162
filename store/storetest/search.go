package storetest

import (
	"fmt"
	"strings"
	"time"

	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

var searches = []promise{
	{"each type of parameter finds what it should", searchKinds},
	{"without a sort, matches come in the order of their creation, over all types", searchOrder},
	{"a resource created again keeps its place", searchKeepsPlace},
	{"sorted matches without a value come last in both directions, ties in order of creation", searchSort},
	{"matches are sorted by what their references lead to", searchSortLinks},
	{"an update is found by its new values only, and a deleted resource not at all", searchFollowsChanges},
	{"each resource matches once, however many of its values or branches do", searchOnce},
	{"a query without branches, or of nothing, has no matches", searchNothing},
	{"chains and _has follow the resources they lead to", searchChains},
	{"counts are exact", searchCounts},
	{"long and odd values are told apart", searchOddValues},
	{"a resource with thousands of values is found by each, and leaves none behind", searchManyValues},
	{"a plan is told when asked for, without what was searched for", searchPlan},
	{"a search sees whole transactions, and every match meets the query", searchWholeTransactions},
}

// find gives the matches of a query in short, all pages of it, with its count and total checked.
func (t *trial) find(r store.Reader, text string) []string {
	t.Helper()
	query := Query(text)
	query.Total = search.TotalAccurate
	var matches []store.Version
	var cursor store.Cursor
	for {
		page, err := r.Search(t.ctx, query, cursor)
		t.must(err)
		if len(page.Matches) > query.Count {
			t.Fatalf("%s: a page of %d holds %d", text, query.Count, len(page.Matches))
		}
		matches = append(matches, page.Matches...)
		if page.Next == nil {
			if !page.HasTotal || page.Total != int64(len(matches)) {
				t.Fatalf("%s: the total is %d (%v), but there are %d matches", text, page.Total, page.HasTotal, len(matches))
			}
			break
		}
		if len(matches) > endless {
			t.Fatalf("%s: the pages do not end", text)
		}
		cursor = page.Next
	}
	count, err := r.Count(t.ctx, query)
	t.must(err)
	t.equal(text+": the count", count, int64(len(matches)))
	for _, m := range matches {
		t.equal(text+": the match", m, t.read(r, m.Key.String()))
	}
	return tags(matches)
}

// finds is find for ids of first versions alone: "a b".
func (t *trial) finds(text, want string) {
	t.Helper()
	var ids []string
	for _, tag := range t.find(t, text) {
		_, id, _ := strings.Cut(strings.Fields(tag)[0], "/")
		ids = append(ids, id)
	}
	t.equal(text, strings.Join(ids, " "), want)
}

func (t *trial) ward() {
	t.put(
		Put("Organization/org", `"name":"Spital Grün"`),
		Put("Patient/ada", `"active":true,"name":[{"family":"Lind","given":["Ada"]}],"gender":"female","birthDate":"1970-01-01",
			"identifier":[{"system":"urn:oid:1.2","value":"42","type":{"coding":[{"system":"urn:type","code":"MR"},{"system":"urn:other","code":"PI"}]}}],"managingOrganization":{"reference":"Organization/org"}`),
		Put("Patient/bo", `"name":[{"family":"LINDE"},{"family":"Ström"}],"gender":"male","birthDate":"1970","identifier":[{"value":"42"}]`),
		Put("Patient/cy", `"name":[{"text":"o lind"}],"generalPractitioner":[{"identifier":{"system":"urn:oid:1.2","value":"gp"}}]`),
		Put("Observation/o1", `"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}],"text":"Body weight"},
			"subject":{"reference":"Patient/ada"},"effectiveDateTime":"2025-06-01T10:00:00Z",
			"valueQuantity":{"value":70.0,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}`),
		Put("Observation/o2", `"status":"preliminary","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},
			"subject":{"reference":"Patient/bo"},"effectivePeriod":{"start":"2025-06-01","end":"2025-06-30"},
			"valueQuantity":{"value":70.04,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}`),
		Put("RiskAssessment/r", `"status":"final","subject":{"reference":"Patient/ada"},"prediction":[{"probabilityDecimal":0.25}]`),
		Put("ValueSet/v", `"status":"draft","url":"http://kiln.example/sets/a/b"`),
	)
}

func searchKinds(t *trial) {
	t.ward()
	t.put(Put("List/l", `"status":"current","mode":"working","entry":[{"item":{"reference":"Patient/ada"}},{"item":{"reference":"Observation/o2"}}]`))
	t.put(Put("Location/site", `"status":"active"`), Put("Location/ward", `"partOf":{"reference":"Location/site"}`), Put("Location/bed", `"partOf":{"reference":"Location/ward"}`),
		Put("MedicationStatement/taken", `"status":"active"`), Put("MedicationStatement/over", `"status":"completed"`))
	for _, c := range [][2]string{
		{"Location?partof:below=site", "ward bed"},
		{"Location?partof:above=ward&_sort=_id", "bed ward"},
		{"Location?partof:below=Location/ward", "bed"},
		{"MedicationStatement?_list=$current-medications", "taken"},
		{"Patient?family=lind", "ada bo"},
		{"Patient?family:exact=Lind", "ada"},
		{"Patient?family:contains=strom", "bo"},
		{"Patient?name=o%20l", "cy"},
		{"Patient?family:missing=true", "cy"},
		{"Patient?family:missing=false&gender=male,female", "ada bo"},
		{"Patient?identifier=42", "ada bo"},
		{"Patient?identifier=urn:oid:1.2|42", "ada"},
		{"Patient?identifier=|42", "bo"},
		{"Patient?identifier:of-type=urn:type|MR|42", "ada"},
		{"Patient?identifier:of-type=urn:type|SS|42", ""},
		{"Patient?_list=l", "ada"},
		{"Observation?_list=x,List/l", "o2"},
		{"Observation?subject:Patient._list=l", "o1"},
		{"Patient?_list=x", ""},
		{`Patient?_filter=family+eq+"linde"+or+birthdate+eq+1970-01-01+and+gender+eq+female`, "ada"},
		{`Patient?_filter=family+eq+"linde"+or+(birthdate+eq+1970-01-01+and+gender+eq+female)`, "ada bo"},
		{"Patient?_filter=not+(family+pr+true)", "cy"},
		{"Patient?_filter=family+ew+om+and+identifier+ne+43", "bo"},
		{"Patient?_filter=identifier+ne+42", ""},
		{"Patient?_filter=family+gt+linde", "bo"},
		{"Patient?_filter=family+le+lind", "ada"},
		{"Patient?_filter=birthdate+co+1970-01-01", "ada bo"},
		{"Patient?_filter=birthdate+po+1970-06", "bo"},
		{"Patient?_filter=_has:Observation:patient:code+eq+loinc|29463-7+and+active+eq+true", "ada"},
		{"Patient?_filter=organization.name+sw+spital", "ada"},
		{"Observation?_filter=subject:Patient[gender+eq+male].identifier+eq+42", "o2"},
		{"Observation?_filter=subject.name+co+inde&status=preliminary", "o2"},
		{"Patient?identifier:of-type=urn:type|MR|43,urn:other|PI|42", "ada"},
		{"Patient?identifier=urn:oid:1.2|", "ada"},
		{"Patient?gender:not=male", "ada cy"},
		{"Patient?active=true", "ada"},
		{"Observation?code:text=body", "o1"},
		{"Patient?organization=Organization/org", "ada"},
		{"Patient?organization=org", "ada"},
		{"Patient?general-practitioner:identifier=urn:oid:1.2|gp", "cy"},
		{"Patient?birthdate=1970", "ada bo"},
		{"Patient?birthdate=1970-01-01", "ada"},
		{"Patient?birthdate=gt1970-06-01", "bo"},
		{"Observation?date=2025-06-01", "o1"},
		{"Observation?date=ge2025-06-15", "o2"},
		{"Observation?date=lt2025-06-02", "o1 o2"},
		{"Observation?value-quantity=70|http://unitsofmeasure.org|kg", "o1 o2"},
		{"Observation?value-quantity=70.0||kg", "o1 o2"},
		{"Observation?value-quantity=70000.0|http://unitsofmeasure.org|g", "o1"},
		{"Observation?value-quantity=ne70000.0|http://unitsofmeasure.org|g", "o2"},
		{"Observation?value-quantity=ge70|http://unitsofmeasure.org|kg{dry}", "o1 o2"},
		{"Observation?value-quantity=gt154.4|http://unitsofmeasure.org|[lb_av]", "o2"},
		{"Observation?value-quantity=gt1|http://unitsofmeasure.org|mL", ""},
		{"Observation?value-quantity=gt1||g", ""},
		{"Observation?code-value-quantity=29463-7$lt70020|http://unitsofmeasure.org|g", "o1"},
		{"Observation?value-quantity=gt70.02", "o2"},
		{"Observation?code-value-quantity=29463-7$lt70.02", "o1"},
		{"Observation?code-value-quantity=29463-8$lt70.02", ""},
		{"RiskAssessment?probability=0.25", "r"},
		{"RiskAssessment?probability=gt0.25", ""},
		{"ValueSet?url=http://kiln.example/sets/a/b", "v"},
		{"ValueSet?url:below=http://kiln.example/sets", "v"},
		{"ValueSet?url:above=http://kiln.example/sets/a/b/c", "v"},
		{"Observation?patient.family=lind", "o1 o2"},
		{"Observation?patient:Patient.family:exact=Lind", "o1"},
		{"Observation?subject.organization.name=spital", "o1"},
		{"Patient?_has:Observation:patient:status=final", "ada"},
		{"Organization?_has:Patient:organization:_has:Observation:subject:status=final", "org"},
		{"Patient?_id=bo,cy,never", "bo cy"},
		{"Patient?_lastUpdated=2026-03-01", "ada bo cy"},
		{"Patient?_lastUpdated=gt2026-03-01", ""},
		{"?_id=ada,o1", "ada o1"},
		{"?_type=ValueSet,Organization", "org v"},
		{"Encounter", ""},
	} {
		t.finds(c[0], c[1])
	}
}

func searchOrder(t *trial) {
	want := ""
	for _, key := range []string{"Patient/z", "Observation/m", "Patient/a", "Basic/k", "Observation/b", "Patient/m2"} {
		t.put(Put(key))
		want += " " + Key(key).ID
	}
	t.put(Put("Patient/q"), Put("Basic/a2"), Put("Observation/x"))
	t.put(Put("Patient/z"), Put("Basic/k"))
	want = want[1:] + " q a2 x"
	t.finds("?_count=4", want)
	t.finds("?_count=100", want)
	t.finds("Patient?_count=1", "z a m2 q")
	t.finds("?_type=Observation,Patient&_count=2", "z m a b m2 q x")
	t.finds("?_type=Patient,Observation&_count=2", "z m a b m2 q x")
}

func searchKeepsPlace(t *trial) {
	t.put(Put("Patient/b", `"active":true`), Put("Patient/a", `"active":true`))
	t.put(Delete("Patient/b"))
	t.put(Put("Patient/c", `"active":true`))
	t.finds("Patient?active=true", "a c")
	t.put(Put("Patient/b", `"active":true`))
	t.finds("Patient?active=true", "b a c")
	t.finds("Patient?active=true&_sort=active", "b a c")
	t.finds("Patient?active=true&_sort=-active", "b a c")
	t.put(Delete("Patient/a"), Put("Patient/d", `"active":true`))
	t.finds("Patient", "b c d")
}

func searchSort(t *trial) {
	for _, p := range []struct{ id, members string }{
		{"none1", ``},
		{"b70", `"name":[{"family":"Berg"}],"birthDate":"1970-05-01"`},
		{"a80", `"name":[{"family":"Ahl"}],"birthDate":"1980"`},
		{"b60", `"name":[{"family":"Berg"}],"birthDate":"1960-02"`},
		{"none2", `"gender":"male"`},
		{"az70", `"name":[{"family":"Zorn"},{"family":"Ahl"}],"birthDate":"1970-05-01"`},
		{"lower", `"name":[{"family":"berg"}]`},
	} {
		if p.members == "" {
			t.put(Put("Patient/" + p.id))
		} else {
			t.put(Put("Patient/"+p.id, p.members))
		}
	}
	for _, count := range []string{"1", "3", "100"} {
		for _, c := range [][2]string{
			{"family", "a80 az70 b70 b60 lower none1 none2"},
			{"-family", "az70 lower b70 b60 a80 none1 none2"},
			{"birthdate", "b60 b70 az70 a80 none1 none2 lower"},
			{"-birthdate", "a80 b70 az70 b60 none1 none2 lower"},
			{"family,-birthdate", "a80 az70 b70 b60 lower none1 none2"},
			{"family,birthdate", "az70 a80 b60 b70 lower none1 none2"},
			{"gender,-family", "none2 az70 lower b70 b60 a80 none1"},
			{"-_id", "none2 none1 lower b70 b60 az70 a80"},
			{"_lastUpdated", "none1 b70 a80 b60 none2 az70 lower"},
			{"-_lastUpdated", "none1 b70 a80 b60 none2 az70 lower"},
		} {
			t.finds("Patient?_count="+count+"&_sort="+c[0], c[1])
		}
	}
	t.clock.Advance(time.Second)
	t.put(Put("Patient/none1"))
	t.finds("Patient?_sort=-_lastUpdated&_count=2", "none1 b70 a80 b60 none2 az70 lower")
	t.finds("Patient?_sort=_lastUpdated&_count=2", "b70 a80 b60 none2 az70 lower none1")
	t.finds("?_sort=-_lastUpdated&_count=2", "none1 b70 a80 b60 none2 az70 lower")
}

func searchFollowsChanges(t *trial) {
	family := func(name string) store.Change { return Put("Patient/a", `"name":[{"family":"`+name+`"}]`) }
	t.put(family("Lind"))
	t.finds("Patient?family=lind", "a")
	t.clock.Advance(24 * time.Hour)
	t.put(family("Strand"))
	t.finds("Patient?family=lind", "")
	t.finds("Patient?family=strand", "a")
	t.finds("Patient?_lastUpdated=2026-03-01", "")
	t.finds("Patient?_lastUpdated=2026-03-02", "a")
	t.put(Put("Patient/a"))
	t.finds("Patient?family=strand", "")
	t.finds("Patient?family:missing=true", "a")
	t.put(Delete("Patient/a"))
	for _, text := range []string{"Patient", "Patient?family=lind", "Patient?family:missing=true", "Patient?_id=a", "?_id=a"} {
		t.finds(text, "")
	}
	t.finds("Patient?gender:not=male", "")
	t.put(family("Lind"))
	t.finds("Patient?family=lind", "a")
	t.put(Delete("Patient/a"))
	t.put(Put("Patient/a"))
	t.finds("Patient?family=lind", "")
}

func searchOnce(t *trial) {
	t.put(Put("Patient/a", `"name":[{"family":"Lind","given":["Lina","Linnea"]},{"family":"Lind"}],"identifier":[{"value":"1"},{"value":"2"},{"value":"1"}]`))
	t.put(Put("Patient/b", `"name":[{"family":"Lindgren"}]`))
	t.finds("Patient?name=lin", "a b")
	t.finds("Patient?identifier=1,2", "a")
	t.finds("Patient?name=lin,li,lind,a", "a b")
	t.finds("Patient?name=lin&_sort=-name&_count=1", "a b")
	query := Query("Patient?name=lin")
	filter := query.Branches[0].Filter
	for _, branches := range [][]search.Branch{
		{{Type: "Patient", Filter: filter}, {Type: "Patient", Filter: filter}},
		{{Type: "Patient", Filter: filter}, {Type: "Observation"}, {Type: "Patient"}},
		{{Type: "Patient", Filter: filter}, {Type: "", Filter: filter}, {Type: "Patient"}, {Type: "Observation", Filter: filter}},
	} {
		query.Branches = branches
		page, err := t.Search(t.ctx, query, nil)
		t.must(err)
		t.equal("the matches of many branches", tags(page.Matches), []string{"Patient/a 1", "Patient/b 1"})
		count, err := t.Count(t.ctx, query)
		t.must(err)
		t.equal("the count", count, int64(2))
	}
}

func searchNothing(t *trial) {
	t.ward()
	query := Query("Patient?gender=female")
	filter := query.Branches[0].Filter
	for i, c := range []struct {
		branches []search.Branch
		want     int
	}{
		{nil, 0},
		{[]search.Branch{{Type: "Patient", Filter: search.Nothing{}}}, 0},
		{[]search.Branch{{Type: "", Filter: search.Nothing{}}}, 0},
		{[]search.Branch{{Type: "Patient", Filter: search.And{filter, search.Nothing{}}}}, 0},
		{[]search.Branch{{Type: "Patient", Filter: search.And{search.Not{Of: search.Nothing{}}, filter}}}, 1},
		{[]search.Branch{{Type: "Patient", Filter: search.Not{Of: search.Nothing{}}}}, 3},
		{[]search.Branch{{Type: "Patient", Filter: search.Or{}}}, 0},
		{[]search.Branch{{Type: "Patient", Filter: search.And{}}}, 3},
		{[]search.Branch{{Type: "Patient", Filter: search.Or{search.Nothing{}, filter}}}, 1},
		{[]search.Branch{{Type: "Patient", Filter: search.Not{Of: search.Not{Of: filter}}}}, 1},
		{[]search.Branch{{Type: "Patient", Filter: search.Not{Of: search.Or{filter, search.Nothing{}}}}}, 2},
		{[]search.Branch{{Type: "", Filter: filter}}, 1},
		{[]search.Branch{{Type: ""}, {Type: "Patient", Filter: search.Nothing{}}}, 8},
		{[]search.Branch{{Type: "Patient"}, {Type: "Basic"}, {Type: "Observation"}}, 5},
	} {
		query.Branches = c.branches
		page, err := t.Search(t.ctx, query, nil)
		t.must(err)
		t.equal(fmt.Sprintf("the matches of query %d", i), len(page.Matches), c.want)
		count, err := t.Count(t.ctx, query)
		t.must(err)
		t.equal(fmt.Sprintf("the count of query %d", i), count, int64(c.want))
		query.CountOnly = true
		page, err = t.Search(t.ctx, query, nil)
		t.must(err)
		page.Explain = nil
		t.equal("the page of the count alone", page, store.Page{Total: int64(c.want), HasTotal: true})
		query.CountOnly = false
	}
}

func searchChains(t *trial) {
	observation := Put("Observation/o", `"status":"final","subject":{"reference":"Patient/a"}`)
	t.put(observation)
	chain, has := "Observation?subject:Patient.gender=male", "Patient?_has:Observation:subject:status=final"
	t.finds(chain, "")
	t.finds("Observation?subject=Patient/a", "o")
	t.put(Put("Patient/a", `"gender":"male"`))
	t.finds(chain, "o")
	t.finds(has, "a")
	t.put(Put("Patient/a", `"gender":"female"`))
	t.finds(chain, "")
	t.put(Put("Patient/a", `"gender":"male"`), Put("Patient/b", `"gender":"male"`))
	t.put(Delete("Patient/a"))
	t.finds(chain, "")
	t.finds(has, "")
	t.put(Put("Patient/a", `"gender":"male"`))
	t.finds(chain, "o")
	t.put(Delete("Observation/o"))
	t.finds(chain, "")
	t.finds(has, "")
	t.put(Put("Observation/o", `"status":"final","subject":{"reference":"Patient/b"}`))
	t.finds(chain, "o")
	t.finds(has, "b")
	t.put(Put("Observation/o", `"status":"amended","subject":{"reference":"Patient/b"}`))
	t.finds(has, "")
	t.put(Put("Patient/self", `"link":[{"type":"seealso","other":{"reference":"Patient/self"}}],"gender":"other"`))
	t.finds("Patient?link:Patient.gender=other", "self")
	t.finds("Patient?_has:Patient:link:gender=other", "self")
}

func searchCounts(t *trial) {
	for i := range 25 {
		t.put(Put(fmt.Sprintf("Patient/p%d", i), fmt.Sprintf(`"active":%v`, i%2 == 0)))
	}
	t.put(Delete("Patient/p0"), Delete("Patient/p1"), Put("Observation/x"))
	t.put(Put("Patient/p2", `"active":false`))
	for text, want := range map[string]int64{"Patient": 23, "Patient?active=true": 11, "Patient?active=false": 12, "?": 24, "Basic": 0} {
		query := Query(text)
		count, err := t.Count(t.ctx, query)
		t.must(err)
		t.equal("the count of "+text, count, want)
		query.Total, query.Count = search.TotalAccurate, 5
		for page, cursor := 0, store.Cursor(nil); ; page++ {
			got, err := t.Search(t.ctx, query, cursor)
			t.must(err)
			t.equal(fmt.Sprintf("the total on page %d of %s", page, text), got.Total, want)
			t.equal("whether there is a total", got.HasTotal, true)
			if cursor = got.Next; cursor == nil {
				break
			}
		}
	}
}

// searchOddValues uses values that index keys cut, escape or join.
func searchOddValues(t *trial) {
	long := strings.Repeat("x", 2000)
	values := []string{"a", "a\x00", "a\x00b", "ab", "\x01", "\U0010ffff", "\ufffd", "a|b", "|", long, long + "y", long + "z", "é", "e\u0301"}
	for i, value := range values {
		quoted := string(resources.Quote(value))
		t.put(Put(fmt.Sprintf("Patient/p%d", i), `"name":[{"family":`+quoted+`}],"identifier":[{"system":`+quoted+`,"value":`+quoted+`}]`),
			Put(fmt.Sprintf("ValueSet/v%d", i), `"status":"draft","url":`+quoted))
	}
	for i, value := range values {
		escaped := queryEscape(value)
		if value != "\x01" { // no text at all to a string search
			t.finds("Patient?family:exact="+escaped, fmt.Sprintf("p%d", i))
		}
		t.finds("Patient?identifier="+escaped+"|"+escaped, fmt.Sprintf("p%d", i))
		t.finds("Patient?identifier="+escaped, fmt.Sprintf("p%d", i))
		t.finds("ValueSet?url="+escaped, fmt.Sprintf("v%d", i))
	}
	t.finds("Patient?family="+queryEscape(long), "p9 p10 p11")
	t.finds("Patient?family:contains="+queryEscape(long[:1990]+long[:10]+"z"), "p11")
	t.finds("Patient?_sort=-family&family=x&_count=1", "p11 p10 p9")
	t.finds("ValueSet?_sort=url&url:below="+queryEscape(long), "v9")
}

func searchManyValues(t *trial) {
	const values = 3000
	identifiers := func(first int) string {
		var b strings.Builder
		for i := range values {
			fmt.Fprintf(&b, `,{"system":"urn:oid:1","value":"n%d"}`, first+i)
		}
		return `"identifier":[` + b.String()[1:] + `]`
	}
	t.put(Put("Patient/a", identifiers(0)), Put("Patient/b", identifiers(values/2)))
	t.finds("Patient?identifier=n0", "a")
	t.finds(fmt.Sprintf("Patient?identifier=urn:oid:1|n%d", values-1), "a b")
	t.finds("Patient?identifier=urn:oid:1|", "a b")
	t.put(Put("Patient/a", identifiers(values)))
	t.finds("Patient?identifier=n0", "")
	t.finds(fmt.Sprintf("Patient?identifier=urn:oid:1|n%d", values), "a b")
	t.finds(fmt.Sprintf("Patient?identifier=urn:oid:1|n%d", values-1), "b")
	t.put(Delete("Patient/a"))
	t.finds("Patient?identifier=urn:oid:1|", "b")
}

func searchPlan(t *trial) {
	t.ward()
	const secret = "Lind"
	query := Query("Patient?family=" + secret + "&identifier=urn:oid:1.2|42&_sort=birthdate")
	page, err := t.Search(t.ctx, query, nil)
	t.must(err)
	if page.Plan != nil {
		t.Fatal("nobody asked for a plan")
	}
	query.Explain = true
	page, err = t.Search(t.ctx, query, nil)
	t.must(err)
	t.equal("the matches", tags(page.Matches), []string{"Patient/ada 1"})
	if page.Plan == nil || len(page.Plan.Steps) == 0 {
		t.Fatal("there is no plan")
	}
	for _, step := range page.Plan.Steps {
		if step.Operation == "" {
			t.Fatal("a step of the plan has no name")
		}
		if told := strings.ToLower(step.Operation + step.Detail); strings.Contains(told, "lind") || strings.Contains(told, "42") {
			t.Fatalf("the plan tells a value: %+v", step)
		}
	}
}

// searchWholeTransactions hands one flag from resource to resource; whoever looks must find it on
// exactly one of them.
func searchWholeTransactions(t *trial) {
	const holders = 5
	flag := func(i int, on bool) store.Change {
		return Put(fmt.Sprintf("Patient/p%d", i%holders), fmt.Sprintf(`"active":%v`, on))
	}
	for i := range holders {
		t.put(flag(i, i == 0))
	}
	t.whileWriting(func(n int) error { return t.try(flag(n, false), flag(n+1, true)) }, func() error {
		page, err := t.Search(t.ctx, Query("Patient?active=true"), nil)
		if err != nil {
			return err
		}
		count, err := t.Count(t.ctx, Query("Patient?active=true"))
		if err != nil {
			return err
		}
		others, err := t.Search(t.ctx, Query("Patient?active=false&_sort=_id"), nil)
		if err != nil {
			return err
		}
		if len(page.Matches) != 1 || count != 1 || len(others.Matches) != holders-1 {
			return fmt.Errorf("the flag is on %d, %d by count, and not on %d of %d", len(page.Matches), count, len(others.Matches), holders)
		}
		if body := string(page.Matches[0].Body); !strings.Contains(body, `"active":true`) {
			return fmt.Errorf("the match does not meet the query: %s", body)
		}
		return nil
	})
}
