package rest

import (
	"log/slog"
	"net/http"
	"time"
)

// The patience of the server with one connection, as the contract states it.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 120 * time.Second
	// maxHeader bounds the request line and all headers; X-Provenance is the largest of them.
	// net/http itself answers more with 431.
	maxHeader = 256 << 10
)

// NewServer makes an *http.Server for handler with the limits that guard against slow and
// oversized clients. It does not listen. Handlers that stream for longer than requestTimeout
// extend their time with http.ResponseController.
func NewServer(handler http.Handler, options Options) *http.Server {
	options.EnsureDefaults()
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		WriteTimeout:      options.RequestTimeout + headerTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(options.Logger.Handler(), slog.LevelDebug),
	}
}
