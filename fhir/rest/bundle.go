package rest

import (
	"net/http"
	"sync"

	"kiln/fhir"
)

// maxWhole is how large a Bundle may be to be written whole, with its length; larger ones go out
// in pieces as they are made.
const maxWhole = 1 << 20

// buffers keep the memory of Bundles that were written whole.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// sendBundle answers with a Bundle.
func (x *exchange) sendBundle(bundle *fhir.Bundle) error {
	if x.format.codec == codecNDJSON {
		x.sendLines(bundle)
		return nil
	}
	plain := x.format.codec == codecJSON && !x.format.pretty
	size := bundleSize(bundle)
	if plain && size > maxWhole {
		return x.stream(bundle)
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if cap(*buffer) < size && size <= maxWhole {
		*buffer = make([]byte, 0, size)
	}
	body := bundle.AppendJSON((*buffer)[:0])
	if cap(body) <= 2*maxWhole {
		*buffer = body
	}
	return x.send(http.StatusOK, body)
}

// bundleSize is about how many bytes the Bundle has as JSON.
func bundleSize(bundle *fhir.Bundle) int {
	size := 1 << 10
	for i := range bundle.Entries {
		size += len(bundle.Entries[i].Resource) + 384
	}
	return size
}

// stream writes a Bundle in pieces. An error after the first piece breaks the connection.
func (x *exchange) stream(bundle *fhir.Bundle) error {
	x.w.Header()["Content-Type"] = x.format.contentType
	x.w.WriteHeader(http.StatusOK)
	if x.r.Method == http.MethodHead {
		x.w.WriteHeaderNow()
		return nil
	}
	_, err := bundle.WriteTo(x.w)
	return err
}

// sendLines writes the resources of a search one a line. What a Bundle says beside them goes into
// Link headers: https://www.rfc-editor.org/rfc/rfc8288
func (x *exchange) sendLines(bundle *fhir.Bundle) {
	header := x.w.Header()
	header["Content-Type"] = x.format.contentType
	for _, link := range bundle.Links {
		header["Link"] = append(header["Link"], "<"+link.URL+`>; rel="`+link.Relation+`"`)
	}
	x.w.WriteHeader(http.StatusOK)
	x.w.WriteHeaderNow()
	if x.r.Method == http.MethodHead {
		return
	}
	newline := []byte{'\n'}
	for i := range bundle.Entries {
		if len(bundle.Entries[i].Resource) > 0 {
			_, _ = x.w.Write(bundle.Entries[i].Resource)
			_, _ = x.w.Write(newline)
		}
	}
}
