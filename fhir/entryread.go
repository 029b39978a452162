package fhir

import (
	"context"
	"net/http"

	"kiln/resources"
	"kiln/store"
)

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
	e.answer.FullURL, e.answer.of, e.answer.subset = p.service.fullURL(v.Key), whole(v), subset
	if e.headers.notModified(v) {
		response.Status = statusNotModified
		e.answer.FullURL, e.answer.Resource = "", nil
	}
	return nil
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
