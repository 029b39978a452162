package fhir_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// guardian lets each caller reach one patient and what is in that compartment, and organizations. It
// notes what it was asked.
type guardian struct {
	params *search.Parameters
	mutex  sync.Mutex
	asked  []fhir.Action
}

type callerKey struct{}

// as is a context of the caller who may see one patient; "" is one who may do everything.
func as(ctx context.Context, patient string) context.Context {
	return context.WithValue(ctx, callerKey{}, patient)
}

func (g *guardian) Caller(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}

func (g *guardian) Authorize(ctx context.Context, action fhir.Action) error {
	g.mutex.Lock()
	g.asked = append(g.asked, action)
	g.mutex.Unlock()
	if g.Caller(ctx) != "" && action.Type == "Practitioner" {
		return outcome.New(outcome.Forbidden, "Practitioners are not for you.")
	}
	return nil
}

func (g *guardian) Reach(ctx context.Context, action fhir.Action) (fhir.Reach, error) {
	patient := g.Caller(ctx)
	if patient == "" || action.Type == "Organization" || action.Type == "" {
		return fhir.Reach{}, nil
	}
	inside, err := g.params.Compartment("Patient", patient, action.Type)
	if err != nil {
		return fhir.Reach{Predicate: search.Nothing{}}, nil
	}
	return fhir.Reach{Predicate: inside}, nil
}

func (g *guardian) Committed([]store.Key) {}

func (g *guardian) Behalf(context.Context) (fhir.Behalf, error) { return fhir.Behalf{}, nil }

// guarded is a ward behind a guardian.
func guarded(t *testing.T) (h harness, g *guardian, a, b context.Context) {
	g = &guardian{params: fhirtest.Parameters(t)}
	h = with(t, fhir.Options{Authorizer: g})
	ward(h)
	return h, g, as(t.Context(), "a"), as(t.Context(), "b")
}

