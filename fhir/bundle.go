package fhir

import (
	"io"
	"strconv"
	"time"
)

// Bundle is an answer of several resources: https://hl7.org/fhir/R4/bundle.html. The resources
// in it are the stored bytes; nothing is parsed to write it.
type Bundle struct {
	Type        string // searchset, history, batch-response, transaction-response
	LastUpdated time.Time
	Total       int64 // where HasTotal
	HasTotal    bool
	Links       []Link
	Entries     []Entry
}

// Link is Bundle.link: self, first, previous, next.
type Link struct{ Relation, URL string }

// Entry is Bundle.entry. What is empty is left out.
type Entry struct {
	FullURL  string
	Resource []byte // JSON
	Mode     string // of a search: match, include or outcome
	Distance string // of a search by near: from there, in kilometres
	Request  *EntryRequest
	Response *EntryResponse

	of     matched // what Resource shows
	subset Subset  // and how much of it
}

// EntryRequest is Bundle.entry.request.
type EntryRequest struct{ Method, URL string }

// EntryResponse is Bundle.entry.response.
type EntryResponse struct {
	Status       string // "201 Created"
	Location     string // absolute, with the version
	ETag         string
	LastModified time.Time
	Outcome      []byte // JSON of an OperationOutcome
}

// Link finds the URL of a link; empty if there is none.
func (b *Bundle) Link(relation string) string {
	for _, l := range b.Links {
		if l.Relation == relation {
			return l.URL
		}
	}
	return ""
}

// AppendJSON appends the Bundle as JSON.
func (b *Bundle) AppendJSON(to []byte) []byte {
	to = b.appendHead(to)
	for i := range b.Entries {
		to = b.Entries[i].appendJSON(b.separate(to, i))
	}
	return b.appendTail(to)
}

// WriteTo writes the Bundle as JSON, some entries at a time.
func (b *Bundle) WriteTo(w io.Writer) (written int64, err error) {
	const piece = 64 << 10
	buffer := b.appendHead(make([]byte, 0, piece))
	flush := func() bool {
		var n int
		n, err = w.Write(buffer)
		written += int64(n)
		buffer = buffer[:0]
		return err == nil
	}
	for i := range b.Entries {
		buffer = b.Entries[i].appendJSON(b.separate(buffer, i))
		if len(buffer) >= piece && !flush() {
			return written, err
		}
	}
	buffer = b.appendTail(buffer)
	flush()
	return written, err
}

func (b *Bundle) appendHead(to []byte) []byte {
	to = append(to, `{"resourceType":"Bundle"`...)
	if !b.LastUpdated.IsZero() {
		to = append(appendInstant(append(to, `,"meta":{"lastUpdated":`...), b.LastUpdated), '}')
	}
	to = appendString(append(to, `,"type":`...), b.Type)
	if b.HasTotal {
		to = strconv.AppendInt(append(to, `,"total":`...), b.Total, 10)
	}
	for i, link := range b.Links {
		if i == 0 {
			to = append(to, `,"link":[`...)
		} else {
			to = append(to, ',')
		}
		to = appendString(append(to, `{"relation":`...), link.Relation)
		to = append(appendString(append(to, `,"url":`...), link.URL), '}')
	}
	if len(b.Links) > 0 {
		to = append(to, ']')
	}
	return to
}

// separate begins entry i. An empty array would not be valid, so there is none without entries.
func (b *Bundle) separate(to []byte, i int) []byte {
	if i == 0 {
		return append(to, `,"entry":[`...)
	}
	return append(to, ',')
}

func (b *Bundle) appendTail(to []byte) []byte {
	if len(b.Entries) > 0 {
		to = append(to, ']')
	}
	return append(to, '}')
}

func (e *Entry) appendJSON(to []byte) []byte {
	w := members{append(to, '{'), true}
	w.text("fullUrl", e.FullURL)
	w.raw("resource", e.Resource)
	if e.Mode != "" {
		w.name("search")
		w.out = e.appendSearch(w.out)
	}
	if e.Request != nil {
		w.name("request")
		w.out = e.Request.appendJSON(w.out)
	}
	if e.Response != nil {
		w.name("response")
		w.out = e.Response.appendJSON(w.out)
	}
	return append(w.out, '}')
}

func (r *EntryRequest) appendJSON(to []byte) []byte {
	w := members{append(to, '{'), true}
	w.text("method", r.Method)
	w.text("url", r.URL)
	return append(w.out, '}')
}

func (r *EntryResponse) appendJSON(to []byte) []byte {
	w := members{append(to, '{'), true}
	w.text("status", r.Status)
	w.text("location", r.Location)
	w.text("etag", r.ETag)
	if !r.LastModified.IsZero() {
		w.name("lastModified")
		w.out = appendInstant(w.out, r.LastModified)
	}
	w.raw("outcome", r.Outcome)
	return append(w.out, '}')
}

// members writes the members of one object and leaves out what is empty.
type members struct {
	out   []byte
	first bool
}

func (w *members) name(name string) {
	if !w.first {
		w.out = append(w.out, ',')
	}
	w.first = false
	w.out = append(appendString(w.out, name), ':')
}

func (w *members) text(name, value string) {
	if value != "" {
		w.name(name)
		w.out = appendString(w.out, value)
	}
}

func (w *members) raw(name string, value []byte) {
	if len(value) > 0 {
		w.name(name)
		w.out = append(w.out, value...)
	}
}
