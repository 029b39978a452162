package rest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"kiln/resources/outcome"
	"kiln/store"
)

// exchange is one request and its answer.
type exchange struct {
	*Handler
	w        gin.ResponseWriter
	r        *http.Request
	ctx      context.Context
	start    time.Time
	deadline deadline
	id       string // of the request

	parts          segments
	allow          string
	route          *route // never nil: requests without an address have the route unrouted
	query          query
	format         format
	prefer         prefer
	authenticating bool   // the authenticator was asked
	share          int64  // of the memory for large bodies
	asks           string // see Ending.Asked

	// values are header values of this answer; they live as long as its header does.
	values [8]string
	used   int
}

// Header values that never change are shared; nothing appends to them in place.
var (
	headerNoSniff = []string{"nosniff"}
	headerVary    = []string{"Accept, Accept-Encoding"}
	// headerNoStore: what is sent is patient data or tells of it. Neither the disk of a shared
	// workstation nor a proxy may keep it; clients that want to revalidate keep their own copy and
	// the ETag.
	headerNoStore = []string{"no-store"}
)

// begin writes the headers of every answer.
func (x *exchange) begin() {
	x.id = x.requestID()
	header := x.w.Header()
	header["X-Request-Id"] = x.value(x.id)
	header["X-Content-Type-Options"] = headerNoSniff
	header["Cache-Control"] = headerNoStore
	header["Vary"] = headerVary
	if origin := x.r.Header["Origin"]; len(origin) > 0 {
		x.origins.allow(header, origin[0])
	}
}

func (x *exchange) requestID() string {
	if given := x.r.Header["X-Request-Id"]; len(given) == 1 && acceptedRequestID(given[0]) {
		return given[0]
	}
	return x.ids.next()
}

// value is a header value without an allocation of its own.
func (x *exchange) value(text string) []string {
	if x.used == len(x.values) {
		return []string{text}
	}
	x.values[x.used] = text
	x.used++
	return x.values[x.used-1 : x.used : x.used]
}

// key is the resource that the address names.
func (x *exchange) key() store.Key { return store.Key{Type: x.parts.part[0], ID: x.parts.part[1]} }

// versioned writes the headers of a version: ETag and Last-Modified.
func (x *exchange) versioned(v *store.Version) {
	var buffer [64]byte
	b := appendETag(buffer[:0], v.VersionID)
	cut := len(b)
	text := string(v.LastUpdated.UTC().AppendFormat(b, http.TimeFormat))
	header := x.w.Header()
	header["Etag"], header["Last-Modified"] = x.value(text[:cut]), x.value(text[cut:])
}

// send answers with a resource, given as JSON, in the format that was asked for.
func (x *exchange) send(status int, resource []byte) error {
	body, err := x.format.encode(resource)
	if err != nil {
		return err
	}
	x.write(status, x.format.contentType, body)
	return nil
}

// sendDone is send for a write that has happened: what has no form in the format is sent as JSON,
// since a refusal would say that nothing was changed.
func (x *exchange) sendDone(status int, resource []byte) {
	if x.send(status, resource) != nil {
		x.write(status, fhirJSON.contentType, resource)
	}
}

// write answers with bytes as they are.
func (x *exchange) write(status int, contentType []string, body []byte) {
	header := x.w.Header()
	header["Content-Type"] = contentType
	header["Content-Length"] = x.value(strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	if x.r.Method == http.MethodHead {
		x.w.WriteHeaderNow()
		return
	}
	_, _ = x.w.Write(body) // a client that has gone hears nothing more
}

// empty answers without a body.
func (x *exchange) empty(status int) {
	x.w.WriteHeader(status)
	x.w.WriteHeaderNow()
}

// fail answers with an OperationOutcome. Once an answer has begun, all that is left is to break
// the connection, so that nobody takes a part for the whole.
func (x *exchange) fail(err error) {
	refused := refusal(err)
	status := Status(refused)
	if status == http.StatusInternalServerError || status == http.StatusGatewayTimeout {
		x.options.Logger.LogAttrs(x.r.Context(), slog.LevelError, "request failed", slog.String("request", x.id), slog.Any("cause", errors.Unwrap(refused)))
	}
	if x.w.Written() {
		panic(http.ErrAbortHandler)
	}
	x.refuse(status, refused)
}

func (x *exchange) refuse(status int, refused *outcome.Error) {
	header := x.w.Header()
	var gone *store.GoneError
	switch {
	case status == http.StatusMethodNotAllowed:
		header["Allow"] = x.value(x.allow)
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		header["Retry-After"] = []string{"5"}
	case status == http.StatusGone && errors.As(refused, &gone):
		x.versioned(&gone.Tombstone)
	}
	x.challenge(status, refused)
	issues := refused.Issues
	if status == http.StatusInternalServerError {
		issues = []outcome.Issue{{
			Severity: outcome.SeverityFatal, Code: outcome.Exception,
			Diagnostics: "The server failed to handle this request. It is in the log under the request id " + x.id + ".",
		}}
	}
	body := outcome.JSON(issues)
	if x.format.codec == codecNDJSON {
		x.format.media = fhirJSON
	}
	x.sendDone(status, body)
}

// finish ends the exchange: a panic becomes a 500, then the request is counted and logged.
func (x *exchange) finish() {
	if fault := recover(); fault != nil {
		x.recovered(fault)
	}
	if x.share > 0 {
		x.memory.Release(x.share)
	}
	status, took := x.w.Status(), time.Since(x.start)
	typ := ""
	if x.route.typed {
		typ = x.parts.part[0]
	}
	x.route.meter.count(status, took)
	x.ended(status)
	if !x.options.Logger.Enabled(x.r.Context(), slog.LevelInfo) {
		return
	}
	x.options.Logger.LogAttrs(x.r.Context(), slog.LevelInfo, "request",
		slog.String("id", x.id), slog.String("interaction", x.route.label), slog.String("type", typ),
		slog.Int("status", status), slog.Int("bytes", max(x.w.Size(), 0)), slog.Duration("took", took))
}

// recovered logs a panic by its type and place; its text might hold anything, so only that of the
// runtime is kept.
func (x *exchange) recovered(fault any) {
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(fault)
	}
	x.metrics.panics.Inc()
	text := "not shown"
	if r, ok := fault.(interface {
		error
		RuntimeError()
	}); ok {
		text = r.Error()
	}
	x.options.Logger.LogAttrs(x.r.Context(), slog.LevelError, "panic", slog.String("request", x.id),
		slog.String("fault", text), slog.String("stack", string(debug.Stack())))
	if x.w.Written() {
		panic(http.ErrAbortHandler)
	}
	x.refuse(http.StatusInternalServerError, outcome.As(errFault))
}

var errFault = errors.New("panic")
