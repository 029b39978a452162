package fhir

import (
	"context"

	"kiln/resources/outcome"
	"kiln/store"
)

// find finds the targets of all writes, in the order of the phases, and refuses two entries for
// one resource.
func (t *transaction) find(ctx context.Context, a *attempt) error {
	taken := map[store.Key]*entry{}
	twins := map[uint64]*write{}
	for phase := range phases["GET"] {
		for _, e := range t.phases[phase] {
			w := e.write
			if err := a.find(ctx, w); err != nil {
				return err
			}
			if w.interaction == Create && w.criteria != nil && !w.settled {
				if first := twins[w.criteria.print]; first != nil {
					w.twin, w.key, w.settled = first, first.key, true
					continue
				}
				twins[w.criteria.print] = w
			}
			for _, key := range w.identities() {
				if other := taken[key]; other != nil {
					return overlap(key, other, e)
				}
				taken[key] = e
				if w.interaction == Delete {
					a.leaving[key] = true
				}
			}
		}
	}
	return nil
}

// identities are the resources that a write is about.
func (w *write) identities() []store.Key {
	switch {
	case w.interaction != Delete:
		if w.settled {
			return nil
		}
		return []store.Key{w.key}
	case w.criteria == nil:
		return []store.Key{w.address}
	}
	keys := make([]store.Key, len(w.targets))
	for i, v := range w.targets {
		keys[i] = v.Key
	}
	return keys
}

func overlap(key store.Key, first, second *entry) error {
	return outcome.New(outcome.Duplicate, "%s and %s are about the same resource, %s; a transaction may change a resource once.", first.place(), second.place(), key).
		At(first.place(), second.place()).In(outcome.StageSyntax)
}
