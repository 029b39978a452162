package rest

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestDeadline(t *testing.T) {
	far := time.Now().Add(time.Hour)
	closed := func(ctx context.Context) bool {
		select {
		case <-ctx.Done():
			return true
		default:
			return false
		}
	}
	t.Run("StandsUntilItsTime", func(t *testing.T) {
		d := &deadline{Context: t.Context(), at: far}
		if at, ok := d.Deadline(); !ok || !at.Equal(far) || d.Err() != nil || closed(d) || d.Err() != nil {
			t.Errorf("%v, %v, %v", at, ok, d.Err())
		}
	})
	t.Run("IsExceededAskedOrAwaited", func(t *testing.T) {
		d := &deadline{Context: t.Context(), at: time.Now().Add(-time.Second)}
		if !errors.Is(d.Err(), context.DeadlineExceeded) || !closed(d) || !errors.Is(d.Err(), context.DeadlineExceeded) {
			t.Error(d.Err())
		}
	})
	t.Run("EndsWithItsRequest", func(t *testing.T) {
		before, after := &deadline{Context: t.Context(), at: far}, &deadline{Context: t.Context(), at: far}
		if closed(before) {
			t.Error("closed too early")
		}
		for _, d := range []*deadline{before, after} {
			d.end()
			if !errors.Is(d.Err(), context.Canceled) || !closed(d) || !errors.Is(d.Err(), context.Canceled) {
				t.Error(d.Err())
			}
		}
	})
	t.Run("EndsWithItsConnection", func(t *testing.T) {
		for _, awaited := range []bool{false, true} {
			parent, leave := context.WithCancel(t.Context())
			d := &deadline{Context: parent, at: far}
			if awaited && closed(d) {
				t.Error("closed too early")
			}
			leave()
			if !errors.Is(d.Err(), context.Canceled) || !closed(d) {
				t.Error(d.Err())
			}
		}
	})
	t.Run("PassesOnToThoseMadeOfIt", func(t *testing.T) {
		d := &deadline{Context: t.Context(), at: far}
		child, leave := context.WithTimeout(d, time.Hour)
		defer leave()
		d.end()
		<-child.Done()
		if !errors.Is(child.Err(), context.Canceled) {
			t.Error(child.Err())
		}
	})
	t.Run("IsNoLaterThanTheOneAround", func(t *testing.T) {
		parent, leave := context.WithDeadline(t.Context(), far)
		defer leave()
		d := &deadline{Context: parent, at: far.Add(time.Hour)}
		if at, _ := d.Deadline(); !at.Equal(far) {
			t.Error(at)
		}
	})
}
