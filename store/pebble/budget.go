package pebble

import (
	"errors"

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

// explainCost adds to the error of a search that spent its budget how far it came.
func (x *execution) explainCost(err error) error {
	var cost *store.CostError
	if errors.As(err, &cost) {
		cost.Plan = x.trace.plan()
	}
	return err
}
