package mongodb

import (
	"testing"

	"kiln/store"
	"kiln/store/storetest"
)

// TestPreviewAmidALanding: what has been written and not marked, by one who is not there any more, is not half of what
// a preview is judged on.
func TestPreviewAmidALanding(t *testing.T) {
	x := share(t)
	clock := storetest.NewClock()
	dead, armed := false, false
	s := x.open(clock.Now, func(name string) error {
		if dead = dead || armed && name == "mark"; dead {
			return errKilled
		}
		return nil
	})
	before(x, s)
	armed = true
	if _, err := s.Commit(t.Context(), killing()); err == nil {
		t.Fatal("it was not killed")
	}
	preview, err := x.open(clock.Now, nil).Preview(t.Context(), store.Transaction{
		Changes: []store.Change{storetest.Claiming(storetest.IfVersion(2, storetest.Put("Patient/a")), "bed 2")},
		Guards:  []store.Guard{{Key: "g", Seen: 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer preview.Close()
	page, err := preview.History(t.Context(), store.HistoryQuery{Type: "Patient", ID: "a", Count: 10})
	if value, e := preview.Guard(t.Context(), "g"); err != nil || e != nil || len(page.Versions) != 3 || value != 3 {
		t.Errorf("the preview has %d versions, and a guard at %d, %v %v", len(page.Versions), value, err, e)
	}
}
