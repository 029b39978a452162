package fhir

import (
	"strconv"
	"strings"
	"time"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/search"
)

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
