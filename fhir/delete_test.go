package fhir_test

import (
	"fmt"
	"testing"

	"kiln/fhir"
	"kiln/resources/outcome"
	"kiln/store"
)

// https://hl7.org/fhir/R4/http.html#delete
func TestDelete(t *testing.T) {
	key := store.Key{Type: "Patient", ID: "a"}
	const patient = `{"resourceType":"Patient","id":"a"}`

	t.Run("leaves a tombstone", func(t *testing.T) {
		h := open(t)
		h.put(patient)
		d, err := h.Delete(t.Context(), fhir.DeleteRequest{Key: key})
		if err != nil || len(d.Tombstones) != 1 || d.Tombstones[0].VersionID != 2 || !d.Tombstones[0].Deleted() {
			t.Errorf("got %+v, %v", d, err)
		}
	})
	t.Run("of what is deleted already does nothing", func(t *testing.T) {
		h := open(t)
		h.put(patient)
		h.remove(key)
		d, err := h.Delete(t.Context(), fhir.DeleteRequest{Key: key})
		if err != nil || len(d.Tombstones) != 0 {
			t.Errorf("got %+v, %v", d, err)
		}
	})
	t.Run("of what never was does nothing", func(t *testing.T) {
		h := open(t)
		d, err := h.Delete(t.Context(), fhir.DeleteRequest{Key: key})
		if err != nil || len(d.Tombstones) != 0 {
			t.Errorf("got %+v, %v", d, err)
		}
	})
	t.Run("honours If-Match", func(t *testing.T) {
		h := open(t)
		h.put(patient)
		_, err := h.Delete(t.Context(), fhir.DeleteRequest{Key: key, IfMatch: fhir.Match{Stated: true, Versions: []int64{2}}})
		wantRefusal(t, err, outcome.Conflict, outcome.StagePrecondition)
		if _, err := h.Delete(t.Context(), fhir.DeleteRequest{Key: key, IfMatch: fhir.Match{Stated: true, Versions: []int64{1}}}); err != nil {
			t.Error(err)
		}
	})
}

// https://hl7.org/fhir/R4/http.html#3.1.0.7.1
func TestConditionalDelete(t *testing.T) {
	fill := func(h harness) {
		for i := range 5 {
			h.put(fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","identifier":[{"value":"%d"}],"active":true}`, i, i))
		}
	}
	remove := func(h harness, criteria string) (fhir.Deletion, error) {
		return h.Delete(h.Context(), fhir.DeleteRequest{Key: store.Key{Type: "Patient"}, Criteria: criteria})
	}
	t.Run("one match is deleted", func(t *testing.T) {
		h := open(t)
		fill(h)
		d, err := remove(h, "identifier=3")
		if err != nil || len(d.Tombstones) != 1 || d.Tombstones[0].ID != "p3" {
			t.Errorf("got %+v, %v", d, err)
		}
		equal(t, "left", h.count("Patient", ""), 4)
	})
	t.Run("no match does nothing", func(t *testing.T) {
		h := open(t)
		fill(h)
		d, err := remove(h, "identifier=7")
		if err != nil || len(d.Tombstones) != 0 {
			t.Errorf("got %+v, %v", d, err)
		}
	})
	t.Run("several matches are refused", func(t *testing.T) {
		h := open(t)
		fill(h)
		_, err := remove(h, "active=true")
		wantRefusal(t, err, outcome.MultipleMatches, outcome.StagePrecondition)
		equal(t, "left", h.count("Patient", ""), 5)
	})
	t.Run("unless _count lets so many be deleted", func(t *testing.T) {
		h := open(t)
		fill(h)
		d, err := remove(h, "active=true&_count=3")
		if err != nil || len(d.Tombstones) != 3 || len(d.Issues) != 1 {
			t.Errorf("got %+v, %v", d, err)
		}
		d, err = remove(h, "active=true&_count=3")
		if err != nil || len(d.Tombstones) != 2 || len(d.Issues) != 0 {
			t.Errorf("got %+v, %v", d, err)
		}
		equal(t, "left", h.count("Patient", ""), 0)
	})
	t.Run("_count beyond the limit is refused", func(t *testing.T) {
		h := open(t)
		_, err := remove(h, "active=true&_count=1001")
		wantRefusal(t, err, outcome.Value, outcome.StageSyntax, "1000")
	})
	t.Run("no criteria delete nothing", func(t *testing.T) {
		h := open(t)
		fill(h)
		_, err := remove(h, "_count=5")
		wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax)
		equal(t, "left", h.count("Patient", ""), 5)
	})
}

