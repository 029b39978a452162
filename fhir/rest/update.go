package rest

import (
	"kiln/fhir"
	"kiln/store"
)

// update answers https://hl7.org/fhir/R4/http.html#update and its conditional form.
func update(x *exchange) error {
	key, err := x.target()
	if err != nil {
		return err
	}
	ifMatch, err := readMatch(x.r.Header, "If-Match")
	if err != nil {
		return err
	}
	ifNoneMatch, err := readMatch(x.r.Header, "If-None-Match")
	if err != nil {
		return err
	}
	doc, err := x.resource()
	if err != nil {
		return err
	}
	provenance, err := x.provenance()
	if err != nil {
		return err
	}
	result, err := x.service.Update(x.ctx, fhir.UpdateRequest{
		Key: key, Criteria: x.criteria(), Resource: doc, IfMatch: ifMatch, IfNoneMatch: ifNoneMatch, Provenance: provenance, Warnings: x.wantsOutcome(),
	})
	if err != nil {
		return err
	}
	x.wrote(result)
	return nil
}

// target is the key of a write; its ID is empty for the conditional forms.
func (x *exchange) target() (store.Key, error) {
	key := x.key()
	if x.parts.count > 1 && !validID(key.ID) {
		return key, invalidID(key.ID)
	}
	return key, nil
}

// criteria are those of a conditional form. At an address with an id there are none.
func (x *exchange) criteria() string {
	if x.parts.count > 1 {
		return ""
	}
	return x.query.rest
}
