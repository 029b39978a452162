package fhir_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources/outcome"
	"kiln/store"
)

// ward fills a small ward: two patients, their observations, a practitioner, an organization.
func ward(h harness) {
	for _, text := range []string{
		`{"resourceType":"Organization","id":"org","name":"Sample Clinic"}`,
		`{"resourceType":"Practitioner","id":"doc","name":[{"family":"Healer"}]}`,
		`{"resourceType":"Patient","id":"a","name":[{"family":"Alder","given":["Ada"]}],"birthDate":"1970-01-02","managingOrganization":{"reference":"Organization/org"},"generalPractitioner":[{"reference":"Practitioner/doc"}]}`,
		`{"resourceType":"Patient","id":"b","name":[{"family":"Birch","given":["Bea"]}],"birthDate":"1980-03-04","managingOrganization":{"reference":"Organization/org"}}`,
		`{"resourceType":"Encounter","id":"e","status":"in-progress","class":{"code":"IMP"},"subject":{"reference":"Patient/a"}}`,
	} {
		h.put(text)
	}
	for i := range 5 {
		h.put(fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"subject":{"reference":"Patient/%c"},"encounter":{"reference":"Encounter/e"},"valueQuantity":{"value":%d,"unit":"mmHg"}}`, i, 'a'+rune(i%2), 100+i))
	}
}

// https://hl7.org/fhir/R4/http.html#search
func TestSearch(t *testing.T) {
	h := open(t)
	ward(h)

	t.Run("matches come with full URL and mode", func(t *testing.T) {
		a := decode(t, h.search("Patient", "name=alder"))
		equal(t, "type", a.Type, "searchset")
		equal(t, "entries", len(a.Entry), 1)
		equal(t, "full URL", a.Entry[0].FullURL, fhirtest.BaseURL+"/Patient/a")
		equal(t, "mode", a.Entry[0].Search.Mode, "match")
	})
	t.Run("no match is an empty list, not an error", func(t *testing.T) {
		a := decode(t, h.search("Patient", "name=zzz&_total=accurate"))
		equal(t, "entries", len(a.Entry), 0)
		equal(t, "total", *a.Total, 0)
	})
	t.Run("the self link holds what was applied", func(t *testing.T) {
		b := h.search("Patient", "birthdate=ge1970&name=alder&_count=2&_sort=-birthdate&_total=accurate")
		equal(t, "self", b.Link("self"), fhirtest.BaseURL+"/Patient?birthdate=ge1970&name=alder&_sort=-birthdate&_count=2&_total=accurate")
	})
	t.Run("an unknown parameter is refused with those there are", func(t *testing.T) {
		_, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Patient", Query: "shoe=42&hat=7"})
		if outcome.As(err).Stage != outcome.StageSyntax || len(outcome.As(err).Issues) != 2 || !strings.Contains(err.Error(), "birthdate") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("lenient handling ignores it and says so", func(t *testing.T) {
		b, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Patient", Query: "shoe=42&name=alder", Lenient: true})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "entries", names(b), "Patient/a, outcome")
		equal(t, "self", b.Link("self"), fhirtest.BaseURL+"/Patient?name=alder")
		if text := string(b.Entries[1].Resource); !strings.Contains(text, "shoe") || !strings.Contains(text, `"warning"`) {
			t.Errorf("got %s", text)
		}
	})
	t.Run("of the whole system, by type", func(t *testing.T) {
		equal(t, "entries", names(h.search("", "_type=Organization,Practitioner")), "Organization/org, Practitioner/doc")
		equal(t, "entries", names(h.search("", "_id=a")), "Patient/a")
	})
	t.Run("_summary=count and _count=0 give the total alone", func(t *testing.T) {
		for _, query := range []string{"_summary=count", "_count=0"} {
			b := h.search("Observation", query)
			if len(b.Entries) != 0 || !b.HasTotal || b.Total != 5 {
				t.Errorf("%s: got %+v", query, b)
			}
		}
	})
	t.Run("_total=none leaves the total out", func(t *testing.T) {
		if b := h.search("Observation", "_total=none"); b.HasTotal {
			t.Errorf("the total is %d", b.Total)
		}
	})
	t.Run("_explain tells how it was found", func(t *testing.T) {
		b := h.search("Patient", "name=alder&_explain=true")
		last := b.Entries[len(b.Entries)-1]
		if last.Mode != "outcome" || !strings.Contains(string(last.Resource), "examined") {
			t.Errorf("got %s", last.Resource)
		}
	})
	t.Run("the Bundle is written the same whole and in pieces", func(t *testing.T) {
		b := h.search("Observation", "_include=*")
		var pieces bytes.Buffer
		n, err := b.WriteTo(&pieces)
		if err != nil || n != int64(pieces.Len()) || !bytes.Equal(pieces.Bytes(), b.AppendJSON(nil)) {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}

// https://hl7.org/fhir/R4/http.html#paging
func TestPaging(t *testing.T) {
	fill := func(h harness) {
		for i := range 7 {
			h.put(fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"family":"Sample"}]}`, i))
		}
	}
	t.Run("next leads through all, while others write", func(t *testing.T) {
		h := open(t)
		fill(h)
		b := h.search("Patient", "name=sample&_count=3")
		var all []string
		for page := 0; ; page++ {
			all = append(all, names(b))
			h.put(fmt.Sprintf(`{"resourceType":"Patient","id":"new%d","name":[{"family":"Sample"}]}`, page))
			if b.Link("next") == "" {
				break
			}
			b = h.search("Patient", follow(t, b, "next"))
		}
		equal(t, "pages", strings.Join(all, " | "), "Patient/p0, Patient/p1, Patient/p2 | Patient/p3, Patient/p4, Patient/p5 | Patient/p6")
	})
	t.Run("previous leads back, first to the beginning, self to the same page", func(t *testing.T) {
		h := open(t)
		fill(h)
		first := h.search("Patient", "name=sample&_count=3")
		equal(t, "previous of the first", first.Link("previous"), "")
		second := h.search("Patient", follow(t, first, "next"))
		equal(t, "back", names(h.search("Patient", follow(t, second, "previous"))), names(first))
		equal(t, "first", second.Link("first"), fhirtest.BaseURL+"/Patient?name=sample&_count=3")
		if self := second.Link("self"); !strings.HasPrefix(self, fhirtest.BaseURL+"/Patient?name=sample&_count=3&_page=") {
			t.Errorf("self is %s", self)
		}
		equal(t, "again", names(h.search("Patient", follow(t, second, "self"))), names(second))
	})
	t.Run("a link shows nothing of the search", func(t *testing.T) {
		h := open(t)
		fill(h)
		if next := h.search("Patient", "name=sample&_count=3").Link("next"); strings.Contains(next, "sample") || !strings.HasPrefix(next, fhirtest.BaseURL+"/Patient?_page=") {
			t.Errorf("next is %s", next)
		}
	})
	t.Run("a search too long for a link can be paged too", func(t *testing.T) {
		h := open(t)
		fill(h)
		ids := "_id=p0"
		for i := 1; i < 2000; i++ {
			ids += fmt.Sprintf(",p%d", i)
		}
		b := h.search("Patient", ids+"&_count=5")
		if next := b.Link("next"); len(next) > 1000 {
			t.Errorf("the link has %d bytes", len(next))
		}
		equal(t, "second page", names(h.search("Patient", follow(t, b, "next"))), "Patient/p5, Patient/p6")
	})

	h := open(t)
	fill(h)
	h.put(`{"resourceType":"Group","id":"g","type":"person","actual":true}`)
	next := follow(t, h.search("Patient", "name=sample&_count=3"), "next")
	for name, request := range map[string]fhir.SearchRequest{
		"a changed link":             {Type: "Patient", Query: next[:len(next)-2] + "xx"},
		"a link of another type":     {Type: "Group", Query: next},
		"a link with more criteria":  {Type: "Patient", Query: next + "&gender=male"},
		"text that is no link":       {Type: "Patient", Query: "_page=%2B%2B"},
		"a link cut short":           {Type: "Patient", Query: "_page=AAAA"},
		"a link in a compartment":    {Type: "Patient", Compartment: store.Key{Type: "Patient", ID: "p1"}, Query: next},
		"a link of a search as such": {Query: next},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, err := h.Search(t.Context(), request)
			wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax)
		})
	}
	t.Run("a link of a search does not open a history", func(t *testing.T) {
		_, err := h.History(t.Context(), fhir.HistoryRequest{Type: "Patient", Query: next})
		wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax)
	})
	t.Run("another process on the same store takes the link", func(t *testing.T) {
		engine := newEngine(t, fhirtest.Clock(), fhirtest.Parameters(t))
		one := harness{t, fhirtest.NewService(t, engine, fhir.Options{})}
		two := harness{t, fhirtest.NewService(t, engine, fhir.Options{})}
		fill(one)
		b := one.search("Patient", "_count=3")
		equal(t, "second page", names(two.search("Patient", follow(t, b, "next"))), "Patient/p3, Patient/p4, Patient/p5")
	})
}

