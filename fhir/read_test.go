package fhir_test

import (
	"errors"
	"testing"

	"kiln/resources/outcome"
	"kiln/store"
)

// https://hl7.org/fhir/R4/http.html#read
func TestRead(t *testing.T) {
	h := open(t)
	key := store.Key{Type: "Patient", ID: "a"}
	h.put(`{"resourceType":"Patient","id":"a","active":true}`)
	h.put(`{"resourceType":"Patient","id":"a","active":false}`)

	t.Run("the current version", func(t *testing.T) {
		v, err := h.Read(t.Context(), key)
		if err != nil || v.VersionID != 2 {
			t.Errorf("got version %d, %v", v.VersionID, err)
		}
	})
	t.Run("what never was is not found", func(t *testing.T) {
		_, err := h.Read(t.Context(), store.Key{Type: "Patient", ID: "b"})
		wantRefusal(t, err, outcome.NotFound, outcome.StageDefault, "Patient/b")
	})
	t.Run("an earlier version", func(t *testing.T) {
		v, err := h.ReadVersion(t.Context(), key, 1)
		if err != nil || v.VersionID != 1 {
			t.Errorf("got version %d, %v", v.VersionID, err)
		}
	})
	t.Run("a version that there is not", func(t *testing.T) {
		_, err := h.ReadVersion(t.Context(), key, 3)
		wantRefusal(t, err, outcome.NotFound, outcome.StageDefault, "version 3", "Patient/a")
	})

	h.remove(key)
	t.Run("what is deleted is gone, with its tombstone", func(t *testing.T) {
		_, err := h.Read(t.Context(), key)
		wantRefusal(t, err, outcome.Deleted, outcome.StageDefault)
		var gone *store.GoneError
		if !errors.As(err, &gone) || gone.Tombstone.VersionID != 3 {
			t.Errorf("the tombstone is lost in %v", err)
		}
	})
	t.Run("the version that is a tombstone is gone", func(t *testing.T) {
		_, err := h.ReadVersion(t.Context(), key, 3)
		wantRefusal(t, err, outcome.Deleted, outcome.StageDefault)
	})
	t.Run("versions before a delete stay", func(t *testing.T) {
		if v, err := h.ReadVersion(t.Context(), key, 2); err != nil || v.VersionID != 2 {
			t.Errorf("got %v, %v", v, err)
		}
	})
}
