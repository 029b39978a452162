package pebble

import (
	"errors"
	"time"

	"kiln/store"
)

// mostRows is how many rows of the index and resources a search looks at unless Options say otherwise.
const mostRows = 5_000_000

// spend notes that so many rows of the index, or resources, were looked at. It ends a search that has
// spent its budget, so that one query cannot hold up all others for as long as the store is large.
func (x *execution) spend(n int) {
	x.examined += int64(n)
	if most := x.store.options.SearchRows; most > 0 && x.examined > most {
		x.fail(&store.CostError{Limit: most})
	}
}

// explained tells what was done so far; nil where nobody asked.
func (x *execution) explained(started time.Time) *store.Plan {
	if !x.query.Explain {
		return nil
	}
	return &store.Plan{Steps: x.steps, Examined: x.examined, Duration: time.Since(started)}
}

// explainCost adds to the error of a search that spent its budget how far it came.
func (x *execution) explainCost(err error, started time.Time) error {
	var cost *store.CostError
	if errors.As(err, &cost) {
		cost.Plan = x.explained(started)
	}
	return err
}
