package storetest

import (
	"fmt"
	"slices"
	"time"

	"kiln/search"
	"kiln/store"
)

// linked are patients of two organizations and what is seen of them: o0 to o7 refer to p0 to p7, o8 to no
// one, o9 to a patient who is not there, and o10 to p1. Performers are p4 of o9, p0, p3 and p7 of o10, p6 of o11.
func linked(edition int) []store.Change {
	var changes []store.Change
	for i, name := range []string{"north", "South"} {
		changes = append(changes, Put(fmt.Sprintf("Organization/g%d", (i+edition)%2), fmt.Sprintf(`"name":%q`, name)))
	}
	for i := range 8 {
		name := ""
		if (i+edition)%4 != 3 {
			name = fmt.Sprintf(`,"name":[{"family":"m%d"},{"family":"%c"}]`, (i+edition)%2, 'a'+(i*5+edition*3)%8)
		}
		changes = append(changes,
			Put(fmt.Sprintf("Patient/p%d", i), fmt.Sprintf(`"birthDate":"19%02d","managingOrganization":{"reference":"Organization/g%d"}`, 50+(i*3+edition)%8, i/4)+name),
			Put(fmt.Sprintf("Observation/o%d", i), `"status":"final"`, fmt.Sprintf(`"subject":{"reference":"Patient/p%d"}`, (i+edition)%8)))
	}
	return append(changes, Put("Observation/o8", `"status":"final"`),
		Put("Observation/o9", `"status":"final","subject":{"reference":"Patient/p99"},"performer":[{"reference":"Patient/p4"}]`),
		Put("Observation/o10", `"status":"amended","subject":{"reference":"Patient/p1"},"performer":[{"reference":"Patient/p0"},{"reference":"Patient/p3"},{"reference":"Patient/p7"}]`),
		Put("Observation/o11", `"status":"amended","performer":[{"reference":"Patient/p6"}]`))
}

// searchSortLinks sorts by what references lead to.
func searchSortLinks(t *trial) {
	t.put(linked(0)...)
	for _, c := range []struct{ text, want string }{
		{"Observation?_sort=subject:Patient.family", "o0 o5 o2 o4 o1 o10 o6 o3 o7 o8 o9 o11"},
		{"Observation?_sort=-patient.family", "o1 o5 o10 o0 o2 o4 o6 o3 o7 o8 o9 o11"},
		{"Observation?_sort=patient.organization.name,-subject:Patient.birthdate", "o2 o1 o10 o3 o0 o5 o7 o4 o6 o8 o9 o11"},
		{"Observation?_sort=status,-patient._id", "o10 o11 o7 o6 o5 o4 o3 o2 o1 o0 o8 o9"},
		{"Observation?_sort=performer:Patient.birthdate,-_id&status=amended,final", "o10 o11 o9 o8 o7 o6 o5 o4 o3 o2 o1 o0"},
		{"Observation?_sort=-performer:Patient.birthdate&status=amended", "o10 o11"},
	} {
		page, err := t.Search(t.ctx, Query(c.text), nil)
		t.must(err)
		got := ""
		for i, m := range page.Matches {
			if i > 0 {
				got += " "
			}
			got += m.ID
		}
		t.equal(c.text, got, c.want)
	}
}

var linkQueries = []string{
	"Observation?_sort=subject:Patient.family", "Observation?_sort=-patient.family", "Observation?_sort=patient.organization.name,-subject:Patient.birthdate",
	"Observation?status=final&_sort=-subject:Patient.organization.name,-_id", "Observation?_sort=performer:Patient.birthdate,-patient.birthdate",
}

// pagesSortLinksAsOf changes what matches refer to, and to whom, between the pages; or one of both alone, while a patient comes to be whom one of them names.
func pagesSortLinksAsOf(t *trial) {
	t.pagesWhile(0, func(int) []store.Change {
		return []store.Change{
			Put("Patient/p99", `"name":[{"family":"zz"}],"birthDate":"1999"`), Put("Observation/o4", `"status":"final"`),
			Put("Observation/o3", `"status":"final","subject":{"reference":"Patient/p99"}`),
		}
	})
	t.pagesWhile(1, func(edition int) []store.Change {
		return slices.DeleteFunc(linked(edition), func(c store.Change) bool { return c.Key.Type != "Patient" })
	})
	t.pagesWhile(2, linked)
}

// pagesWhile reads pages of linkQueries with changes between them. Slow engines do a third of them with each of the
// three changes.
func (t *trial) pagesWhile(nth int, changes func(edition int) []store.Change) {
	t.Helper()
	for i, text := range linkQueries {
		if t.slow && i%3 != nth {
			continue
		}
		t.put(linked(0)...)
		t.bothWays(text, 3)
		query := Query(text)
		query.Count, query.Total = 1000, search.TotalAccurate
		whole, err := t.Search(t.ctx, query, nil)
		t.must(err)
		query.Count = 2
		page, err := t.Search(t.ctx, query, nil)
		t.must(err)
		got := slices.Clone(page.Matches)
		for edition := 1; page.Next != nil; edition++ {
			t.clock.Advance(time.Second)
			t.put(changes(edition)...)
			page, err = t.Search(t.ctx, query, page.Next)
			t.must(err)
			got = append(got, page.Matches...)
		}
		t.equal(text, tags(got), tags(whole.Matches))
		for end := (len(got) - 1) / 2 * 2; page.Prev != nil; end -= 2 {
			page, err = t.Search(t.ctx, query, page.Prev)
			t.must(err)
			t.equal(text+": a page backwards", page.Matches, whole.Matches[end-2:end])
		}
	}
}
