package storetest

import (
	"fmt"
	"strings"
	"time"

	"kiln/search"
	"kiln/store"
)

var containeds = []promise{
	{"contained resources are found each on its own, on pages forwards and backwards", containedPages},
	{"later pages show contained resources as of the first", containedAsOf},
	{"what is no longer contained is not found", containedChange},
}

// bearer is an Observation with up to three Patients inside, the first of whom is its subject, if it has
// one; each edition differs in what is found and sorted by.
func bearer(i, edition int) store.Change {
	var people []string
	for n := range (i + edition) % 4 {
		people = append(people, fmt.Sprintf(`{"resourceType":"Patient","id":"c%d","active":%v,"name":[{"family":"Family %c"}],"birthDate":"19%02d-01-01","link":[{"other":{"reference":"Patient/p%02d"}}]}`,
			n, (n+edition)%3 != 0, 'a'+(i+n+edition)%3, (i*7+n*11+edition)%90+10, (i+n)%12))
	}
	members := []string{`"status":"` + []string{"final", "amended"}[(i+edition)%2] + `"`}
	if len(people) > 0 {
		members = append(members, `"contained":[`+strings.Join(people, ",")+`]`, `"subject":{"reference":"#c0"}`)
	}
	return Put(fmt.Sprintf("Observation/o%d", i), members...)
}

var bearerQueries = []string{
	"Patient?_contained=true", "Patient?_contained=true&_containedType=contained", "Patient?_contained=both&_containedType=contained&_sort=family,-birthdate",
	"Patient?active=true&family=family%20a&_contained=true", "Patient?active=true&family=family%20a&_contained=both&_containedType=contained",
	"Patient?active:not=true&_contained=true&_containedType=contained&_sort=-birthdate", "Patient?birthdate=ge1950&birthdate=lt1970&_contained=both&_sort=birthdate",
	"Patient?_contained=both&_sort=-family", "Patient?_id=c1,p03&_contained=both&_containedType=contained", "?_id=c0&_contained=true",
	"Patient?link:Patient.active=true&_contained=true&_containedType=contained", "Patient?link:missing=true&_contained=both",
	"Observation?subject:Patient.active=true&status=final", "Observation?subject:Patient.family=family%20b&_sort=-_id", "Observation?subject:Patient.active:not=true",
	"Patient?family=family%20z&_contained=true", "Patient?_has:Observation:subject:status=final&_contained=both&_containedType=contained",
}

// bearers puts so many of them among as many patients.
func (t *trial) bearers(n int) {
	t.Helper()
	var changes []store.Change
	for i := range n {
		changes = append(changes, person(i, 0), bearer(i, i))
	}
	t.put(changes...)
}

func containedPages(t *trial) {
	t.bearers(23)
	counts := []int{1, 2, 5, 23}
	if t.slow {
		counts = counts[2:]
	}
	for _, text := range bearerQueries {
		for _, count := range counts {
			t.bothWays(text, count)
		}
	}
	page, err := t.Search(t.ctx, Query("Patient?active=true&family=family%20b&_contained=true&_containedType=contained&_count=3"), nil)
	t.must(err)
	t.equal("the matches, with their places", bare(placed(page)), []string{"Observation/o3#1", "Observation/o5#0", "Observation/o9#1"})
}

// containedAsOf changes everything between two pages, so that other resources are inside, or the same at
// other places.
func containedAsOf(t *trial) {
	t.bearers(12)
	for n, text := range bearerQueries {
		query := Query(text)
		query.Count, query.Total = 1000, search.TotalAccurate
		whole, err := t.Search(t.ctx, query, nil)
		t.must(err)
		if query.Count = 2; t.slow {
			query.Count = 5
		}
		page, err := t.Search(t.ctx, query, nil)
		t.must(err)
		got := placed(page)
		for edition, cursor := n, page.Next; cursor != nil; edition++ {
			t.clock.Advance(time.Second)
			t.put(bearer((edition*3)%12, edition+n), bearer((edition*3+1)%12, edition+n+1), person(edition%12, edition), bearer(12+n*12+edition, edition))
			page, err = t.Search(t.ctx, query, cursor)
			t.must(err)
			t.equal(text+": the total", page.Total, whole.Total)
			got, cursor = append(got, placed(page)...), page.Next
		}
		t.equal(text+": the matches as of the first page", bare(got), bare(placed(whole)))
		t.equal(text+": the versions as of the first page", got, placed(whole))
	}
}

func containedChange(t *trial) {
	const text = "Patient?family=family%20a&_contained=true"
	inside := func(family string) store.Change {
		return Put("Observation/o", `"status":"final","contained":[{"resourceType":"Patient","id":"c","name":[{"family":"`+family+`"}]}],"subject":{"reference":"#c"}`)
	}
	t.put(inside("Family a"))
	t.equal("found", t.find(t, text), []string{"Observation/o 1"})
	t.equal("found by a chain", t.find(t, "Observation?subject:Patient.family=family%20a"), []string{"Observation/o 1"})
	t.put(inside("Family b"))
	t.equal("found no more", t.find(t, text), []string{})
	t.equal("nor by a chain", t.find(t, "Observation?subject:Patient.family=family%20a"), []string{})
	t.put(inside("Family a"))
	t.put(Delete("Observation/o"))
	t.equal("nor deleted", t.find(t, text), []string{})
}

// placed are the matches of a page; those of contained resources have ids of their own, with the place
// in the container after "#".
func placed(page store.Page) []store.Version {
	if page.Contained == nil {
		return page.Matches
	}
	list := make([]store.Version, len(page.Matches))
	for i, v := range page.Matches {
		if at := page.Contained[i]; at != search.Whole {
			v.ID = fmt.Sprintf("%s#%d", v.ID, at)
		}
		list[i] = v
	}
	return list
}

// containerKey is the key of the container of such a match, or of the match.
func containerKey(k store.Key) store.Key {
	k.ID, _, _ = strings.Cut(k.ID, "#")
	return k
}
