package rest

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// Raw content of Binary: https://hl7.org/fhir/R4/binary.html#rest

// headerSandbox keeps content of unknown origin from acting as a page of this server.
var headerSandbox = []string{"default-src 'none'; sandbox"}

var headerAcceptRanges = []string{"bytes"}

// sendContent answers with the content of a Binary in its own media type, or with a part of it.
func (x *exchange) sendContent(v *store.Version) error {
	doc, err := resources.Parse(v.Body)
	if err != nil {
		return err
	}
	content, err := base64.StdEncoding.AppendDecode(nil, withoutSpace(doc.Text(doc.Member(0, "data"))))
	if err != nil {
		return outcome.New(outcome.Processing, "The data of this Binary is not base64, so it has no raw form; ask for application/fhir+json.").
			In(outcome.StageUnacceptable).Because(err)
	}
	header := x.w.Header()
	header["Accept-Ranges"] = headerAcceptRanges
	header["Content-Security-Policy"] = headerSandbox
	if context := doc.Text(doc.At(0, "securityContext", "reference")); acceptedContext(context) {
		header["X-Security-Context"] = x.value(context)
	}
	contentType := x.value(safeContentType(doc.Text(doc.Member(0, "contentType"))))
	part, verdict := x.asked(int64(len(content)))
	switch verdict {
	case rangeUnsatisfiable:
		header["Content-Range"] = x.value("bytes */" + strconv.Itoa(len(content)))
		return outcome.New(outcome.Value, "The range begins behind the end of the content, which has %d bytes.", len(content)).Because(errRange)
	case rangePart:
		header["Content-Range"] = x.value(part.contentRange(int64(len(content))))
		x.write(http.StatusPartialContent, contentType, content[part.start:part.end])
	default:
		x.write(http.StatusOK, contentType, content)
	}
	return nil
}

// asked is the range asked for. If-Range compares strongly (RFC 9110 section 13.1.5), so the weak
// tags of FHIR never hold there; a date does, if it is that of the version.
func (x *exchange) asked(size int64) (byteRange, rangeVerdict) {
	given := x.r.Header["Range"]
	if len(given) != 1 {
		return byteRange{}, rangeWhole
	}
	if condition := x.r.Header.Get("If-Range"); condition != "" && condition != x.w.Header().Get("Last-Modified") {
		return byteRange{}, rangeWhole
	}
	return parseRange(given[0], size)
}

// withoutSpace drops the white space that base64 may hold.
func withoutSpace(s string) []byte {
	return bytes.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, []byte(s))
}

// safeContentType is a stored media type as a header may carry it.
func safeContentType(contentType string) string {
	name, _, _ := mediaType(contentType)
	if strings.Count(name, "/") != 1 || !printable(contentType) {
		return "application/octet-stream"
	}
	return contentType
}

func acceptedContext(reference string) bool {
	return reference != "" && len(reference) < 1<<10 && printable(reference)
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isContent reports whether the body of a create or update of a Binary is its content rather than
// the resource. Of the generic types only the body can tell.
func (x *exchange) isContent(body []byte) bool {
	name, _, _ := mediaType(x.r.Header.Get("Content-Type"))
	m := mediaTypes[name]
	switch {
	case m == nil, m.outputOnly, m.codec == codecNDJSON:
		return true
	case m.fhir:
		return false
	case m.codec == codecXML:
		return !bytes.Contains(body[:min(len(body), 1<<10)], []byte("<Binary"))
	}
	doc, err := resources.Parse(body)
	return err != nil || doc.Text(doc.Member(0, "resourceType")) != "Binary"
}

// binary reads the body of a create or update of a Binary.
func (x *exchange) binary(id string) (*resources.Document, error) {
	contentType := x.r.Header.Get("Content-Type")
	if contentType == "" {
		return nil, outcome.New(outcome.NotSupported, "The request has no Content-Type; a Binary takes any, and keeps it.").In(outcome.StageUnsupportedMedia)
	}
	body, err := x.body()
	if err != nil {
		return nil, err
	}
	if x.isContent(body) {
		return resources.Parse(wrapContent(id, contentType, x.r.Header.Get("X-Security-Context"), body))
	}
	return parseResource(contentType, body)
}

// wrapContent makes a Binary of raw content. An empty file has no data: no element is empty.
func wrapContent(id, contentType, context string, content []byte) []byte {
	b := make([]byte, 0, base64.StdEncoding.EncodedLen(len(content))+len(contentType)+len(context)+128)
	b = append(b, `{"resourceType":"Binary"`...)
	member := func(name, value string) {
		b = append(append(append(b, `,"`...), name...), `":`...)
		b = append(b, resources.Quote(value)...)
	}
	if id != "" {
		member("id", id)
	}
	member("contentType", contentType)
	if context != "" {
		b = append(b, `,"securityContext":{"reference":`...)
		b = append(append(b, resources.Quote(context)...), '}')
	}
	if len(content) > 0 {
		b = append(b, `,"data":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, content), '"')
	}
	return append(b, '}')
}
