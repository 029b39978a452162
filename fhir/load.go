package fhir

import (
	"context"
	"slices"
	"strconv"

	"kiln/resources"
	"kiln/store"
)

// LoadRequest are resources that stand alone, to be stored at once.
type LoadRequest struct {
	// Resources have ids and do not refer to each other by anything else; none is there twice.
	Resources []*resources.Document
	// Records are written in the same commit, as for BundleRequest.
	Records []store.RecordChange
}

// Load stores resources under the ids that they have, in one commit: all or none. It is what a
// transaction of as many updates (https://hl7.org/fhir/R4/http.html#transaction) does where nothing
// links the entries, without the Bundle: references are stored as they are, those that are searches
// too, so that a caller with such must send a transaction. Content that equals what is stored makes
// no version. The error is the refusal of the first resource that cannot be stored, placed as the
// entry of such a transaction (Bundle.entry[3]…).
func (s *Service) Load(ctx context.Context, request LoadRequest) ([]Result, error) {
	writes := make([]write, len(request.Resources))
	for i := range writes {
		w := &writes[i]
		w.interaction, w.place = Update, "Bundle.entry["+strconv.Itoa(i)+"]"
		if err := s.readLoaded(w, request.Resources[i]); err != nil {
			return nil, within(err, w.place)
		}
	}
	if err := s.retry(ctx, func() error { return s.loadOnce(ctx, writes, request.Records) }); err != nil {
		return nil, err
	}
	results := make([]Result, len(writes))
	for i := range writes {
		results[i] = writes[i].result
	}
	return results, nil
}

// readLoaded takes the address of a write from its resource.
func (s *Service) readLoaded(w *write, doc *resources.Document) error {
	if err := w.setBody(doc); err != nil {
		return err
	}
	w.address = store.Key{Type: w.bodyType, ID: w.bodyID}
	return checkID(w.address.ID)
}

// loadOnce is one attempt. The current versions need not be of one state: each is what its change
// is conditional on.
func (s *Service) loadOnce(ctx context.Context, writes []write, records []store.RecordChange) error {
	defer s.epoch.enter(slices.ContainsFunc(writes, func(w write) bool { return w.defines() }))()
	a := &attempt{
		service: s, reader: s.store, owners: make([]*write, 0, len(writes)),
		tx: store.Transaction{Changes: make([]store.Change, 0, len(writes)), Records: records},
	}
	for i := range writes {
		if err := a.find(ctx, &writes[i]); err != nil {
			return err
		}
		if err := a.make(ctx, &writes[i]); err != nil {
			return err
		}
	}
	if err := a.finish(ctx, nil); err != nil {
		return err
	}
	return a.commit(ctx)
}
