package main

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"
)

// leaving is a server that stops soon: whoever spreads requests over several sees by /readyz that it should get
// no more of them, and whoever has a connection open is told with the next answer not to use it again. So a
// restart, one process after the other, fails no request.
type leaving struct{ soon atomic.Bool }

var errLeaving = errors.New("the server is stopping")

func (l *leaving) ready() error {
	if l.soon.Load() {
		return errLeaving
	}
	return nil
}

// announce tells it and goes on for a while.
func (l *leaving) announce(delay time.Duration) {
	l.soon.Store(true)
	time.Sleep(delay)
}

// closing is a handler with answers that end their connections once the server leaves.
func (l *leaving) closing(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.soon.Load() {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	})
}
