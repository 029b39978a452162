package rest

import (
	"context"
	"sync"
	"time"

	"kiln/fhir"
)

// deadline is the context of a request that must end at a time. Unlike context.WithDeadline it sets no
// timer until someone waits for it: most requests end long before and only ask how it stands.
type deadline struct {
	context.Context
	at time.Time
	id string // of the request

	mutex  sync.Mutex // guards what follows
	timed  context.Context
	cancel context.CancelFunc
	ended  bool
}

// Value implements context.Context.
func (d *deadline) Value(key any) any {
	if key == (fhir.RequestIDKey{}) {
		return d.id
	}
	return d.Context.Value(key)
}

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) {
	if earlier, ok := d.Context.Deadline(); ok && earlier.Before(d.at) {
		return earlier, true
	}
	return d.at, true
}

// Done implements context.Context.
func (d *deadline) Done() <-chan struct{} {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.timed == nil {
		d.timed, d.cancel = context.WithDeadline(d.Context, d.at)
		if d.ended {
			d.cancel()
		}
	}
	return d.timed.Done()
}

// Err implements context.Context.
func (d *deadline) Err() error {
	d.mutex.Lock()
	timed, ended := d.timed, d.ended
	d.mutex.Unlock()
	if timed != nil {
		return timed.Err()
	}
	if err := d.Context.Err(); err != nil {
		return err
	}
	switch {
	case ended:
		return context.Canceled
	case !time.Now().Before(d.at):
		return context.DeadlineExceeded
	}
	return nil
}

// end cancels the context.
func (d *deadline) end() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.ended = true
	if d.cancel != nil {
		d.cancel()
	}
}
