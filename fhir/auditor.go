package fhir

import (
	"context"

	"kiln/resources"
	"kiln/store"
)

// Written is one change that is about to land.
type Written struct {
	Key     store.Key
	Version int64 // that it makes; 0 where it depends on what lands before
	Method  store.Method
	Before  []byte              // the version before; nil where there was none
	After   *resources.Document // nil for a delete
}

// Auditor keeps account of writes. What is read is told by how a request ended, since it changes nothing.
type Auditor interface {
	// Writes hears of the changes of a transaction before they land, and gives records that must land with them; landed is
	// called when they have. An error refuses the transaction.
	Writes(ctx context.Context, changes []Written) (records []store.RecordChange, landed func(), err error)
}

// audit adds what the auditor keeps of the changes to the transaction.
func (a *attempt) audit(ctx context.Context) (landed func(), err error) {
	if a.service.options.Auditor == nil || len(a.tx.Changes) == 0 {
		return func() {}, nil
	}
	written := make([]Written, len(a.tx.Changes))
	for i, change := range a.tx.Changes {
		w := a.owners[i]
		written[i] = Written{Key: change.Key, Method: change.Method}
		if change.If.Kind != store.Always {
			written[i].Version = change.If.Version + 1
		}
		if w.interaction == Delete {
			written[i].Before = a.deleted(w, change.Key)
			continue
		}
		written[i].Before, written[i].After = w.current.Body, w.stored
	}
	records, landed, err := a.service.options.Auditor.Writes(ctx, written)
	a.tx.Records = append(a.tx.Records[:len(a.tx.Records):len(a.tx.Records)], records...)
	return landed, err
}

// deleted is the body of what a delete removes.
func (a *attempt) deleted(w *write, key store.Key) []byte {
	for _, v := range w.targets {
		if v.Key == key {
			return v.Body
		}
	}
	return w.current.Body
}