// What the caller may not see does not exist for that caller, by whatever way it is asked for.
func TestAccess(t *testing.T) {
	patientA, patientB := store.Key{Type: "Patient", ID: "a"}, store.Key{Type: "Patient", ID: "b"}
	t.Run("read", func(t *testing.T) {
		h, _, a, _ := guarded(t)
		if _, err := h.Read(a, patientA); err != nil {
			t.Error(err)
		}
		_, hidden := h.Read(a, patientB)
		_, missing := h.Read(a, store.Key{Type: "Patient", ID: "z"})
		equal(t, "the answer", strings.ReplaceAll(hidden.Error(), "/b", "/z"), missing.Error())
	})
	t.Run("vread judges an old version by its own image", func(t *testing.T) {
		h, _, a, b := guarded(t)
		key := store.Key{Type: "Observation", ID: "o0"}
		h.put(`{"resourceType":"Observation","id":"o0","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/b"}}`)
		for version, may := range map[int64]context.Context{1: a, 2: b} {
			if _, err := h.ReadVersion(may, key, version); err != nil {
				t.Errorf("version %d: %v", version, err)
			}
		}
		_, err := h.ReadVersion(b, key, 1)
		wantRefusal(t, err, outcome.NotFound, outcome.StageDefault)
		_, err = h.Read(a, key)
		wantRefusal(t, err, outcome.NotFound, outcome.StageDefault)
	})
	t.Run("what is deleted is gone only to those who saw it", func(t *testing.T) {
		h, _, a, b := guarded(t)
		h.remove(store.Key{Type: "Observation", ID: "o0"})
		_, err := h.Read(a, store.Key{Type: "Observation", ID: "o0"})
		wantRefusal(t, err, outcome.Deleted, outcome.StageDefault)
		_, err = h.Read(b, store.Key{Type: "Observation", ID: "o0"})
		wantRefusal(t, err, outcome.NotFound, outcome.StageDefault)
	})
	t.Run("search, counts and includes", func(t *testing.T) {
		h, _, a, _ := guarded(t)
		for query, want := range map[string]string{
			"Patient?":                                            "Patient/a",
			"Patient?name=birch":                                  "",
			"Observation?subject=Patient/b":                       "",
			"Observation?subject:Patient.name=birch":              "",
			"Patient?_has:Observation:subject:value-quantity=101": "",
			"Organization?_revinclude=Patient:organization":       "Organization/org, include Patient/a",
			"Patient?_include=Patient:general-practitioner":       "Patient/a",
			"Encounter?_revinclude=Observation:encounter":         "Encounter/e, include Observation/o0, include Observation/o2, include Observation/o4",
			"?_id=a,b,doc,org":                                    "Organization/org, Patient/a",
		} {
			typ, q, _ := strings.Cut(query, "?")
			found, err := h.Search(a, fhir.SearchRequest{Type: typ, Query: q + "&_total=accurate"})
			if err != nil {
				t.Errorf("%s: %v", query, err)
				continue
			}
			equal(t, query, names(found), want)
			if matches := int64(strings.Count(want, "/") - strings.Count(want, "include")); found.Total != matches {
				t.Errorf("%s: the total is %d; want %d", query, found.Total, matches)
			}
		}
		if found, err := h.Search(a, fhir.SearchRequest{Type: "Observation", Query: "_summary=count"}); err != nil || found.Total != 3 {
			t.Errorf("got %v, %v", found, err)
		}
		_, err := h.Search(a, fhir.SearchRequest{Type: "Practitioner"})
		wantRefusal(t, err, outcome.Forbidden, outcome.StageDefault)
	})
	t.Run("a chain through a type that is forbidden is forbidden", func(t *testing.T) {
		h, _, a, _ := guarded(t)
		_, err := h.Search(a, fhir.SearchRequest{Type: "Patient", Query: "general-practitioner:Practitioner.name=healer"})
		wantRefusal(t, err, outcome.Forbidden, outcome.StageDefault)
	})
	t.Run("a paging link is for the caller who got it", func(t *testing.T) {
		h, _, a, b := guarded(t)
		found, err := h.Search(a, fhir.SearchRequest{Type: "Observation", Query: "_count=1"})
		if err != nil {
			t.Fatal(err)
		}
		next := follow(t, found, "next")
		if _, err := h.Search(a, fhir.SearchRequest{Type: "Observation", Query: next}); err != nil {
			t.Error(err)
		}
		_, err = h.Search(b, fhir.SearchRequest{Type: "Observation", Query: next})
		wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax)
	})
	t.Run("history leaves out what is not for the caller, and its number", func(t *testing.T) {
		h, _, a, _ := guarded(t)
		for _, request := range []fhir.HistoryRequest{{}, {Type: "Patient"}} {
			found, err := h.History(a, request)
			if err != nil {
				t.Fatal(err)
			}
			if text := string(found.AppendJSON(nil)); strings.Contains(text, "Birch") || strings.Contains(text, "Healer") || !strings.Contains(text, "Alder") || found.HasTotal {
				t.Errorf("%+v: got %s", request, text)
			}
		}
		_, err := h.History(a, fhir.HistoryRequest{Type: "Patient", ID: "b"})
		wantRefusal(t, err, outcome.NotFound, outcome.StageDefault)
	})
	t.Run("an update is judged by both images", func(t *testing.T) {
		h, _, a, _ := guarded(t)
		for _, text := range []string{
			`{"resourceType":"Observation","id":"o0","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/b"}}`, // away
			`{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"}}`, // to oneself
		} {
			doc := h.doc(text)
			_, err := h.Update(a, fhir.UpdateRequest{Key: store.Key{Type: "Observation", ID: doc.Text(doc.Member(0, "id"))}, Resource: doc})
			if err == nil {
				t.Errorf("%s was written", text)
			}
		}
		doc := h.doc(`{"resourceType":"Observation","id":"o0","status":"amended","code":{"text":"x"},"subject":{"reference":"Patient/a"}}`)
		if _, err := h.Update(a, fhir.UpdateRequest{Key: store.Key{Type: "Observation", ID: "o0"}, Resource: doc}); err != nil {
			t.Error(err)
		}
	})
	t.Run("create, delete and conditional interactions", func(t *testing.T) {
		h, _, a, _ := guarded(t)
		_, err := h.Create(a, fhir.CreateRequest{Type: "Observation", Resource: h.doc(`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/b"}}`)})
		wantRefusal(t, err, outcome.Forbidden, outcome.StageDefault)
		made, err := h.Create(a, fhir.CreateRequest{Type: "Observation", IfNoneExist: "value-quantity=101", Resource: h.doc(`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"}}`)})
		if err != nil || !made.Created {
			t.Errorf("a conditional create found what is hidden: %+v, %v", made, err)
		}
		if d, err := h.Delete(a, fhir.DeleteRequest{Key: store.Key{Type: "Observation", ID: "o1"}}); err != nil || len(d.Tombstones) != 0 {
			t.Errorf("got %+v, %v", d, err)
		}
		if d, err := h.Delete(a, fhir.DeleteRequest{Key: store.Key{Type: "Observation"}, Criteria: "value-quantity=101"}); err != nil || len(d.Tombstones) != 0 {
			t.Errorf("got %+v, %v", d, err)
		}
		h.body(store.Key{Type: "Observation", ID: "o1"})
	})
	t.Run("the refusal of a delete counts what the caller may see", func(t *testing.T) {
		h, _, a, _ := guarded(t)
		_, err := h.Delete(a, fhir.DeleteRequest{Key: store.Key{Type: "Organization", ID: "org"}})
		wantRefusal(t, err, outcome.Conflict, outcome.StageDefault, "1 resource refers")
		_, err = h.Delete(t.Context(), fhir.DeleteRequest{Key: store.Key{Type: "Organization", ID: "org"}})
		wantRefusal(t, err, outcome.Conflict, outcome.StageDefault, "2 resources refer")
	})
	t.Run("every entry of a batch and transaction is asked for by itself", func(t *testing.T) {
		h, g, a, _ := guarded(t)
		text := `,"entry":[{"request":{"method":"GET","url":"Patient/a"}},{"request":{"method":"GET","url":"Patient/b"}}]}`
		found, err := h.Process(a, fhir.BundleRequest{Bundle: h.doc(`{"resourceType":"Bundle","type":"batch"` + text), Status: statusOf})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "statuses", statuses(decode(t, found)), "200 404")
		_, err = h.Process(a, fhir.BundleRequest{Bundle: h.doc(`{"resourceType":"Bundle","type":"transaction"` + text)})
		wantRefusal(t, err, outcome.NotFound, outcome.StageDefault)
		_, err = h.Process(a, fhir.BundleRequest{Bundle: h.doc(`{"resourceType":"Bundle","type":"transaction","entry":[` + observation("", "Patient?family=birch") + `]}`)})
		wantRefusal(t, err, outcome.NotFound, outcome.StagePrecondition)
		if len(g.asked) == 0 {
			t.Error("the guardian was not asked")
		}
	})
	t.Run("operations and validation", func(t *testing.T) {
		h, _, a, _ := guarded(t)
		_, err := h.Operate(a, fhir.OperationRequest{Name: "validate", Type: "Patient", ID: "b"})
		wantRefusal(t, err, outcome.NotFound, outcome.StageDefault)
	})
}
