package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"kiln/resources"
	"kiln/resources/outcome"
)

// firstRead bounds what is set aside for a body before any of it has come.
const firstRead = 1 << 20

// largeBodies is how many bodies of the largest size may be in memory at once; others wait.
const largeBodies = 8

// body reads the whole request body.
func (x *exchange) body() ([]byte, error) { return readBody(x, x.options.MaxBody) }

// readBody reads a whole request body, unpacking gzip. Errors: 413 for more than limit bytes,
// packed or unpacked; 415 for another Content-Encoding; 400 for broken gzip or an early end; 408
// for a client that takes longer than a request may; 429 when too many large bodies are coming in.
func readBody(x *exchange, limit int64) ([]byte, error) {
	r := x.r
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	packed, err := isGzip(r.Header["Content-Encoding"])
	if err != nil {
		return nil, err
	}
	source, size := io.Reader(http.MaxBytesReader(x.w, r.Body, limit)), r.ContentLength
	if packed {
		unpacker, err := gzip.NewReader(source)
		if err != nil {
			return nil, bodyError(err, limit)
		}
		source, size = io.LimitReader(unpacker, limit+1), 0
	}
	body, err := x.readAll(source, size, limit)
	if err != nil {
		return nil, bodyError(err, limit)
	}
	if int64(len(body)) > limit {
		return nil, tooLarge(limit)
	}
	x.setReadDeadline(time.Time{})
	return body, nil
}

// setReadDeadline bounds the reading of a body. It is lifted only by a body that came whole: what
// is left of a refused one net/http reads too, before it sends the answer.
func (x *exchange) setReadDeadline(t time.Time) {
	_ = http.NewResponseController(x.w).SetReadDeadline(t) // tests without a socket have no deadlines
}

// readAll is io.ReadAll with a guess at the size, which a client states and is not trusted with.
// What goes beyond firstRead waits for its share of memory.
func (x *exchange) readAll(r io.Reader, size, limit int64) ([]byte, error) {
	b := make([]byte, 0, min(max(size, 511), firstRead)+1)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) < cap(b) {
			continue
		}
		if len(b) > firstRead && x.share == 0 {
			if err := x.reserve(max(size, 0), limit); err != nil {
				return nil, err
			}
			b = append(make([]byte, 0, max(size+1, 2*int64(cap(b)))), b...)
			continue
		}
		b = append(make([]byte, 0, 2*cap(b)), b...)
	}
}

// patience is how long a large body waits for memory.
const patience = 10 * time.Second

// reserve takes a share of the memory for large bodies: the stated size, or the limit without
// one. finish gives it back.
func (x *exchange) reserve(size, limit int64) error {
	if size == 0 {
		size = limit
	}
	ctx, cancel := context.WithTimeout(x.ctx, patience)
	defer cancel()
	if err := x.memory.Acquire(ctx, size); err != nil {
		return outcome.New(outcome.Throttled, "Too many large requests are coming in; nothing was changed.").Because(err)
	}
	x.share = size
	return nil
}

func isGzip(encodings []string) (bool, error) {
	encoding := strings.ToLower(strings.TrimSpace(strings.Join(encodings, ",")))
	switch encoding {
	case "", "identity":
		return false, nil
	case "gzip", "x-gzip":
		return true, nil
	}
	return false, outcome.New(outcome.NotSupported, "The Content-Encoding %q is not read; send gzip or none.", clip(encoding)).In(outcome.StageUnsupportedMedia)
}

func tooLarge(limit int64) error {
	return outcome.New(outcome.TooLong, "The request body is larger than %d bytes, the most that this server reads.", limit).In(outcome.StageTooLarge)
}

func bodyError(err error, limit int64) error {
	var over *http.MaxBytesError
	var refused *outcome.Error
	switch {
	case errors.As(err, &refused):
		return err
	case errors.As(err, &over):
		return tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return outcome.New(outcome.Timeout, "The request body did not come in time; nothing was changed.").Because(errSlow)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return outcome.New(outcome.Structure, "The request body says it is gzip but is not.").In(outcome.StageSyntax).Because(err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return outcome.New(outcome.Incomplete, "The request body ends before it is complete.").In(outcome.StageSyntax).Because(err)
	}
	return outcome.New(outcome.Structure, "The request body could not be read.").In(outcome.StageSyntax).Because(err)
}

// resource reads the body as a resource, which there must be.
func (x *exchange) resource() (*resources.Document, error) {
	if x.route.typed && x.parts.part[0] == "Binary" {
		return x.binary(x.parts.part[1])
	}
	doc, err := x.optionalResource()
	if doc == nil && err == nil {
		return nil, noBody("a resource")
	}
	return doc, err
}

func noBody(expected string) error {
	return outcome.New(outcome.Structure, "The request has no body; expected %s.", expected).In(outcome.StageSyntax)
}

// optionalResource is resource for operations that can do without; then it is nil.
func (x *exchange) optionalResource() (*resources.Document, error) {
	if x.r.ContentLength == 0 || x.r.Body == nil {
		return nil, nil
	}
	contentType := x.r.Header.Get("Content-Type")
	if _, err := contentCodec(contentType); err != nil {
		return nil, err
	}
	body, err := x.body()
	if err != nil || len(body) == 0 {
		return nil, err
	}
	return parseResource(contentType, body)
}

// parseResource reads a resource in the format that a Content-Type states.
func parseResource(contentType string, body []byte) (*resources.Document, error) {
	of, err := contentCodec(contentType)
	if err != nil {
		return nil, err
	}
	if body, err = decode(of, body); err != nil {
		return nil, err
	}
	return resources.Parse(body)
}
