package fhir

import (
	"context"
	"slices"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// transaction does all entries or none: https://hl7.org/fhir/R4/http.html#trules
//
// What the request alone says is worked out once: the writes, the names of the entries and the
// links between them. Then each attempt finds the targets (deletes, then creates, then updates and
// patches), resolves conditional references, puts the new ids into the links, makes the changes,
// answers the reads from a preview of their outcome and commits. Whoever changed something in
// between makes the attempt fail and start anew.
func (p *process) transaction(ctx context.Context) error {
	l := &linker{service: p.service, byURL: map[string]*write{}, conditional: map[string]*conditionalReference{}}
	t := &transaction{process: p, links: l}
	if err := t.prepare(ctx); err != nil {
		return err
	}
	return p.service.retry(ctx, func() error { return t.attempt(ctx) })
}

// transaction is a process with what was worked out once.
type transaction struct {
	*process
	links  *linker
	phases [phaseCount][]*entry
	sites  map[*entry][]site
}

// prepare reads what the entries say. All that is wrong with them is told at once.
func (t *transaction) prepare(ctx context.Context) error {
	var problems []outcome.Issue
	note := func(e *entry, err error) {
		if err != nil && len(problems) < maxIssues {
			problems = append(problems, outcome.As(within(err, e.place())).Issues...)
		}
	}
	for _, e := range t.entries {
		if e.problem == nil {
			e.problem = t.prepareEntry(ctx, e)
		}
		note(e, e.problem)
	}
	if len(problems) == 0 {
		t.sites = make(map[*entry][]site, len(t.entries))
		for _, e := range t.entries {
			note(e, t.findSites(ctx, e))
		}
	}
	if len(problems) > 0 {
		return (&outcome.Error{Issues: problems}).In(t.stage())
	}
	return nil
}

// stage is that of the first entry's problem.
func (t *transaction) stage() outcome.Stage {
	for _, e := range t.entries {
		if e.problem != nil {
			return outcome.As(e.problem).Stage
		}
	}
	return outcome.StageSyntax
}

func (t *transaction) prepareEntry(ctx context.Context, e *entry) error {
	phase := phases[e.method]
	switch e.address.route.Interaction {
	case Transaction:
		return nestedBundle()
	case Create, Update, Patch, Delete:
		w, err := t.newWrite(ctx, e)
		if err != nil {
			return err
		}
		w.place, e.write = e.place(), w
		if w.interaction == Create || w.interaction == Update {
			if err := w.describe(t.doc, e.resource); err != nil {
				return err
			}
			if err := t.service.checkWrite(ctx, w, e.address.query); err != nil {
				return err
			}
		}
		if err := t.links.name(e); err != nil {
			return err
		}
	case Operate:
		o := t.service.operation(e.address.operation)
		if o == nil {
			return noOperation(e.address.operation)
		}
		if o.AffectsState {
			return outcome.New(outcome.NotSupported, "The operation $%s changes something and cannot be part of a transaction.", o.Name).In(outcome.StageSyntax)
		}
		phase = phases["GET"]
	default:
		phase = phases["GET"]
	}
	t.phases[phase] = append(t.phases[phase], e)
	return nil
}

func (t *transaction) findSites(ctx context.Context, e *entry) error {
	if e.write == nil || e.resource == resources.None || e.write.interaction == Delete {
		return nil
	}
	sites, err := t.links.sites(ctx, t.process, e)
	if len(sites) > 0 {
		t.sites[e] = sites
	}
	return err
}

func (t *transaction) attempt(ctx context.Context) error {
	defer t.service.epoch.enter(t.defines())()
	snapshot, err := t.service.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = snapshot.Close() }()
	a := &attempt{
		service: t.service, reader: snapshot, leaving: map[store.Key]bool{},
		tx: store.Transaction{Records: t.request.Records},
	}
	if err := t.find(ctx, a); err != nil {
		return err
	}
	if err := t.resolve(ctx, a); err != nil {
		return err
	}
	if err := t.make(ctx, a); err != nil {
		return err
	}
	if err := t.checkCriteria(ctx, a); err != nil {
		return err
	}
	if err := a.finish(ctx, t.request.Provenance); err != nil {
		return err
	}
	if err := t.read(ctx, a); err != nil {
		return err
	}
	if err := a.commit(ctx); err != nil {
		return err
	}
	t.answer()
	if len(t.phases[phases["GET"]]) > 0 {
		t.landed = make(map[store.Key]store.Version, len(a.landed))
		for _, v := range a.landed {
			t.landed[v.Key] = v
		}
	}
	return nil
}