// https://hl7.org/fhir/R4/http.html#referential-integrity
func TestReferentialIntegrity(t *testing.T) {
	patient := store.Key{Type: "Patient", ID: "a"}
	fill := func(h harness) {
		h.put(`{"resourceType":"Patient","id":"a","link":[{"other":{"reference":"Patient/a"},"type":"seealso"}]}`)
		for i := range 2 {
			h.put(fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"}}`, i))
		}
	}
	t.Run("what is referred to cannot be deleted", func(t *testing.T) {
		h := open(t)
		fill(h)
		_, err := h.Delete(t.Context(), fhir.DeleteRequest{Key: patient})
		wantRefusal(t, err, outcome.Conflict, outcome.StageDefault, "Patient/a", "2 resources refer")
		h.remove(store.Key{Type: "Observation", ID: "o0"})
		_, err = h.Delete(t.Context(), fhir.DeleteRequest{Key: patient})
		wantRefusal(t, err, outcome.Conflict, outcome.StageDefault, "1 resource refers")
	})
	t.Run("what only tells of it does not hold it", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Patient","id":"a"}`)
		h.put(`{"resourceType":"Provenance","id":"p","target":[{"reference":"Patient/a"}],"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}]}`)
		h.put(`{"resourceType":"AuditEvent","id":"e","type":{"code":"rest"},"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Patient/a"},"requestor":true}],"source":{"observer":{"display":"x"}},"entity":[{"what":{"reference":"Patient/a"}}]}`)
		h.put(`{"resourceType":"Provenance","id":"q","target":[{"reference":"Group/g"}],"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Patient/a"}}]}`)
		_, err := h.Delete(t.Context(), fhir.DeleteRequest{Key: patient})
		wantRefusal(t, err, outcome.Conflict, outcome.StageDefault, "1 resource refers") // as an agent, not as a target
		h.remove(store.Key{Type: "Provenance", ID: "q"})
		h.remove(patient)
	})
	t.Run("a reference to itself does not hold a resource", func(t *testing.T) {
		h := open(t)
		fill(h)
		h.remove(store.Key{Type: "Observation", ID: "o0"})
		h.remove(store.Key{Type: "Observation", ID: "o1"})
		h.remove(patient)
	})
	t.Run("off: it can", func(t *testing.T) {
		h := with(t, fhir.Options{Integrity: fhir.IntegrityOff})
		fill(h)
		h.remove(patient)
	})
	t.Run("by default a reference to nothing may be written", func(t *testing.T) {
		h := open(t)
		h.put(`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/none"}}`)
	})
	t.Run("full: it may not", func(t *testing.T) {
		h := with(t, fhir.Options{Integrity: fhir.IntegrityFull})
		fill(h)
		write := func(reference string) error {
			_, err := h.Create(t.Context(), fhir.CreateRequest{Type: "Observation", Resource: h.doc(`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"` + reference + `"}}`)})
			return err
		}
		wantRefusal(t, write("Patient/none"), outcome.Conflict, outcome.StageDefault, "Patient/none", "Observation.subject.reference")
		for _, fine := range []string{"Patient/a", "http://kiln.test/fhir/Patient/a", "Patient/a/_history/1", "http://elsewhere.test/fhir/Patient/none", "urn:uuid:05efabf0-4be2-4561-91ce-51548425acb9"} {
			if err := write(fine); err != nil {
				t.Errorf("%s: %v", fine, err)
			}
		}
	})
	t.Run("full: a delete and a reference at the same time do not both land", func(t *testing.T) {
		for range 20 {
			h := with(t, fhir.Options{Integrity: fhir.IntegrityFull})
			h.put(`{"resourceType":"Patient","id":"a"}`)
			done := make(chan error, 2)
			go func() {
				_, err := h.Delete(t.Context(), fhir.DeleteRequest{Key: patient})
				done <- err
			}()
			go func() {
				_, err := h.Create(t.Context(), fhir.CreateRequest{Type: "Observation", Resource: fhirtestDoc(`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"}}`)})
				done <- err
			}()
			first, second := <-done, <-done
			if (first == nil) == (second == nil) {
				t.Fatalf("both went the same way: %v, %v", first, second)
			}
		}
	})
}
