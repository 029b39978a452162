package store_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"kiln/store"
)

func TestTail(t *testing.T) {
	failed := errors.New("not reached")
	answers := []struct {
		events []store.Event
		err    error
	}{{events: []store.Event{{Position: 1}, {Position: 2}}}, {err: failed}, {}, {events: []store.Event{{Position: 3}}}}
	more, done := make(chan struct{}), make(chan struct{})
	fill := func(context.Context) ([]store.Event, error) {
		a := answers[0]
		if answers = answers[1:]; len(a.events) == 0 && a.err == nil {
			close(more) // it came after all had been looked at
		}
		return a.events, a.err
	}
	feed := store.NewTail(fill, func() <-chan struct{} { return more }, done)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	next := func(ctx context.Context, want store.Position, wrong error) {
		t.Helper()
		event, err := feed.Next(ctx)
		if event.Position != want || !errors.Is(err, wrong) {
			t.Errorf("next is %d, %v; want %d, %v", event.Position, err, want, wrong)
		}
	}
	next(t.Context(), 1, nil)
	next(over, 0, context.Canceled)
	next(t.Context(), 2, nil) // which the one that was over did not take
	next(t.Context(), 0, failed)
	next(t.Context(), 3, nil)
	if err := errors.Join(feed.Close(), feed.Close()); err != nil {
		t.Fatal(err)
	}
	next(t.Context(), 0, io.EOF)

	feed = store.NewTail(func(context.Context) ([]store.Event, error) { close(done); return nil, failed }, func() <-chan struct{} { return more }, done)
	next(t.Context(), 0, io.EOF) // a store that is closed meanwhile fails nobody
}
