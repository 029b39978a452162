package fhir_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources/outcome"
)

// versions lists a history: method, address and version of each entry.
func versions(t testing.TB, b *fhir.Bundle) string {
	t.Helper()
	var list []string
	for _, e := range decode(t, b).Entry {
		list = append(list, fmt.Sprintf("%s %s %s", e.Request.Method, e.Request.URL, strings.Trim(e.Response.ETag, `W/"`)))
	}
	return strings.Join(list, ", ")
}

func (h harness) history(request fhir.HistoryRequest) *fhir.Bundle {
	h.Helper()
	b, err := h.History(h.Context(), request)
	if err != nil {
		h.Fatalf("%+v: %v", request, err)
	}
	return b
}

// follow is the query of a link.
func follow(t testing.TB, b *fhir.Bundle, relation string) string {
	t.Helper()
	_, query, ok := strings.Cut(b.Link(relation), "?")
	if !ok {
		t.Fatalf("there is no link %s in %v", relation, b.Links)
	}
	return query
}

// https://hl7.org/fhir/R4/http.html#history
func TestHistory(t *testing.T) {
	h := open(t)
	key := h.create(`{"resourceType":"Patient"}`) // id-1
	h.put(`{"resourceType":"Group","id":"g","type":"person","actual":true}`)
	h.put(`{"resourceType":"Patient","id":"id-1","active":true}`)
	h.remove(key)
	h.put(`{"resourceType":"Patient","id":"id-1","active":false}`)

	t.Run("of an instance, newest first, with deletes", func(t *testing.T) {
		b := h.history(fhir.HistoryRequest{Type: "Patient", ID: "id-1"})
		equal(t, "versions", versions(t, b), "PUT Patient/id-1 4, DELETE Patient/id-1 3, PUT Patient/id-1 2, POST Patient 1")
		a := decode(t, b)
		equal(t, "type", a.Type, "history")
		equal(t, "total", *a.Total, 4)
		equal(t, "status of the first version", a.Entry[3].Response.Status, "201 Created")
		equal(t, "location", a.Entry[0].Response.Location, fhirtest.BaseURL+"/Patient/id-1/_history/4")
		equal(t, "full URL", a.Entry[0].FullURL, fhirtest.BaseURL+"/Patient/id-1")
		if a.Entry[1].Resource != nil || a.Entry[1].Response.Location != "" {
			t.Errorf("the tombstone has content: %+v", a.Entry[1])
		}
		if len(a.Entry[2].Resource) == 0 || a.Entry[2].Response.LastModified == "" {
			t.Errorf("a version lacks its content: %+v", a.Entry[2])
		}
	})
	t.Run("of a type", func(t *testing.T) {
		b := h.history(fhir.HistoryRequest{Type: "Group"})
		equal(t, "versions", versions(t, b), "PUT Group/g 1")
		equal(t, "status of an update that created", b.Entries[0].Response.Status, "201 Created")
	})
	t.Run("of the system", func(t *testing.T) {
		equal(t, "entries", len(h.history(fhir.HistoryRequest{}).Entries), 5)
	})
	t.Run("of what never was is not found", func(t *testing.T) {
		_, err := h.History(t.Context(), fhir.HistoryRequest{Type: "Patient", ID: "x"})
		wantRefusal(t, err, outcome.NotFound, outcome.StageDefault, "Patient/x")
	})
	t.Run("by pages that stay as they were", func(t *testing.T) {
		h := open(t)
		for i := range 5 {
			h.put(fmt.Sprintf(`{"resourceType":"Basic","id":"b","code":{"text":"%d"}}`, i))
		}
		b := h.history(fhir.HistoryRequest{Type: "Basic", ID: "b", Query: "_count=2", Presentation: "_format=xml"})
		equal(t, "first page", versions(t, b), "PUT Basic/b 5, PUT Basic/b 4")
		equal(t, "self", b.Link("self"), fhirtest.BaseURL+"/Basic/b/_history?_count=2&_format=xml")
		h.put(`{"resourceType":"Basic","id":"b","code":{"text":"new"}}`)
		b = h.history(fhir.HistoryRequest{Type: "Basic", ID: "b", Query: strings.TrimSuffix(follow(t, b, "next"), "&_format=xml")})
		equal(t, "second page", versions(t, b), "PUT Basic/b 3, PUT Basic/b 2")
		b = h.history(fhir.HistoryRequest{Type: "Basic", ID: "b", Query: follow(t, b, "next")})
		equal(t, "third page", versions(t, b), "PUT Basic/b 1")
		equal(t, "next of the last", b.Link("next"), "")
		b = h.history(fhir.HistoryRequest{Type: "Basic", ID: "b", Query: follow(t, b, "previous")})
		equal(t, "back", versions(t, b), "PUT Basic/b 3, PUT Basic/b 2")
	})
	t.Run("_count=0 asks for the total", func(t *testing.T) {
		b := h.history(fhir.HistoryRequest{Type: "Patient", Query: "_count=0"})
		if !b.HasTotal || b.Total != 4 || len(b.Entries) != 0 {
			t.Errorf("got %+v", b)
		}
	})
	t.Run("_since and _at bound the time", func(t *testing.T) {
		now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		h := with(t, fhir.Options{Now: func() time.Time { return now }})
		for i := range 3 {
			now = time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC)
			h.put(fmt.Sprintf(`{"resourceType":"Basic","id":"b","code":{"text":"%d"}}`, i))
		}
		for query, want := range map[string]string{
			"_since=2024-01-02T00:00:00Z":          "PUT Basic/b 3, PUT Basic/b 2",
			"_since=2024-01-02T02:00:00%2B01:00":   "PUT Basic/b 3",
			"_since=2024-01-02T02:00:00+03:00":     "PUT Basic/b 3, PUT Basic/b 2",
			"_at=2024-01-02T12:00:00Z":             "PUT Basic/b 2",
			"_at=2024-01-02":                       "PUT Basic/b 2",
			"_at=2023-12":                          "",
			"_at=2024":                             "PUT Basic/b 3, PUT Basic/b 2, PUT Basic/b 1",
			"_since=2024-01-02T00:00:00Z&_count=1": "PUT Basic/b 3",
		} {
			equal(t, query, versions(t, h.history(fhir.HistoryRequest{Type: "Basic", ID: "b", Query: query})), want)
		}
	})
	for query, code := range map[string]outcome.Code{
		"_since=yesterday": outcome.Value, "_count=-1": outcome.Value, "_count=many": outcome.Value, "name=x": outcome.NotSupported,
		"_count=1&_count=2": outcome.Invalid, "_page=x": outcome.Invalid, "_since=%zz": outcome.Structure,
	} {
		t.Run(query+" is refused", func(t *testing.T) {
			_, err := h.History(t.Context(), fhir.HistoryRequest{Type: "Patient", Query: query})
			wantRefusal(t, err, code, outcome.StageSyntax)
		})
	}
	t.Run("lenient handling names what it ignored", func(t *testing.T) {
		b := h.history(fhir.HistoryRequest{Type: "Group", Query: "name=x&_count=5", Lenient: true})
		equal(t, "self", b.Link("self"), fhirtest.BaseURL+"/Group/_history?_count=5")
		if text := string(b.Entries[1].Resource); !strings.Contains(text, `"warning"`) || !strings.Contains(text, "name") {
			t.Errorf("got %s", text)
		}
	})
}
