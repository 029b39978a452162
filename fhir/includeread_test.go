package fhir_test

import (
	"fmt"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/store"
)

// What is read at once is shown as it would be one by one: in the order of the references, each once, without
// what is deleted, was never there, or is not for the caller.
func TestIncludesThatAreReadAtOnce(t *testing.T) {
	t.Run("order", func(t *testing.T) {
		h := with(t, fhir.Options{Integrity: fhir.IntegrityOff})
		for i := range 6 {
			h.put(fmt.Sprintf(`{"resourceType":"Patient","id":"p%d"}`, i))
		}
		h.put(`{"resourceType":"Patient","id":"p1","active":true}`)
		h.remove(store.Key{Type: "Patient", ID: "p4"})
		h.put(`{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[` + strings.Join([]string{
			`{"entity":{"reference":"Patient/p5"}}`, `{"entity":{"reference":"Patient/p1"}}`, `{"entity":{"reference":"Patient/p4"}}`,
			`{"entity":{"reference":"Patient/never"}}`, `{"entity":{"reference":"Patient/p5"}}`, `{"entity":{"reference":"Patient/p1/_history/1"}}`,
			`{"entity":{"reference":"Patient/p0"}}`, `{"entity":{"reference":"Group/g"}}`,
		}, ",") + `]}`)
		b := h.search("Group", "_include=Group:member")
		equal(t, "entries", names(b), "Group/g, include Patient/p5, include Patient/p1, include Patient/p1, include Patient/p0")
		if current, old := string(b.Entries[2].Resource), string(b.Entries[3].Resource); !strings.Contains(current, "active") || strings.Contains(old, "active") {
			t.Errorf("the current version is %s, the first %s", current, old)
		}
	})
	t.Run("more references than are gathered at a time", func(t *testing.T) {
		h := with(t, fhir.Options{Integrity: fhir.IntegrityOff})
		var want []string
		for group := range 3 {
			var members []string
			for i := range 200 {
				id := fmt.Sprintf("p%d", group*150+i)
				members = append(members, `{"entity":{"reference":"Patient/`+id+`"}}`)
				if i%50 == 0 {
					h.put(`{"resourceType":"Patient","id":"` + id + `"}`)
					if entry := "include Patient/" + id; !strings.Contains(strings.Join(want, ",")+",", entry+",") {
						want = append(want, entry)
					}
				}
			}
			h.put(fmt.Sprintf(`{"resourceType":"Group","id":"g%d","type":"person","actual":true,"member":[%s]}`, group, strings.Join(members, ",")))
		}
		equal(t, "entries", names(h.search("Group", "_include=Group:member")), "Group/g0, Group/g1, Group/g2, "+strings.Join(want, ", "))
	})
	t.Run("rights", func(t *testing.T) {
		h, _, a, _ := guarded(t)
		h.put(`{"resourceType":"Observation","id":"o9","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},` +
			`"performer":[{"reference":"Patient/b"},{"reference":"Practitioner/doc"},{"reference":"Organization/org"},{"reference":"Patient/a"}]}`)
		found, err := h.Search(a, fhir.SearchRequest{Type: "Observation", Query: "_id=o9&_include=Observation:performer"})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "entries", names(found), "Observation/o9, include Organization/org, include Patient/a")
	})
}
