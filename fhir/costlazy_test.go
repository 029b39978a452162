package fhir_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/search"
	"kiln/store"
	"kiln/store/pebble"
)

// heard is a store that counts how often somebody has a plan told.
type heard struct {
	store.Store
	told *int
}

func (h heard) Search(ctx context.Context, query *search.Query, cursor store.Cursor) (store.Page, error) {
	page, err := h.Store.Search(ctx, query, cursor)
	explain := page.Explain
	page.Explain = func() *store.Plan {
		*h.told++
		return explain()
	}
	if page.Plan != nil {
		*h.told++
	}
	return page, err
}

func TestPlansOfSearchesThatAreNotSlowAreNotTold(t *testing.T) {
	for slow, want := range map[time.Duration]int{time.Hour: 0, 0: 0, time.Nanosecond: 1} {
		now := fhirtest.Clock()
		s, err := pebble.Open(t.TempDir(), pebble.Options{Now: now, Parameters: fhirtest.Parameters(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		told := 0
		logger := slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil))
		service := fhirtest.NewService(t, heard{s, &told}, fhir.Options{Now: now, SlowSearch: slow, Logger: logger})
		if _, err := service.Search(t.Context(), fhir.SearchRequest{Type: "Patient", Query: "name=sample&_sort=family"}); err != nil {
			t.Fatal(err)
		}
		if told != want {
			t.Errorf("of a search that is slow from %s on, the plan was told %d times; expected %d", slow, told, want)
		}
	}
}
