package fhir

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// Return is what the caller wants to see of what was written (Prefer: return=…):
// https://hl7.org/fhir/R4/http.html#ops
type Return uint8

// The values of Return.
const (
	ReturnMinimal Return = iota
	ReturnRepresentation
	ReturnOutcome
)

// BundleRequest is a batch or a transaction, as Bundle.type says.
type BundleRequest struct {
	Bundle *resources.Document
	// Return and Lenient hold for every entry.
	Return  Return
	Lenient bool
	// Provenance is as for CreateRequest; of a transaction it targets everything that was written.
	Provenance *resources.Document
	// Status is the HTTP status of a refused entry of a batch. Nil: 400 for all.
	Status func(*outcome.Error) int
	// Records are written in the commit of a transaction, so that whoever sends it can keep account
	// of what went in: both are there or neither. A batch leaves them out.
	Records []store.RecordChange
}

// Process does a batch or a transaction: https://hl7.org/fhir/R4/http.html#transaction
// The answer is a Bundle of type batch-response or transaction-response with an entry for each of
// the request's, in their order. A transaction lands whole or not at all, and its refusal names
// the entry (Bundle.entry[3]…); entries of a batch stand alone and carry their refusals.
func (s *Service) Process(ctx context.Context, request BundleRequest) (*Bundle, error) {
	p := &process{service: s, request: request, doc: request.Bundle}
	interaction, err := p.kind()
	if err != nil {
		return nil, err
	}
	if _, err := s.allow(ctx, Action{Interaction: interaction}); err != nil {
		return nil, err
	}
	if err := p.readEntries(); err != nil {
		return nil, err
	}
	if interaction == Batch {
		err = p.batch(ctx)
	} else {
		err = p.transaction(ctx)
	}
	if err == nil {
		err = p.settle(p.landed)
	}
	if err != nil {
		return nil, err
	}
	return &Bundle{Type: string(interaction) + "-response", Entries: p.answers()}, nil
}

// answers are the entries of the response. A resource that is shown twice has its fullUrl once
// (bdl-7).
func (p *process) answers() []Entry {
	answers := make([]Entry, len(p.entries))
	shown := map[string]bool{}
	for i, e := range p.entries {
		answers[i] = e.answer
		if url := e.answer.FullURL; url != "" {
			if shown[url] {
				answers[i].FullURL = ""
			}
			shown[url] = true
		}
	}
	return answers
}

// process is one batch or transaction.
type process struct {
	service *Service
	request BundleRequest
	doc     *resources.Document
	entries []*entry
	landed  map[store.Key]store.Version // of a transaction
}

// entry is one entry of the request. What is wrong with it stands in problem.
type entry struct {
	index    int
	fullURL  string
	resource resources.Node // None without
	method   string
	address  address
	headers  headers
	problem  error
	write    *write  // of what changes something
	bundle   *Bundle // of a search or history; part of answer once it is settled
	answer   Entry
}

// headers are what Bundle.entry.request states beside the method and the URL.
type headers struct {
	ifMatch, ifNoneMatch Match
	ifModifiedSince      time.Time
	ifNoneExist          string
}

func (e *entry) place() string { return "Bundle.entry[" + strconv.Itoa(e.index) + "]" }

func (p *process) kind() (Interaction, error) {
	if p.doc == nil {
		return "", invalid("The request has no Bundle.")
	}
	bundle, err := p.doc.Resource()
	if err != nil {
		return "", err
	}
	if bundle.Type().Name != "Bundle" {
		return "", invalid("The resource is of the type %s; the base address takes a Bundle of type batch or transaction.", bundle.Type().Name)
	}
	switch kind := p.doc.Text(p.doc.Member(0, "type")); kind {
	case "batch":
		return Batch, nil
	case "transaction":
		return Transaction, nil
	default:
		return "", outcome.New(outcome.Value, "The type of the Bundle is %q; expected batch or transaction.", clip(kind)).At("Bundle.type").In(outcome.StageSyntax)
	}
}

func (p *process) readEntries() error {
	list := p.doc.Member(0, "entry")
	count := p.doc.Count(list)
	if most := p.service.options.Limits.Entries; count > most {
		return outcome.New(outcome.TooLong, "The Bundle has %d entries; at most %d are taken at once.", count, most).At("Bundle.entry").In(outcome.StageTooLarge)
	}
	p.entries = make([]*entry, 0, count)
	for n := range p.doc.Children(list) {
		e := &entry{index: len(p.entries)}
		e.problem = p.readEntry(e, n)
		p.entries = append(p.entries, e)
	}
	return nil
}

// methods of an entry; those that carry a body need a resource.
var methods = map[string]struct{ body bool }{
	"GET": {}, "HEAD": {}, "DELETE": {}, "POST": {body: true}, "PUT": {body: true}, "PATCH": {body: true},
}

