package fhir_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// doubter lets everything through and then holds back what has "doubt" in it, as a second look would on a fault of the first.
type doubter struct{ hiding }

var errDoubt = errors.New("there is doubt")

func (doubter) Reach(context.Context, fhir.Action) (fhir.Reach, error) {
	return fhir.Reach{
		Verify: func(_ context.Context, v store.Version) error {
			if strings.Contains(string(v.Body), "doubt") {
				return errDoubt
			}
			return nil
		},
		MayWrite: func(_ context.Context, _ store.Key, before, after resources.Element) error {
			if strings.Contains(string(after.Document().Source()), "refuse") {
				return outcome.New(outcome.Forbidden, "No.")
			}
			if !before.IsZero() && before.First("id").Text() != after.First("id").Text() {
				return errors.New("the images are of two resources")
			}
			return nil
		},
	}, nil
}

// Every resource is looked at again before it leaves, by whatever way; a doubt is a fault of the server and tells nothing.
func TestASecondLookIsTakenAtAllThatLeaves(t *testing.T) {
	h := with(t, fhir.Options{Authorizer: doubter{}})
	h.put(`{"resourceType":"Patient","id":"p"}`)
	h.put(`{"resourceType":"Observation","id":"sure","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"hasMember":[{"reference":"Observation/o"}]}`)
	h.put(`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"doubt"},"subject":{"reference":"Patient/p"},"identifier":[{"value":"1"}]}`)
	key := store.Key{Type: "Observation", ID: "o"}
	doc := h.doc(`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"y"},"subject":{"reference":"Patient/p"}}`)
	process := func(kind, method, url string) func() error {
		return func() error {
			_, err := h.Process(t.Context(), fhir.BundleRequest{Bundle: h.doc(`{"resourceType":"Bundle","type":"` + kind + `","entry":[{"request":{"method":"` + method + `","url":"` + url + `"}}]}`)})
			return err
		}
	}
	search := func(typ, query string) func() error {
		return func() error {
			_, err := h.Search(t.Context(), fhir.SearchRequest{Type: typ, Query: query})
			return err
		}
	}
	for name, try := range map[string]func() error{
		"read":  func() error { _, err := h.Read(t.Context(), key); return err },
		"vread": func() error { _, err := h.ReadVersion(t.Context(), key, 1); return err },
		"instance history": func() error {
			_, err := h.History(t.Context(), fhir.HistoryRequest{Type: "Observation", ID: "o"})
			return err
		},
		"type history":     func() error { _, err := h.History(t.Context(), fhir.HistoryRequest{Type: "Observation"}); return err },
		"system history":   func() error { _, err := h.History(t.Context(), fhir.HistoryRequest{}); return err },
		"search":           search("Observation", "_id=o"),
		"system search":    search("", "_id=o"),
		"include":          search("Observation", "_id=sure&_include=Observation:has-member"),
		"reverse include":  search("Patient", "_revinclude=Observation:subject"),
		"transaction":      process("transaction", "GET", "Observation/o"),
		"search inside it": process("transaction", "GET", "Observation?_id=o"),
		"validate": func() error {
			_, err := h.Operate(t.Context(), fhir.OperationRequest{Name: "validate", Type: "Observation", ID: "o"})
			return err
		},
		"update": func() error { _, err := h.Update(t.Context(), fhir.UpdateRequest{Key: key, Resource: doc}); return err },
		"conditional create that finds": func() error {
			_, err := h.Create(t.Context(), fhir.CreateRequest{Type: "Observation", Resource: doc, IfNoneExist: "identifier=1"})
			return err
		},
		"conditional update": func() error {
			_, err := h.Update(t.Context(), fhir.UpdateRequest{Key: store.Key{Type: "Observation"}, Criteria: "identifier=1", Resource: doc})
			return err
		},
		"delete": func() error { _, err := h.Delete(t.Context(), fhir.DeleteRequest{Key: key}); return err },
	} {
		if err := try(); !errors.Is(err, errDoubt) || outcome.As(err).Code() != outcome.Exception || strings.Contains(outcome.As(err).Error(), "doubt") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, query := range []string{"_id=sure", "_id=o&_summary=count"} {
		if err := search("Observation", query)(); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// What a write would make of a resource is judged by its content too, in transactions as well.
func TestWhatAWriteMakesIsJudged(t *testing.T) {
	h := with(t, fhir.Options{Authorizer: doubter{}})
	h.put(`{"resourceType":"Basic","id":"b","code":{"text":"x"}}`)
	doc := h.doc(`{"resourceType":"Basic","id":"b","code":{"text":"refuse"}}`)
	_, err := h.Update(t.Context(), fhir.UpdateRequest{Key: store.Key{Type: "Basic", ID: "b"}, Resource: doc})
	wantRefusal(t, err, outcome.Forbidden, outcome.StageDefault)
	_, err = h.Create(t.Context(), fhir.CreateRequest{Type: "Basic", Resource: doc})
	wantRefusal(t, err, outcome.Forbidden, outcome.StageDefault)
	_, err = h.Process(t.Context(), fhir.BundleRequest{Bundle: h.doc(`{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Basic","code":{"text":"refuse"}},"request":{"method":"POST","url":"Basic"}}]}`)})
	wantRefusal(t, err, outcome.Forbidden, outcome.StageDefault)
	h.put(`{"resourceType":"Basic","id":"b","code":{"text":"y"}}`)
}