// make makes the changes. Entries that link to a version of another are made after it. What
// validation has to say of all entries is told at once.
func (t *transaction) make(ctx context.Context, a *attempt) error {
	var later []*entry
	var problems []outcome.Issue
	try := func(e *entry) error {
		err := t.makeEntry(ctx, a, e)
		if refused := outcome.As(err); err != nil && refused.Stage == outcome.StageContent && len(problems) < maxIssues {
			problems = append(problems, refused.Issues...)
			return nil
		}
		return err
	}
	for phase := range phases["GET"] {
		for _, e := range t.phases[phase] {
			if t.linksVersion(e) {
				e.write.mustChange = !e.write.settled
				later = append(later, e)
			} else if err := try(e); err != nil {
				return err
			}
		}
	}
	for _, e := range later {
		if err := try(e); err != nil {
			return err
		}
	}
	if refused := outcome.Of(problems[:min(len(problems), maxIssues)]...); refused != nil {
		return refused.In(outcome.StageContent)
	}
	return nil
}

// defines reports whether some entry may change the set of search parameters.
func (t *transaction) defines() bool {
	return slices.ContainsFunc(t.entries, func(e *entry) bool { return e.write != nil && e.write.defines() })
}

func (t *transaction) linksVersion(e *entry) bool {
	for _, s := range t.sites[e] {
		if s.versioned {
			return true
		}
	}
	return false
}

// makeEntry gives a write its content, with the links replaced, and makes its change.
func (t *transaction) makeEntry(ctx context.Context, a *attempt, e *entry) (err error) {
	w := e.write
	if w.settled {
		return nil
	}
	sites := t.sites[e]
	edits := t.links.edits(sites, restRoot(e.fullURL))
	switch w.interaction {
	case Create, Update:
		if w.doc, err = t.body(e, edits); err == nil {
			err = t.checkBefore(ctx, e, sites)
		}
	case Patch:
		w.patch, err = t.readEntryPatch(e, edits)
	}
	if err != nil {
		return within(err, w.place)
	}
	return a.make(ctx, w)
}

// checkBefore judges a resource as it was sent where a replaced link does not fit the type of its
// element: the specification wants it replaced in oid and uuid too.
func (t *transaction) checkBefore(ctx context.Context, e *entry, sites []site) error {
	narrow := false
	for _, s := range sites {
		narrow = narrow || s.narrow
	}
	if !narrow || e.write.checked {
		return nil
	}
	doc, err := t.body(e, nil)
	if err != nil {
		return err
	}
	element, err := doc.Resource()
	if err != nil {
		return err
	}
	e.write.result.Issues, err = t.service.check(ctx, element, e.write.warnings)
	e.write.checked = err == nil
	return err
}

// read answers the entries that read, from the state that the changes will leave.
func (t *transaction) read(ctx context.Context, a *attempt) error {
	entries := t.phases[phases["GET"]]
	if len(entries) == 0 {
		return nil
	}
	reader := a.reader
	if len(a.tx.Changes) > 0 {
		snapshot, err := t.service.store.Preview(ctx, a.tx)
		if err != nil {
			return err
		}
		defer func() { _ = snapshot.Close() }()
		reader = preview{snapshot}
	}
	for _, e := range entries {
		if err := t.get(ctx, reader, e); err != nil {
			return within(refusal(err, e.address.key), e.place())
		}
	}
	return nil
}

// preview marks a reader whose paging ends with the transaction.
type preview struct{ store.Reader }

// answer gives the writes their answers, once they have landed.
func (t *transaction) answer() {
	for _, e := range t.entries {
		w := e.write
		if w == nil {
			continue
		}
		if w.twin != nil {
			w.result = Result{Version: w.twin.result.Version}
		}
		t.answerWrite(e, w)
	}
}