func (p *process) readEntry(e *entry, n resources.Node) (err error) {
	d := p.doc
	e.fullURL = d.Text(d.Member(n, "fullUrl"))
	e.resource = d.Member(n, "resource")
	request := d.Member(n, "request")
	e.method = d.Text(d.Member(request, "method"))
	method, known := methods[e.method]
	switch {
	case request == resources.None:
		return outcome.New(outcome.Required, "The entry has no request: it does not say what to do.").In(outcome.StageSyntax)
	case !known:
		return outcome.New(outcome.Value, "The method of the entry is %q; expected GET, HEAD, POST, PUT, PATCH or DELETE.", clip(e.method)).In(outcome.StageSyntax)
	}
	if e.address, err = p.service.readAddress(e.method, d.Text(d.Member(request, "url"))); err != nil {
		return err
	}
	if method.body && e.resource == resources.None && !e.address.bodiless() {
		return outcome.New(outcome.Required, "The entry has no resource, which %s needs.", e.method).In(outcome.StageSyntax)
	}
	e.headers, err = readHeaders(d, request)
	return err
}

func readHeaders(d *resources.Document, request resources.Node) (h headers, err error) {
	if h.ifMatch, err = readTags("ifMatch", d.Text(d.Member(request, "ifMatch"))); err != nil {
		return h, err
	}
	if h.ifNoneMatch, err = readTags("ifNoneMatch", d.Text(d.Member(request, "ifNoneMatch"))); err != nil {
		return h, err
	}
	h.ifNoneExist = d.Text(d.Member(request, "ifNoneExist"))
	if since := d.Text(d.Member(request, "ifModifiedSince")); since != "" {
		if h.ifModifiedSince, err = time.Parse(time.RFC3339Nano, since); err != nil {
			return h, outcome.New(outcome.Value, "ifModifiedSince is %q; expected an instant such as 2024-02-29T12:00:00Z.", clip(since)).In(outcome.StageSyntax)
		}
	}
	return h, nil
}

// readTags reads a list of entity tags: W/"3", "3" or *. A bare number is taken as one, since
// that is what many write. Tags that no version of this server has match nothing.
func readTags(name, text string) (m Match, err error) {
	if text == "" {
		return m, nil
	}
	m.Stated = true
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "*" {
			m.Any = true
			continue
		}
		opaque := strings.TrimPrefix(part, "W/")
		quoted := len(opaque) >= 2 && opaque[0] == '"' && opaque[len(opaque)-1] == '"'
		v, err := strconv.ParseInt(strings.Trim(opaque, `"`), 10, 64)
		if err != nil && !quoted {
			return m, outcome.New(outcome.Value, "%s is %q; expected an entity tag such as W/\"3\".", name, clip(text)).In(outcome.StageSyntax)
		}
		if err == nil {
			m.Versions = append(m.Versions, v)
		}
	}
	return m, nil
}

// body is the resource of an entry as a document of its own, with edits done.
func (p *process) body(e *entry, edits []resources.Edit) (*resources.Document, error) {
	size := len(p.doc.Raw(e.resource)) + 64*len(edits)
	return resources.Parse(p.doc.AppendCompact(make([]byte, 0, size), e.resource, edits...))
}

// status of what went well.
const (
	statusOK          = "200 OK"
	statusCreated     = "201 Created"
	statusNoContent   = "204 No Content"
	statusNotModified = "304 Not Modified"
)

// written answers an entry that changed something, or found that there was nothing to change.
func (p *process) written(e *entry, result Result) {
	v := result.Version
	response := &EntryResponse{Status: statusOK, Location: p.service.location(v), ETag: etag(v.VersionID), LastModified: v.LastUpdated}
	if result.Created {
		response.Status = statusCreated
	}
	e.answer = Entry{Response: response}
	switch p.request.Return {
	case ReturnRepresentation:
		e.answer.FullURL, e.answer.Resource = p.service.fullURL(v.Key), v.Body
	case ReturnOutcome:
		response.Outcome = outcome.JSON(issuesWithin(result.Issues, e.place()))
	}
}

// deleted answers an entry that deleted something, or found nothing to delete.
func (p *process) deleted(e *entry, d Deletion) {
	response := &EntryResponse{Status: statusNoContent}
	if len(d.Tombstones) == 1 {
		response.ETag, response.LastModified = etag(d.Tombstones[0].VersionID), d.Tombstones[0].LastUpdated
	}
	if p.request.Return == ReturnOutcome || len(d.Issues) > 0 {
		response.Status, response.Outcome = statusOK, outcome.JSON(d.Issues)
	}
	e.answer = Entry{Response: response}
}

