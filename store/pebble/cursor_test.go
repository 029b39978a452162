package pebble

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"kiln/store"
	"kiln/store/storetest"
)

// TestACursorThatWasChangedIsRefused flips each bit of a cursor, and cuts and lengthens it.
func TestACursorThatWasChangedIsRefused(t *testing.T) {
	s := openAt(t, t.TempDir())
	for i := range 5 {
		put(t, s, fmt.Sprint(i), "one")
	}
	query := storetest.Query("Basic?_count=2")
	page, err := s.Search(t.Context(), query, nil)
	if err != nil || page.Next == nil {
		t.Fatal(page.Next, err)
	}
	if _, err := s.Search(t.Context(), query, page.Next); err != nil {
		t.Fatal(err)
	}
	changed := []store.Cursor{{}, page.Next[:len(page.Next)-1], append(slices.Clone(page.Next), 0)}
	for i := range page.Next {
		for bit := range 8 {
			c := slices.Clone(page.Next)
			c[i] ^= 1 << bit
			changed = append(changed, c)
		}
	}
	for _, c := range changed {
		if _, err := s.Search(t.Context(), query, c); !errors.Is(err, store.ErrCursor) {
			t.Errorf("the cursor %x instead of %x: %v; expected ErrCursor", c, page.Next, err)
		}
	}
}