// https://hl7.org/fhir/R4/search.html#include
func TestInclude(t *testing.T) {
	h := open(t)
	ward(h)
	for query, want := range map[string]string{
		"Observation?_id=o0&_include=Observation:subject":                                                            "Observation/o0, include Patient/a",
		"Observation?_id=o0&_include=Observation:subject:Group":                                                      "Observation/o0",
		"Observation?_id=o0,o2&_include=Observation:subject":                                                         "Observation/o0, Observation/o2, include Patient/a",
		"Observation?_id=o0&_include=*":                                                                              "Observation/o0, include Patient/a, include Encounter/e",
		"Observation?_id=o0&_include=Observation:*":                                                                  "Observation/o0, include Patient/a, include Encounter/e",
		"Observation?_id=o0&_include=Observation:subject&_include=Patient:organization":                              "Observation/o0, include Patient/a",
		"Observation?_id=o0&_include=Observation:subject&_include:iterate=Patient:organization":                      "Observation/o0, include Patient/a, include Organization/org",
		"Patient?_id=a&_revinclude=Observation:subject":                                                              "Patient/a, include Observation/o0, include Observation/o2, include Observation/o4",
		"Patient?_id=a&_revinclude=Encounter:subject&_revinclude:iterate=Observation:encounter":                      "Patient/a, include Encounter/e, include Observation/o0, include Observation/o1, include Observation/o2, include Observation/o3, include Observation/o4",
		"Organization?_revinclude=*":                                                                                 "Organization/org, include Patient/a, include Patient/b",
		"Practitioner?_revinclude=Patient:general-practitioner&_include:iterate=Patient:organization":                "Practitioner/doc, include Patient/a, include Organization/org",
		"Encounter?_include=Encounter:patient&_revinclude=Observation:encounter&_summary=count":                      "",
		"Patient?_id=a&_include=Patient:organization&_include=Patient:general-practitioner&_revinclude=Patient:link": "Patient/a, include Organization/org, include Practitioner/doc",
	} {
		t.Run(query, func(t *testing.T) {
			typ, q, _ := strings.Cut(query, "?")
			b := h.search(typ, q+"&_total=accurate")
			got, wanted := strings.Split(names(b), ", "), strings.Split(want, ", ")
			for _, list := range [][]string{got, wanted} {
				sortTail(list)
			}
			equal(t, "entries", strings.Join(got, ", "), strings.Join(wanted, ", "))
		})
	}
	t.Run("includes do not count", func(t *testing.T) {
		equal(t, "total", h.search("Observation", "_id=o0&_include=*&_total=accurate").Total, 1)
	})
	t.Run("a page has so many includes and no more, and says so", func(t *testing.T) {
		h := with(t, fhir.Options{Limits: fhir.Limits{Includes: 2}})
		ward(h)
		b := h.search("Patient", "_id=a&_revinclude=Observation:subject")
		equal(t, "entries", len(b.Entries), 4)
		if last := b.Entries[3]; last.Mode != "outcome" || !strings.Contains(string(last.Resource), "incomplete") {
			t.Errorf("got %s", last.Resource)
		}
	})
	t.Run("what is deleted is left out", func(t *testing.T) {
		h := with(t, fhir.Options{Integrity: fhir.IntegrityOff})
		ward(h)
		h.remove(store.Key{Type: "Patient", ID: "a"})
		equal(t, "entries", names(h.search("Observation", "_id=o0&_include=Observation:subject")), "Observation/o0")
	})
	t.Run("canonical references are followed by their URL", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"ValueSet","id":"v","url":"http://x.test/ValueSet/v","version":"1","status":"active"}`)
		h.put(`{"resourceType":"ConceptMap","id":"c","status":"active","sourceCanonical":"http://x.test/ValueSet/v|1"}`)
		equal(t, "entries", names(h.search("ConceptMap", "_include=ConceptMap:source")), "ConceptMap/c, include ValueSet/v")
	})
}

// sortTail orders the includes, whose order is free.
func sortTail(list []string) {
	for i := range list {
		for j := i; j > 0 && strings.HasPrefix(list[j], "include") && strings.HasPrefix(list[j-1], "include") && list[j] < list[j-1]; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

// https://hl7.org/fhir/R4/compartmentdefinition.html
func TestCompartmentSearch(t *testing.T) {
	h := open(t)
	ward(h)
	search := func(typ, query string) *fhir.Bundle {
		b, err := h.Search(t.Context(), fhir.SearchRequest{Compartment: store.Key{Type: "Patient", ID: "a"}, Type: typ, Query: query})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := search("Observation", "value-quantity=gt100&_count=1")
	equal(t, "one type", names(b), "Observation/o2")
	equal(t, "self", b.Link("self"), fhirtest.BaseURL+"/Patient/a/Observation?value-quantity=gt100&_count=1")
	next, err := h.Search(t.Context(), fhir.SearchRequest{Compartment: store.Key{Type: "Patient", ID: "a"}, Type: "Observation", Query: follow(t, b, "next")})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "next page", names(next), "Observation/o4")
	all := search("", "")
	equal(t, "all types", names(all), "Patient/a, Encounter/e, Observation/o0, Observation/o2, Observation/o4")
	equal(t, "self of all types", all.Link("self"), fhirtest.BaseURL+"/Patient/a/*")
}

// https://hl7.org/fhir/R4/search.html#summary
func TestSubset(t *testing.T) {
	const stored = `{"resourceType":"Patient","id":"a","meta":{"tag":[{"code":"x"}]},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Ada</div>"},"active":true,"_active":{"extension":[{"url":"http://x.test","valueCode":"y"}]},"name":[{"family":"Alder"}],"photo":[{"title":"p"}],"contact":[{"name":{"family":"C"}}],"communication":[{"language":{"text":"de"},"preferred":true}],"link":[{"other":{"reference":"Patient/b"},"type":"seealso"}]}`
	members := func(t *testing.T, body []byte) string {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(body, &object); err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, name := range []string{"id", "meta", "text", "active", "_active", "name", "photo", "contact", "communication", "link"} {
			if _, ok := object[name]; ok {
				list = append(list, name)
			}
		}
		if text := string(object["meta"]); !strings.Contains(text, `{"code":"x"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`) {
			t.Errorf("meta is %s", text)
		}
		return strings.Join(list, " ")
	}
	for name, test := range map[string]struct{ summary, elements, want string }{
		"_summary=true has what is marked":                                {"true", "", "id meta active _active name link"},
		"_summary=text has the narrative and what must be there":          {"text", "", "id meta text"},
		"_summary=data has all but the narrative":                         {"data", "", "id meta active _active name photo contact communication link"},
		"_elements has what is named, and modifiers":                      {"", "name", "id meta active _active name link"},
		"_elements may name a primitive, which brings its extensions too": {"", "active", "id meta active _active link"},
	} {
		t.Run(name, func(t *testing.T) {
			subset, err := fhir.ParseSubset(test.summary, test.elements)
			if err != nil {
				t.Fatal(err)
			}
			body, err := subset.Apply([]byte(stored))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "members", members(t, body), test.want)
		})
	}
	for elements, want := range map[string]string{
		"contact.name.family":                                  `"contact":[{"name":{"family":"C"}}],"link"`,
		"contact.gender":                                       `"_active":{"extension":[{"url":"http://x.test","valueCode":"y"}]},"link"`, // nothing is left of contact
		"communication.preferred,name.id":                      `"communication":[{"language":{"text":"de"},"preferred":true}],"link"`,
		"communication.language.text,-communication.preferred": `"communication":[{"language":{"text":"de"}}],"link"`,
		"link.type":                              `"link":[{"other":{"reference":"Patient/b"},"type":"seealso"}]}`,
		"-text,-name,-photo,-link,-contact.name": `"_active":{"extension":[{"url":"http://x.test","valueCode":"y"}]},"communication":[{"language":{"text":"de"},"preferred":true}],"link":[{`,
		"-contact,contact,photo.title":           `"photo":[{"title":"p"}],"link"`,
		"text.status":                            `"text":{"status":"generated","div"`, // which must be there too
		"active.extension,-active.id":            `"active":true,"_active":{"extension":[{"url":"http://x.test","valueCode":"y"}]},"link"`,
		"-meta,-id,-active,photo":                `"active":true`,
	} {
		t.Run("_elements="+elements, func(t *testing.T) {
			subset, err := fhir.ParseSubset("", elements)
			if err != nil {
				t.Fatal(err)
			}
			body, err := subset.Apply([]byte(stored))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(body), want) || !strings.Contains(string(body), "SUBSETTED") || !json.Valid(body) {
				t.Errorf("got %s; want %s", body, want)
			}
		})
	}
	t.Run("the whole is the very bytes", func(t *testing.T) {
		subset, err := fhir.ParseSubset("false", "")
		body, _ := subset.Apply([]byte(stored))
		if err != nil || string(body) != stored {
			t.Errorf("got %s, %v", body, err)
		}
	})
	t.Run("another value of _summary is refused", func(t *testing.T) {
		_, err := fhir.ParseSubset("count", "")
		wantRefusal(t, err, outcome.Value, outcome.StageSyntax)
	})
	t.Run("a search applies it to its matches", func(t *testing.T) {
		h := open(t)
		ward(h)
		b := h.search("Observation", "_id=o1&_elements=subject&_include=Observation:subject")
		if text := string(b.Entries[0].Resource); strings.Contains(text, "valueQuantity") || !strings.Contains(text, "SUBSETTED") || !strings.Contains(text, `"status"`) {
			t.Errorf("the match is %s", text)
		}
		if text := string(b.Entries[1].Resource); strings.Contains(text, "SUBSETTED") {
			t.Errorf("the include is %s", text)
		}
		b = h.search("Observation", "_id=o1&_summary=true&_include=Observation:subject")
		if text := string(b.Entries[1].Resource); !strings.Contains(text, "SUBSETTED") {
			t.Errorf("the include is %s", text)
		}
	})
	t.Run("_summary=text and _include do not go together", func(t *testing.T) {
		h := open(t)
		_, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Patient", Query: "_summary=text&_include=Patient:organization"})
		wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax)
	})
}

// The extensions of a list of primitives stand where their primitives do.
func TestElementsOfPrimitivesKeepTheirPlaces(t *testing.T) {
	subset, err := fhir.ParseSubset("", "name.given.extension")
	if err != nil {
		t.Fatal(err)
	}
	body, err := subset.Apply([]byte(`{"resourceType":"Patient","id":"a","meta":{},"name":[{"given":["A","B"],"_given":[{"id":"x"},{"extension":[{"url":"u","valueCode":"y"}]}],"family":"C"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := `"name":[{"given":["A","B"],"_given":[{"id":"x"},{"extension":[{"url":"u","valueCode":"y"}]}]}]}`; !strings.HasSuffix(string(body), want) {
		t.Errorf("got %s; want …%s", body, want)
	}
}
