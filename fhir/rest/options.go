package rest

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kiln/fhir"
)

// Options configure the HTTP edge. The zero value needs a Service and nothing else.
type Options struct {
	// Service answers the interactions. Required.
	Service *fhir.Service
	// MaxBody bounds a request body, packed and unpacked, in bytes. Default 64 MiB.
	MaxBody int64
	// RequestTimeout ends every request that is no stream. Default 60 s.
	RequestTimeout time.Duration
	// Origins are the web origins whose pages may call the server: "https://app.example.org",
	// "*" or LoopbackOrigins. Default "*": authority comes from a token, never from a cookie. Where
	// no token is asked for, LoopbackOrigins keeps the pages of others out.
	Origins []string
	// Authenticator finds out who asks. Default: nobody is asked.
	Authenticator Authenticator
	// WellKnown answers what is asked below .well-known/ of the base. Default: that is no address.
	WellKnown http.Handler
	// Ready reports why the server is not ready yet, nil when it is. Default: ready.
	Ready func() error
	// Logger gets one line a request, without ids, query values and bodies. Default: discard.
	Logger *slog.Logger
	// Registry collects the metrics and is served at /metrics. Default: a new one, with the
	// collectors of the Go runtime and the process.
	Registry *prometheus.Registry
	// Counters are further metrics.
	Counters []Counter
}

// Counter is a metric that others count.
type Counter struct {
	Name, Help string
	Value      func() uint64 // never falls
}

// EnsureDefaults fills in what is not set.
func (o *Options) EnsureDefaults() {
	if o.MaxBody == 0 {
		o.MaxBody = 64 << 20
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 60 * time.Second
	}
	if o.Origins == nil {
		o.Origins = []string{"*"}
	}
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Validate says what is wrong with the options.
func (o *Options) Validate() error {
	var problems []error
	if o.Service == nil {
		problems = append(problems, errors.New("the REST edge needs a fhir.Service"))
	}
	if o.MaxBody < 0 {
		problems = append(problems, fmt.Errorf("the largest body is %d bytes; expected a positive number", o.MaxBody))
	}
	if o.RequestTimeout < 0 {
		problems = append(problems, fmt.Errorf("the request timeout is %s; expected a positive duration", o.RequestTimeout))
	}
	for _, origin := range o.Origins {
		if origin == "" {
			problems = append(problems, errors.New("an allowed origin is empty"))
		}
	}
	return errors.Join(problems...)
}

var _ http.Handler = (*Handler)(nil)
