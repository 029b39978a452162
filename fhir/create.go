package fhir

import (
	"context"

	"kiln/resources"
	"kiln/store"
)

// CreateRequest is a create: https://hl7.org/fhir/R4/http.html#create
type CreateRequest struct {
	// Type is the type in the address; the resource must be of it.
	Type string
	// Resource is what to store. Its id is ignored: the server chooses one.
	Resource *resources.Document
	// IfNoneExist are criteria as a query string, as in the header If-None-Exist; empty: none.
	IfNoneExist string
	// Provenance is the content of X-Provenance; nil: none. It is stored in the same transaction, with
	// what was written as its target.
	Provenance *resources.Document
	// Warnings asks for what validation remarks without refusing.
	Warnings bool
}

// Create stores a new resource, or with IfNoneExist finds the one that meets the criteria: then
// neither Created nor Changed is set. Errors: multiple-matches (stage precondition) when several
// meet them; invalid content with all its problems.
func (s *Service) Create(ctx context.Context, request CreateRequest) (Result, error) {
	w := &write{interaction: Create, address: store.Key{Type: request.Type}, warnings: request.Warnings}
	err := w.setBody(request.Resource)
	if err == nil {
		err = w.checkType()
	}
	if err == nil && request.IfNoneExist != "" {
		w.criteria, err = s.criteria(ctx, request.Type, request.IfNoneExist)
	}
	if err == nil {
		err = s.land(ctx, request.Provenance, w)
	}
	return w.result, err
}

func (a *attempt) findCreate(ctx context.Context, w *write) error {
	w.key = store.Key{Type: w.address.Type, ID: a.service.options.NewID()}
	if w.criteria == nil {
		return nil
	}
	found, err := a.search(ctx, w, 2)
	switch {
	case err != nil:
		return err
	case len(found) > 1:
		return several(w.address.Type)
	case len(found) == 1:
		w.key, w.settled, w.result = found[0].Key, true, Result{Version: found[0]}
	}
	return nil
}

func (a *attempt) makeCreate(ctx context.Context, w *write) error {
	return a.put(ctx, w, w.doc, store.Create)
}

// describe notes what is sent: the resource at n.
func (w *write) describe(d *resources.Document, n resources.Node) error {
	element, err := d.ResourceAt(n)
	if err != nil {
		return err
	}
	w.bodyType, w.bodyID = element.Type().Name, d.Text(d.Member(n, "id"))
	return nil
}

// checkType checks that what is sent is of the type in the address.
func (w *write) checkType() error {
	if w.bodyType != w.address.Type {
		return invalid("The resource is of the type %s; the address asks for %s.", w.bodyType, clip(w.address.Type)).At(w.bodyType + ".resourceType")
	}
	return nil
}

// setBody gives a write what is sent with it.
func (w *write) setBody(doc *resources.Document) error {
	if doc == nil {
		return invalid("The request has no resource; expected one of the type %s.", clip(w.address.Type))
	}
	w.doc = doc
	return w.describe(doc, 0)
}
