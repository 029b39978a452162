package pebble

import (
	"fmt"

	"kiln/store"
)

// Problem is one thing that disagrees in a store. It says what, and of which resource, but nothing
// that the resource holds.
type Problem struct {
	Part     string    // "resource", "index", "feed", "history", "claim", "counter", "dictionary", "record", "file"
	Key      store.Key // the resource it is about; zero where that is unknown
	Version  int64     // and its version; 0 for all or none
	Detail   string    // what is wrong
	Repaired bool      // it was put right
}

// String is the problem as a sentence.
func (p Problem) String() string {
	what := p.Part
	if p.Key.ID != "" {
		what += " of " + p.Key.String()
		if p.Version != 0 {
			what += fmt.Sprintf(" version %d", p.Version)
		}
	}
	if p.Repaired {
		return what + ": " + p.Detail + " (repaired)"
	}
	return what + ": " + p.Detail
}
