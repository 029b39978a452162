package server

import (
	"strconv"
	"testing"
	"time"
)

func TestLimit(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	l := newLimit(3)
	for range 3 {
		if w := l.wait("a", now); w != 0 {
			t.Fatalf("a waits %s too early", w)
		}
		l.failed("a", now)
	}
	if w := l.wait("a", now.Add(10*time.Second)); w != 50*time.Second {
		t.Errorf("a waits %s, want 50s", w)
	}
	if w := l.wait("b", now); w != 0 {
		t.Errorf("b waits %s for what a did", w)
	}
	l.forgive("a")
	if w := l.wait("a", now); w != 0 {
		t.Errorf("a waits %s though it was forgiven", w)
	}
	for i := range 3 * limitNames {
		l.failed(strconv.Itoa(i), now)
	}
	if len(l.count) > limitNames+1 {
		t.Errorf("%d names are kept, want at most %d", len(l.count), limitNames+1)
	}
	if w := l.wait("one more", now); w == 0 {
		t.Error("names beyond those kept are not limited together")
	}
	if w := l.wait("one more", now.Add(time.Minute)); w != 0 {
		t.Errorf("after a minute a name waits %s", w)
	}
}
