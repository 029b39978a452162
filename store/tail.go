package store

import (
	"context"
	"io"
	"sync"
)

// Tail is the Feed of an engine that says how changes are read, and when there may be more.
type Tail struct {
	fill    func(ctx context.Context) ([]Event, error)
	more    func() <-chan struct{}
	done    <-chan struct{}
	pending []Event
	once    sync.Once
	closed  chan struct{}
}

// NewTail makes a Tail. Fill gives the next changes in their order, none where there are no more at present; it is not called by
// two at once. The channel of more, taken before a fill, is closed when there may be more than that found. Done is closed with the
// store: the feed then ends, as it does when it is closed itself.
func NewTail(fill func(ctx context.Context) ([]Event, error), more func() <-chan struct{}, done <-chan struct{}) *Tail {
	return &Tail{fill: fill, more: more, done: done, closed: make(chan struct{})}
}

// Next implements Feed.
func (t *Tail) Next(ctx context.Context) (Event, error) {
	for {
		if t.ended() {
			return Event{}, io.EOF
		}
		if err := ctx.Err(); err != nil {
			return Event{}, err
		}
		if len(t.pending) > 0 {
			event := t.pending[0]
			t.pending = t.pending[1:]
			return event, nil
		}
		more := t.more()
		var err error
		if t.pending, err = t.fill(ctx); err != nil {
			if t.ended() {
				return Event{}, io.EOF
			}
			return Event{}, err
		}
		if len(t.pending) > 0 {
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
		case <-t.done:
		case <-t.closed:
		}
	}
}

func (t *Tail) ended() bool {
	select {
	case <-t.done:
		return true
	case <-t.closed:
		return true
	default:
		return false
	}
}

// Close implements Feed.
func (t *Tail) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}
