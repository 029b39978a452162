package mongodb

import "kiln/store"

// work is what a search has looked at: documents read for it, whatever for.
type work struct{ examined, limit int64 }

// look counts documents; the error is a *store.CostError.
func (w *work) look(n int) error {
	w.examined += int64(n)
	if w.limit > 0 && w.examined > w.limit {
		return &store.CostError{Limit: w.limit}
	}
	return nil
}
