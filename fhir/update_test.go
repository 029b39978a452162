package fhir_test

import (
	"testing"

	"kiln/fhir"
	"kiln/resources/outcome"
	"kiln/store"
)

// https://hl7.org/fhir/R4/http.html#update
func TestUpdate(t *testing.T) {
	key := store.Key{Type: "Patient", ID: "a"}
	const one, two = `{"resourceType":"Patient","id":"a","active":true}`, `{"resourceType":"Patient","id":"a","active":false}`

	t.Run("what was not there is created under the client's id", func(t *testing.T) {
		h := open(t)
		made := h.put(one)
		equal(t, "created", made.Created, true)
		equal(t, "key", made.Version.Key, key)
	})
	t.Run("what is there gets a new version", func(t *testing.T) {
		h := open(t)
		h.put(one)
		made := h.put(two)
		equal(t, "created", made.Created, false)
		equal(t, "changed", made.Changed, true)
		equal(t, "version", made.Version.VersionID, 2)
	})
	t.Run("content equal to what is stored makes no version", func(t *testing.T) {
		h := open(t)
		h.put(one)
		same := h.put(`{"active":true, "id":"a", "resourceType":"Patient", "meta":{"versionId":"77"}}`)
		equal(t, "changed", same.Changed, false)
		equal(t, "version", same.Version.VersionID, 1)
	})
	t.Run("what is deleted comes back", func(t *testing.T) {
		h := open(t)
		h.put(one)
		h.remove(key)
		made := h.put(one)
		equal(t, "created", made.Created, true)
		equal(t, "version", made.Version.VersionID, 3)
	})
	for name, body := range map[string]string{
		"an id that differs from the address is refused": `{"resourceType":"Patient","id":"b"}`,
		"a missing id is refused":                        `{"resourceType":"Patient"}`,
		"another type than the address is refused":       `{"resourceType":"Group","id":"a"}`,
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			_, err := h.Update(t.Context(), fhir.UpdateRequest{Key: key, Resource: h.doc(body)})
			wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax)
		})
	}
	t.Run("an id that is none is refused", func(t *testing.T) {
		h := open(t)
		_, err := h.Update(t.Context(), fhir.UpdateRequest{Key: store.Key{Type: "Patient", ID: "a_b"}, Resource: h.doc(`{"resourceType":"Patient","id":"a_b"}`)})
		wantRefusal(t, err, outcome.Value, outcome.StageSyntax)
	})

	match := func(versions ...int64) fhir.Match { return fhir.Match{Stated: true, Versions: versions} }
	for name, test := range map[string]struct {
		match, noneMatch fhir.Match
		before           int // versions stored before
		deleted          bool
		refused          bool
	}{
		"If-Match with the current version passes":   {match: match(1), before: 1},
		"If-Match with one of several passes":        {match: match(7, 1), before: 1},
		"If-Match * passes on what is there":         {match: fhir.Match{Stated: true, Any: true}, before: 1},
		"If-Match stale is refused":                  {match: match(2), before: 1, refused: true},
		"If-Match on nothing is refused":             {match: match(1), refused: true},
		"If-Match on a tombstone is refused":         {match: match(2), before: 1, deleted: true, refused: true},
		"If-None-Match * creates":                    {noneMatch: fhir.Match{Stated: true, Any: true}},
		"If-None-Match * refuses what is there":      {noneMatch: fhir.Match{Stated: true, Any: true}, before: 1, refused: true},
		"If-None-Match * passes on what was deleted": {noneMatch: fhir.Match{Stated: true, Any: true}, before: 1, deleted: true},
		"If-None-Match with another version passes":  {noneMatch: match(7), before: 1},
		"If-None-Match with the current one refuses": {noneMatch: match(1), before: 1, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			if test.before > 0 {
				h.put(one)
			}
			if test.deleted {
				h.remove(key)
			}
			_, err := h.Update(t.Context(), fhir.UpdateRequest{Key: key, Resource: h.doc(two), IfMatch: test.match, IfNoneMatch: test.noneMatch})
			if test.refused {
				wantRefusal(t, err, outcome.Conflict, outcome.StagePrecondition, "Patient/a")
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// https://hl7.org/fhir/R4/http.html#cond-update
func TestConditionalUpdate(t *testing.T) {
	const stored = `{"resourceType":"Patient","id":"a","identifier":[{"value":"1"}]}`
	for name, test := range map[string]struct {
		before []string
		body   string
		want   string // key, or a code
		made   bool
	}{
		"no match, no id: creates":                 {nil, `{"resourceType":"Patient","active":true}`, "Patient/id-1", true},
		"no match, id: update as create":           {nil, `{"resourceType":"Patient","id":"b"}`, "Patient/b", true},
		"no match, id of another one: conflict":    {[]string{`{"resourceType":"Patient","id":"b"}`}, `{"resourceType":"Patient","id":"b","active":true}`, "conflict", false},
		"one match, no id: updates it":             {[]string{stored}, `{"resourceType":"Patient","active":true}`, "Patient/a", false},
		"one match, same id: updates it":           {[]string{stored}, `{"resourceType":"Patient","id":"a","active":true}`, "Patient/a", false},
		"one match, other id: refused":             {[]string{stored}, `{"resourceType":"Patient","id":"b","active":true}`, "invalid", false},
		"several matches: refused":                 {[]string{stored, `{"resourceType":"Patient","id":"b","identifier":[{"value":"1"}]}`}, `{"resourceType":"Patient","active":true}`, "multiple-matches", false},
		"one match, equal content: no new version": {[]string{stored}, stored, "Patient/a", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			for _, text := range test.before {
				h.put(text)
			}
			made, err := h.Update(t.Context(), fhir.UpdateRequest{Key: store.Key{Type: "Patient"}, Criteria: "identifier=1", Resource: h.doc(test.body)})
			if err != nil {
				equal(t, "code", string(outcome.As(err).Code()), test.want)
				return
			}
			equal(t, "key", made.Version.String(), test.want)
			equal(t, "created", made.Created, test.made)
			equal(t, "changed", made.Changed, test.body != stored)
		})
	}
	t.Run("without criteria it is refused", func(t *testing.T) {
		h := open(t)
		_, err := h.Update(t.Context(), fhir.UpdateRequest{Key: store.Key{Type: "Patient"}, Resource: h.doc(`{"resourceType":"Patient"}`)})
		wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax)
	})
}
