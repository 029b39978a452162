package fhir

import (
	"context"
	"errors"
	"time"

	"kiln/fhir/patch"
	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// write is one change on its way to a commit: an interaction of its own, or an entry of a
// transaction. What was asked stays; what was found and made belongs to one attempt.
type write struct {
	interaction Interaction
	place       string    // of the entry, "Bundle.entry[3]"; empty for an interaction of its own
	address     store.Key // without an ID where the server makes or finds it
	criteria    *criteria
	match       Match // If-Match
	noneMatch   Match // If-None-Match
	most        int   // how many a conditional delete may delete
	doc         *resources.Document
	bodyType    string // of doc
	bodyID      string
	patch       patch.Patch
	warnings    bool
	checked     bool // doc has been validated
	provenance  bool // of the other writes: X-Provenance, or
	ours        bool // what the server itself says of them, which nobody needs a right to

	reach   reach
	key     store.Key       // what it is about
	current store.Version   // of key; VersionID 0 where there never was one, or none for the caller
	hidden  bool            // there is one, which the caller may not see
	targets []store.Version // of a delete
	settled bool            // there is nothing to change
	twin    *write          // an earlier create of the transaction with the same criteria
	// mustChange: another entry refers to the version that this write makes
	mustChange bool
	stored     *resources.Document // what is written
	entries    []search.Entry      // its index values
	result     Result
	made       []store.Version // of a delete
}

// step is how an interaction finds its target and makes its change.
type step struct {
	find, make func(a *attempt, ctx context.Context, w *write) error
}

var steps = map[Interaction]step{
	Create: {(*attempt).findCreate, (*attempt).makeCreate},
	Update: {(*attempt).findUpdate, (*attempt).makeUpdate},
	Patch:  {(*attempt).findPatch, (*attempt).makePatch},
	Delete: {(*attempt).findDelete, (*attempt).makeDelete},
}

// attempt is one try to land writes on the state that its reader sees.
type attempt struct {
	service *Service
	reader  store.Reader
	writes  []*write
	leaving map[store.Key]bool // what the transaction deletes: criteria do not find it any more
	tx      store.Transaction
	owners  []*write // of each change
	guarded map[string]bool
	landed  []store.Version // what the commit made
	// revision is of the search parameters that the changes define
	revision *search.Revision

	over     map[store.Key]*search.Resource // see overlay
	overlaid int                            // how many changes are in it
}

// land does writes that stand alone, trying again when others came first.
func (s *Service) land(ctx context.Context, provenance *resources.Document, w *write) error {
	return s.retry(ctx, func() error {
		defer s.epoch.enter(w.defines())()
		a := &attempt{service: s, reader: s.store, writes: []*write{w}}
		if err := a.find(ctx, w); err != nil {
			return err
		}
		if err := a.make(ctx, w); err != nil {
			return err
		}
		if err := a.finish(ctx, provenance); err != nil {
			return err
		}
		return a.commit(ctx)
	})
}

// retry tries until the error is not one of a lost race.
func (s *Service) retry(ctx context.Context, try func() error) error {
	for n := 0; ; n++ {
		err := try()
		if behind(err) {
			if err := s.follow(ctx); err != nil {
				return refusal(err, store.Key{})
			}
		}
		if !lostRace(err) || n >= s.options.Limits.Retries {
			return refusal(err, store.Key{})
		}
		if err := pause(ctx, min(time.Duration(n)*100*time.Microsecond, 5*time.Millisecond)); err != nil {
			return refusal(err, store.Key{})
		}
	}
}

// lostRace reports whether an error says that what an attempt relied on has changed since. What
// the caller itself demanded is judged in the attempt, so that trying again judges it anew.
func lostRace(err error) bool {
	var c *store.ConflictError
	if !errors.As(err, &c) {
		return false
	}
	return c.Kind == store.KindVersion || c.Kind == store.KindExists || c.Kind == store.KindGuard
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// find finds the target of a write, if the caller may do it at all.
func (a *attempt) find(ctx context.Context, w *write) (err error) {
	w.key, w.current, w.targets, w.settled, w.mustChange, w.twin = store.Key{}, store.Version{}, nil, false, false, nil
	w.result, w.made, w.hidden = Result{}, nil, false
	if w.reach = (reach{}); !w.ours {
		w.reach, err = a.service.allow(ctx, Action{Interaction: w.interaction, Type: w.address.Type, ID: w.address.ID})
	}
	if err == nil {
		err = steps[w.interaction].find(a, ctx, w)
	}
	return within(err, w.place)
}

// make makes the change of a write whose target is known.
func (a *attempt) make(ctx context.Context, w *write) error {
	if w.settled {
		return nil
	}
	return within(steps[w.interaction].make(a, ctx, w), w.place)
}

// finish checks what must hold of all changes together.
func (a *attempt) finish(ctx context.Context, provenance *resources.Document) error {
	if err := a.addProvenance(ctx, provenance); err != nil {
		return err
	}
	if err := a.checkIntegrity(ctx); err != nil {
		return err
	}
	return a.revise()
}

// commit lands the changes and gives every write its result.
func (a *attempt) commit(ctx context.Context) error {
	if len(a.tx.Changes)+len(a.tx.Records) == 0 {
		return nil
	}
	a.rely()
	landed, err := a.audit(ctx)
	if err != nil {
		return err
	}
	versions, err := a.service.store.Commit(ctx, a.tx)
	if err != nil {
		return err
	}
	landed()
	a.landed = versions
	a.installed()
	a.tell()
	for i, w := range a.owners {
		if w.interaction == Delete {
			w.made = append(w.made, versions[i])
			continue
		}
		w.result.Version, w.result.Changed = versions[i], true
		w.result.Created = w.current.VersionID == 0 || w.current.Deleted()
	}
	return nil
}

// tell lets the authorizer know what was written.
func (a *attempt) tell() {
	if a.service.options.Authorizer == nil {
		return
	}
	keys := make([]store.Key, len(a.tx.Changes))
	for i, change := range a.tx.Changes {
		keys[i] = change.Key
	}
	a.service.options.Authorizer.Committed(keys)
}

// change adds a change to the transaction.
func (a *attempt) change(w *write, change store.Change) {
	a.tx.Changes = append(a.tx.Changes, change)
	a.owners = append(a.owners, w)
}

// guard makes the commit depend on nobody else deciding on the same key meanwhile.
func (a *attempt) guard(ctx context.Context, key string) error {
	if a.guarded[key] {
		return nil
	}
	seen, err := a.reader.Guard(ctx, key)
	if err != nil {
		return err
	}
	if a.guarded == nil {
		a.guarded = map[string]bool{}
	}
	a.guarded[key] = true
	a.tx.Guards = append(a.tx.Guards, store.Guard{Key: key, Seen: seen})
	return nil
}

// search finds what the criteria of a write select. The guard is read first: where nothing was
// found it lets the commit fail if another write with the same criteria landed since.
func (a *attempt) search(ctx context.Context, w *write, limit int) ([]store.Version, error) {
	seen, err := a.reader.Guard(ctx, w.criteria.guard)
	if err != nil {
		return nil, err
	}
	found, err := a.service.find(ctx, a.reader, w.criteria, limit, a.leaving)
	if err == nil && len(found) == 0 && w.interaction != Delete && !a.guarded[w.criteria.guard] {
		if a.guarded == nil {
			a.guarded = map[string]bool{}
		}
		a.guarded[w.criteria.guard] = true
		a.tx.Guards = append(a.tx.Guards, store.Guard{Key: w.criteria.guard, Seen: seen})
	}
	return found, err
}

// open reads the current version of the write's key. One that the caller may not see is as good as none, until it
// comes to writing it: see put.
func (a *attempt) open(ctx context.Context, w *write, key store.Key) (err error) {
	w.key = key
	if w.current, err = current(ctx, a.reader, key); err != nil {
		return err
	}
	if w.current.VersionID == 0 {
		return nil
	}
	admitted, err := a.service.admits(ctx, a.reader, w.reach, w.current)
	if err == nil && !admitted {
		w.current, w.hidden = store.Version{Key: key}, true
		return nil
	}
	if err == nil {
		err = w.reach.verify(ctx, w.current)
	}
	return err
}

// exists reports whether the write's key is there now.
func (w *write) exists() bool { return w.current.VersionID != 0 && !w.current.Deleted() }

// holds judges If-Match and If-None-Match by the version found. A deleted resource has no version
// that they could name.
func (w *write) holds() error {
	version := int64(0)
	if w.exists() {
		version = w.current.VersionID
	}
	if w.match.Stated && !w.match.holds(version) {
		return staleMatch("If-Match", w.key, w.current)
	}
	if w.noneMatch.Stated && w.noneMatch.holds(version) {
		return staleMatch("If-None-Match", w.key, w.current)
	}
	return nil
}

// put stores doc as the next version of the write's key.
func (a *attempt) put(ctx context.Context, w *write, doc *resources.Document, method store.Method) error {
	element, err := doc.Resource()
	if err != nil {
		return err
	}
	if err := a.validate(ctx, w, element); err != nil {
		return err
	}
	w.stored = doc
	if w.entries, err = a.service.params.Extract(ctx, element); err != nil {
		return err
	}
	if err := a.mayWrite(ctx, w, element); err != nil {
		return err
	}
	if w.hidden {
		return notFound(w.key)
	}
	precondition := store.Precondition{Kind: store.IfVersion, Version: w.current.VersionID}
	if w.interaction == Create {
		precondition = store.Precondition{Kind: store.IfAbsent}
	}
	a.change(w, store.Change{Key: w.key, Method: method, Content: doc.Stamp(w.key.ID), Entries: w.entries, If: precondition})
	return nil
}

// validate judges the content of a write. What is written may be another text than was sent: a
// patched resource, a Provenance with its targets. Then positions in it mean nothing.
func (a *attempt) validate(ctx context.Context, w *write, element resources.Element) error {
	if w.checked {
		return nil
	}
	issues, err := a.service.check(ctx, element, w.warnings)
	w.result.Issues = issues
	if w.interaction != Patch && !w.provenance {
		return err
	}
	w.result.Issues = withoutPositions(issues)
	var refused *outcome.Error
	if errors.As(err, &refused) {
		err = (&outcome.Error{Stage: refused.Stage, Issues: withoutPositions(refused.Issues)}).Because(err)
	}
	return err
}

// check judges content before it is written.
func (s *Service) check(ctx context.Context, element resources.Element, warnings bool) ([]outcome.Issue, error) {
	switch {
	case s.options.Validator == nil:
		return nil, nil
	case !warnings:
		return nil, s.options.Validator.Check(ctx, element)
	}
	issues := s.options.Validator.Validate(ctx, element)
	if refused := outcome.Of(issues...); refused != nil {
		return nil, refused.In(outcome.StageContent)
	}
	return issues, nil
}

// mayWrite asks whether the caller reaches what the resource would become.
func (a *attempt) mayWrite(ctx context.Context, w *write, after resources.Element) error {
	if w.provenance { // it tells of the other writes of the request, and those have been judged
		return nil
	}
	if w.reach.Predicate == nil {
		return a.mayBecome(ctx, w, after)
	}
	own := a.service.params.Own(w.key.ID, a.service.now())
	image := search.Resource{Type: w.key.Type, ID: w.key.ID, Entries: append(own, w.entries...)}
	ok, err := search.Match(ctx, w.reach.Predicate, image, &source{service: a.service, reader: a.reader, over: a.overlay()})
	switch {
	case err == nil && !ok && w.interaction == Update && w.criteria == nil && !w.exists(): // whether there is one is not told
		err = notFound(w.key)
	case err == nil && !ok:
		err = outcome.New(outcome.Forbidden, "You may not write this content to %s.", w.key)
	}
	if err == nil {
		err = a.mayBecome(ctx, w, after)
	}
	return err
}

// mayBecome asks what the content itself says to the write.
func (a *attempt) mayBecome(ctx context.Context, w *write, after resources.Element) error {
	if w.reach.MayWrite == nil {
		return nil
	}
	var before resources.Element
	if w.exists() {
		var err error
		if before, err = parseStored(w.current); err != nil {
			return err
		}
	}
	return w.reach.MayWrite(ctx, w.key, before, after)
}

// overlay is what the changes made so far would leave, for search.Match.
func (a *attempt) overlay() map[store.Key]*search.Resource {
	if a.over == nil {
		a.over = make(map[store.Key]*search.Resource, len(a.tx.Changes))
	}
	for ; a.overlaid < len(a.tx.Changes); a.overlaid++ {
		change := a.tx.Changes[a.overlaid]
		if change.Method == store.Delete {
			a.over[change.Key] = nil
			continue
		}
		own := a.service.params.Own(change.Key.ID, a.service.now())
		a.over[change.Key] = &search.Resource{Type: change.Key.Type, ID: change.Key.ID, Entries: append(own, change.Entries...)}
	}
	return a.over
}
