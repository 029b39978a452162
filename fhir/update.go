package fhir

import (
	"context"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/store"
)

// UpdateRequest is an update: https://hl7.org/fhir/R4/http.html#update
type UpdateRequest struct {
	// Key is the address. Without an ID the target is found by Criteria:
	// https://hl7.org/fhir/R4/http.html#cond-update
	Key store.Key
	// Criteria is the raw query string of a conditional update.
	Criteria string
	Resource *resources.Document
	// IfMatch must name the current version; IfNoneMatch must not ("*": there must be none).
	IfMatch, IfNoneMatch Match
	// Provenance is as for CreateRequest.
	Provenance *resources.Document
	// Warnings asks for what validation remarks without refusing.
	Warnings bool
}

// Update stores a new version, creating the resource where there is none or it is deleted. Content
// that equals what is stored makes no version: Changed is not set. Errors: invalid (stage
// syntax) when the ids of address and body differ; conflict (stage precondition) when IfMatch or
// IfNoneMatch does not hold; multiple-matches (stage precondition).
func (s *Service) Update(ctx context.Context, request UpdateRequest) (Result, error) {
	w := &write{
		interaction: Update, address: request.Key,
		match: request.IfMatch, noneMatch: request.IfNoneMatch, warnings: request.Warnings,
	}
	err := w.setBody(request.Resource)
	if err == nil {
		err = s.readUpdate(ctx, w, request.Criteria)
	}
	if err == nil {
		err = s.land(ctx, request.Provenance, w)
	}
	return w.result, err
}

// readUpdate checks what an update says of itself.
func (s *Service) readUpdate(ctx context.Context, w *write, raw string) (err error) {
	if err = w.checkType(); err != nil {
		return err
	}
	if w.address.ID == "" {
		w.criteria, err = s.criteria(ctx, w.address.Type, raw)
		return err
	}
	if err := checkID(w.address.ID); err != nil {
		return err
	}
	switch w.bodyID {
	case "":
		return invalid("The resource has no id; an update needs the one of the address, %q.", w.address.ID).At(w.address.Type + ".id")
	default:
		return invalid("The id of the resource is %q, that of the address %q; they must be the same.", clip(w.bodyID), w.address.ID).At(w.address.Type + ".id")
	case w.address.ID:
		return nil
	}
}

// checkID checks the form of an id: https://hl7.org/fhir/R4/datatypes.html#id
func checkID(id string) error {
	ok := id != "" && len(id) <= 64
	for i := range len(id) {
		c := id[i]
		ok = ok && (c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.')
	}
	if ok {
		return nil
	}
	return outcome.New(outcome.Value, "%q is not an id; an id has 1 to 64 letters, digits, \"-\" or \".\".", clip(id)).In(outcome.StageSyntax)
}

func (a *attempt) findUpdate(ctx context.Context, w *write) error {
	key := w.address
	if w.criteria != nil {
		var err error
		if key, err = a.findConditionalUpdate(ctx, w); err != nil {
			return err
		}
	}
	if err := a.open(ctx, w, key); err != nil {
		return err
	}
	if w.criteria != nil && w.exists() && len(w.targets) == 0 {
		return outcome.New(outcome.Conflict, "No %s meets the criteria, but %s exists: it cannot be created. Nothing was changed.", key.Type, key)
	}
	return w.holds()
}

// findConditionalUpdate finds the key that the criteria and the id in the body agree on.
// https://hl7.org/fhir/R4/http.html#cond-update
func (a *attempt) findConditionalUpdate(ctx context.Context, w *write) (store.Key, error) {
	found, err := a.search(ctx, w, 2)
	if err != nil {
		return store.Key{}, err
	}
	w.targets = found
	id := w.bodyID
	switch {
	case len(found) > 1:
		return store.Key{}, several(w.address.Type)
	case len(found) == 1 && id != "" && id != found[0].ID:
		return store.Key{}, invalid("The id of the resource is %q, but the criteria find another %s.", clip(id), w.address.Type).At(w.address.Type + ".id")
	case len(found) == 1:
		return found[0].Key, nil
	case id == "":
		id = a.service.options.NewID()
	}
	return store.Key{Type: w.address.Type, ID: id}, checkID(id)
}

func (a *attempt) makeUpdate(ctx context.Context, w *write) error {
	same, err := a.unchanged(ctx, w, w.doc)
	if err != nil || same {
		return err
	}
	return a.put(ctx, w, w.doc, store.Update)
}

// unchanged notices content that is stored already: then there is nothing to write. Whoever asks
// for what validation remarks hears it all the same.
func (a *attempt) unchanged(ctx context.Context, w *write, doc *resources.Document) (bool, error) {
	if !w.exists() || w.mustChange {
		return false, nil
	}
	stored, err := resources.Parse(w.current.Body)
	if err != nil || !resources.SameContent(stored, doc) {
		return false, err
	}
	w.settled, w.result = true, Result{Version: w.current}
	validator := a.service.options.Validator
	if !w.warnings || validator == nil {
		return true, nil
	}
	element, err := doc.Resource()
	if err == nil {
		w.result.Issues = withoutPositions(validator.Validate(ctx, element))
	}
	return true, err
}
