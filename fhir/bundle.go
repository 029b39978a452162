package fhir

import (
	"io"
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
	// Subsetted marks the Bundle itself as a part of what was asked (_summary=count).
	Subsetted bool
}

// Link is Bundle.link: self, first, previous, next.
type Link struct{ Relation, URL string }

// Entry is Bundle.entry. What is empty is left out.
type Entry struct {
	FullURL  string
	Resource []byte // JSON
	Mode     string // of a search: match, include or outcome
	Request  *EntryRequest
	Response *EntryResponse
}

// EntryRequest is Bundle.entry.request.
type EntryRequest struct{ Method, URL string }

// EntryResponse is Bundle.entry.response. Of a transaction's entry it also says what kind of answer
// HTTP would have given.
type EntryResponse struct {
	Status       string // "201 Created"
	Location     string // absolute, with the version
	ETag         string
	LastModified time.Time
	Outcome      []byte // JSON of an OperationOutcome
}

// AppendJSON appends the Bundle as JSON to b.
func (b *Bundle) AppendJSON(to []byte) []byte { return to }

// WriteTo writes the Bundle as JSON, piece by piece.
func (b *Bundle) WriteTo(w io.Writer) (int64, error) { return 0, unfinished(SearchType) }
