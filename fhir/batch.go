package fhir

import (
	"context"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// phases are the methods in the order in which they are processed:
// https://hl7.org/fhir/R4/http.html#trules
var phases = map[string]int{"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}

const phaseCount = 4

// batchWidth is how many entries of a batch are done at the same time: they stand alone, and
// writes that wait together share the cost of becoming durable.
const batchWidth = 16

// batch does each entry by itself, in the order of transactions, and keeps what became of it.
// https://hl7.org/fhir/R4/http.html#brules
func (p *process) batch(ctx context.Context) error {
	byPhase := [phaseCount][]*entry{}
	for _, e := range p.entries {
		if e.problem != nil {
			p.refused(e, e.problem)
			continue
		}
		phase := phases[e.method]
		byPhase[phase] = append(byPhase[phase], e)
	}
	for phase, entries := range byPhase {
		reader := store.Reader(p.service.store)
		if phase == phases[http.MethodGet] && len(entries) > 1 {
			snapshot, err := p.service.store.Snapshot(ctx)
			if err != nil {
				return refusal(err, store.Key{})
			}
			defer func() { _ = snapshot.Close() }()
			reader = snapshot
		}
		p.inParallel(ctx, reader, entries)
		if err := ctx.Err(); err != nil {
			return outcome.New(outcome.Timeout, "The time for this request ended before the batch was done; some of its entries may have been.").Because(err)
		}
	}
	return nil
}

// inParallel does entries at the same time, but those with one address one after the other: though
// they should not depend on each other, a PUT and a PATCH of one resource often stand in a batch.
func (p *process) inParallel(ctx context.Context, reader store.Reader, entries []*entry) {
	var order []store.Key
	byAddress := map[store.Key][]*entry{}
	for i, e := range entries {
		key := e.address.key
		if key.ID == "" {
			key = store.Key{ID: strconv.Itoa(i)} // alone
		}
		if byAddress[key] == nil {
			order = append(order, key)
		}
		byAddress[key] = append(byAddress[key], e)
	}
	var group errgroup.Group
	group.SetLimit(batchWidth)
	var broken atomic.Pointer[fault]
	for _, key := range order {
		group.Go(func() error {
			defer func() {
				if cause := recover(); cause != nil {
					broken.Store(&fault{cause, debug.Stack()})
				}
			}()
			for _, e := range byAddress[key] {
				if err := p.single(ctx, reader, e); err != nil {
					p.refused(e, err)
				}
			}
			return nil
		})
	}
	_ = group.Wait()
	if f := broken.Load(); f != nil {
		panic(f)
	}
}

// fault is a panic of an entry, brought to the goroutine of the request: there it ends the request,
// in its own it would end the process. It counts as a panic of the runtime, since its text is as
// harmless: whatever else was thrown might hold data of patients and is not shown.
type fault struct {
	cause any
	stack []byte
}

func (f *fault) Error() string {
	text := "a panic"
	if err, ok := f.cause.(runtime.Error); ok {
		text = err.Error()
	}
	return text + " in an entry of a batch: " + string(f.stack)
}

// RuntimeError implements runtime.Error.
func (f *fault) RuntimeError() {}

// single does one entry as the interaction that it is.
func (p *process) single(ctx context.Context, reader store.Reader, e *entry) error {
	switch e.address.route.Interaction {
	case Transaction:
		return nestedBundle()
	case Create, Update, Patch, Delete:
		return p.singleWrite(ctx, e)
	}
	return p.get(ctx, reader, e)
}

func nestedBundle() error {
	return invalid("A batch or transaction cannot hold another one.")
}

func (p *process) singleWrite(ctx context.Context, e *entry) error {
	w, err := p.newWrite(ctx, e)
	if err != nil {
		return err
	}
	if w.interaction == Create || w.interaction == Update {
		var doc *resources.Document
		if doc, err = p.body(e, nil); err == nil {
			err = w.setBody(doc)
		}
		if err == nil {
			err = p.service.checkWrite(ctx, w, e.address.query)
		}
	} else if w.interaction == Patch {
		w.patch, err = p.readEntryPatch(e, nil)
	}
	if err != nil {
		return err
	}
	if err := p.service.land(ctx, p.request.Provenance, w); err != nil {
		return err
	}
	p.answerWrite(e, w)
	return nil
}

// newWrite is the write that an entry asks for, without its content.
func (p *process) newWrite(ctx context.Context, e *entry) (*write, error) {
	a, h := e.address, e.headers
	w := &write{
		interaction: a.route.Interaction, address: a.key,
		match: h.ifMatch, noneMatch: h.ifNoneMatch, warnings: p.request.Return == ReturnOutcome,
	}
	var err error
	switch w.interaction {
	case Create:
		if h.ifNoneExist != "" {
			w.criteria, err = p.service.criteria(ctx, a.key.Type, h.ifNoneExist)
		}
	case Patch:
		if a.key.ID == "" {
			w.criteria, err = p.service.criteria(ctx, a.key.Type, a.query)
		}
	case Delete:
		err = p.service.readDelete(ctx, w, a.query)
	}
	return w, err
}

// checkWrite checks the content of a create or update against its address.
func (s *Service) checkWrite(ctx context.Context, w *write, query string) error {
	if w.interaction == Update {
		return s.readUpdate(ctx, w, query)
	}
	return w.checkType()
}

// answerWrite answers the entry of a write that has landed.
func (p *process) answerWrite(e *entry, w *write) {
	if w.interaction == Delete {
		p.deleted(e, Deletion{Tombstones: w.made, Issues: w.result.Issues})
		return
	}
	p.written(e, w.result)
}
