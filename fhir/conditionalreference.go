package fhir

import (
	"context"

	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// resolve finds what conditional references mean: in the state that the transaction will leave, so
// among the entries too.
func (t *transaction) resolve(ctx context.Context, a *attempt) error {
	if len(t.links.conditional) == 0 {
		return nil
	}
	wanted := map[string]bool{}
	for _, reference := range t.links.conditional {
		wanted[reference.criteria.typ] = true
	}
	images, replaced, err := t.images(ctx, a, wanted)
	if err != nil {
		return err
	}
	for _, e := range t.entries {
		for _, s := range t.sites[e] {
			if c := s.conditional; c != nil && c.place == e.place() {
				if err := t.resolveOne(ctx, a, c, images, replaced); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (t *transaction) resolveOne(ctx context.Context, a *attempt, c *conditionalReference, images *pending, replaced map[store.Key]bool) error {
	stored, err := t.service.find(ctx, a.reader, c.criteria, 2, replaced)
	if err != nil {
		return err
	}
	keys, err := images.match(ctx, c.criteria, 2)
	if err != nil {
		return err
	}
	for _, v := range stored {
		keys = append(keys, v.Key)
	}
	if len(keys) == 1 {
		c.key = keys[0]
		return nil
	}
	code, found := outcome.NotFound, "no"
	if len(keys) > 1 {
		code, found = outcome.MultipleMatches, "more than one"
	}
	return outcome.New(code, "The conditional reference finds %s %s; it must select one. Nothing was changed.", found, c.criteria.typ).
		At(c.path).In(outcome.StagePrecondition)
}

// images are the resources of the types wanted that the entries bring, and the keys of all whose
// stored content is not what it will be.
func (t *transaction) images(ctx context.Context, a *attempt, wanted map[string]bool) (*pending, map[store.Key]bool, error) {
	images := newPending(t.service, a.reader)
	replaced := map[store.Key]bool{}
	for key := range a.leaving {
		replaced[key] = true
		images.source.over[key] = nil
	}
	for _, e := range t.entries {
		w := e.write
		if w == nil || w.settled || !wanted[w.key.Type] || w.interaction != Create && w.interaction != Update {
			continue
		}
		element, err := t.doc.ResourceAt(e.resource)
		if err != nil {
			return nil, nil, err
		}
		entries, err := t.service.params.Extract(ctx, element)
		if err != nil {
			return nil, nil, err
		}
		replaced[w.key] = true
		images.add(&search.Resource{Type: w.key.Type, ID: w.key.ID, Entries: append(entries, t.service.params.Own(w.key.ID, t.service.now())...)})
	}
	return images, replaced, nil
}

// checkCriteria refuses a transaction in which a conditional create or update found nothing, but
// another entry brings what it looked for: which of the two is meant nobody can say.
func (t *transaction) checkCriteria(ctx context.Context, a *attempt) error {
	var conditional []*write
	wanted := map[string]bool{}
	for _, w := range a.owners {
		if w.criteria != nil && (w.interaction == Create || w.interaction == Update && len(w.targets) == 0) {
			conditional = append(conditional, w)
			wanted[w.key.Type] = true
		}
	}
	if len(conditional) == 0 {
		return nil
	}
	final := newPending(t.service, a.reader)
	for i, change := range a.tx.Changes {
		if w := a.owners[i]; change.Method != store.Delete && wanted[w.key.Type] {
			own := t.service.params.Own(w.key.ID, t.service.now())
			final.add(&search.Resource{Type: w.key.Type, ID: w.key.ID, Entries: append(own, w.entries...)})
		}
	}
	for _, w := range conditional {
		keys, err := final.match(ctx, w.criteria, 2)
		if err != nil {
			return err
		}
		if len(keys) > 1 || len(keys) == 1 && keys[0] != w.key {
			return within(outcome.New(outcome.Duplicate, "What another entry brings meets the criteria of this one, which found no %s.", w.key.Type).In(outcome.StageSyntax), w.place)
		}
	}
	return nil
}