// refused answers an entry of a batch that failed. A fault of the server shows nothing of itself.
func (p *process) refused(e *entry, err error) {
	refused := outcome.As(within(refusal(err, e.address.key), e.place()))
	code := http.StatusBadRequest
	if p.request.Status != nil {
		code = p.request.Status(refused)
	}
	e.answer = Entry{Response: &EntryResponse{
		Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), Outcome: outcome.JSON(refused.Issues),
	}}
}

// get answers an entry that reads.
func (p *process) get(ctx context.Context, reader store.Reader, e *entry) error {
	s, a := p.service, e.address
	switch a.route.Interaction {
	case Read, VRead:
		return p.getVersion(ctx, reader, e)
	case SearchType, SearchSystem, SearchCompart:
		bundle, err := s.search(ctx, reader, SearchRequest{Type: a.searched(), Compartment: a.compartment(), Query: a.query, Lenient: p.request.Lenient})
		e.bundle = bundle
		p.got(e, nil)
		return err
	case HistoryInstance, HistoryType, HistorySystem:
		bundle, err := s.history(ctx, reader, HistoryRequest{Type: a.key.Type, ID: a.key.ID, Query: a.query, Lenient: p.request.Lenient})
		e.bundle = bundle
		p.got(e, nil)
		return err
	case Capabilities:
		body, err := s.Capabilities(ctx, CapabilitiesRequest{Mode: parameter(a.query, "mode")})
		p.got(e, body)
		return err
	}
	return p.call(ctx, e)
}

// getVersion answers a read, which may be conditional: https://hl7.org/fhir/R4/http.html#cread
func (p *process) getVersion(ctx context.Context, reader store.Reader, e *entry) (err error) {
	a := e.address
	var v store.Version
	if a.route.Interaction == VRead {
		v, err = p.service.readVersion(ctx, reader, a.key, a.version)
	} else {
		v, err = p.service.read(ctx, reader, a.key)
	}
	if err != nil {
		return err
	}
	subset, err := ParseSubset(parameter(a.query, "_summary"), parameter(a.query, "_elements"))
	if err != nil {
		return err
	}
	body, err := subset.Apply(v.Body)
	if err != nil {
		return err
	}
	p.got(e, body)
	response := e.answer.Response
	response.ETag, response.LastModified = etag(v.VersionID), v.LastUpdated
	e.answer.FullURL, e.answer.of, e.answer.subset = p.service.fullURL(v.Key), v, subset
	if e.headers.notModified(v) {
		response.Status = statusNotModified
		e.answer.FullURL, e.answer.Resource = "", nil
	}
	return nil
}

// settle finishes the answers of the entries that read. What they read of the very versions that
// the transaction made is shown as it landed: its time was not known before.
func (p *process) settle(landed map[store.Key]store.Version) error {
	for _, e := range p.entries {
		if err := e.answer.land(landed); err != nil {
			return err
		}
		if e.bundle == nil || e.method == http.MethodHead {
			continue
		}
		for i := range e.bundle.Entries {
			if err := e.bundle.Entries[i].land(landed); err != nil {
				return err
			}
		}
		e.answer.Resource = e.bundle.AppendJSON(nil)
	}
	return nil
}

// land shows the version that landed where the entry shows its preview.
func (e *Entry) land(landed map[store.Key]store.Version) (err error) {
	v, ok := landed[e.of.Key]
	if !ok || v.VersionID != e.of.VersionID {
		return nil
	}
	if e.Response != nil && !e.Response.LastModified.IsZero() {
		e.Response.LastModified = v.LastUpdated
	}
	if len(e.Resource) > 0 {
		e.Resource, err = e.subset.Apply(v.Body)
	}
	return err
}

func (h headers) notModified(v store.Version) bool {
	if h.ifNoneMatch.Stated {
		return h.ifNoneMatch.holds(v.VersionID)
	}
	return !h.ifModifiedSince.IsZero() && !v.LastUpdated.After(h.ifModifiedSince)
}

// got answers an entry with a resource; HEAD leaves it out.
func (p *process) got(e *entry, body []byte) {
	if e.method == http.MethodHead {
		body = nil
	}
	e.answer = Entry{Resource: body, Response: &EntryResponse{Status: statusOK}}
}

// call answers an entry that calls an operation.
func (p *process) call(ctx context.Context, e *entry) error {
	request := OperationRequest{Name: e.address.operation, Type: e.address.key.Type, ID: e.address.key.ID, Query: e.address.query, Post: e.method == http.MethodPost}
	if e.resource != resources.None {
		var err error
		if request.Body, err = p.body(e, nil); err != nil {
			return err
		}
	}
	result, err := p.service.Operate(ctx, request)
	p.got(e, result.Resource)
	return err
}

// parameter is the value of a parameter in a query string; empty without it.
func parameter(query, name string) string {
	pairs, err := search.ReadQueryString(query)
	if err != nil {
		return ""
	}
	for _, p := range pairs {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
