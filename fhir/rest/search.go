package rest

import (
	"net/http"

	"kiln/fhir"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/store"
)

// search answers https://hl7.org/fhir/R4/http.html#search at all levels, compartments included.
func search(x *exchange) error {
	if x.r.Method == http.MethodPost {
		if err := x.form(); err != nil {
			return err
		}
	}
	request := fhir.SearchRequest{Query: x.query.rest, Presentation: x.query.presentation, Lenient: x.prefer.handling == "lenient"}
	if err := x.searched(&request); err != nil {
		return err
	}
	bundle, err := x.service.Search(x.ctx, request)
	if err != nil {
		return err
	}
	return x.sendBundle(bundle)
}

// searched sets what the address says: nothing, [type], or [compartment]/[id]/[member].
func (x *exchange) searched(request *fhir.SearchRequest) error {
	parts := x.parts.all()
	if len(parts) > 0 && parts[len(parts)-1] == "_search" {
		parts = parts[:len(parts)-1]
	}
	if len(parts) < 2 {
		if len(parts) == 1 {
			request.Type = parts[0]
		}
		return nil
	}
	request.Compartment = store.Key{Type: parts[0], ID: parts[1]}
	if definitions.R4().Compartment(parts[0]) == nil {
		return outcome.New(outcome.NotSupported, "%s has no compartment; Patient, Encounter, Practitioner, RelatedPerson and Device have one.", parts[0])
	}
	if !validID(parts[1]) {
		return absent(request.Compartment)
	}
	if len(parts) == 3 && parts[2] != "*" {
		request.Type = parts[2]
	}
	return nil
}

// maxForm bounds the form of a POST _search.
const maxForm = 4 << 20

// form adds the parameters of a POST _search to those of the address and negotiates anew.
func (x *exchange) form() error {
	name, _, _ := mediaType(x.r.Header.Get("Content-Type"))
	body, err := readBody(x, min(x.options.MaxBody, maxForm))
	if err != nil || len(body) == 0 {
		return err
	}
	if name != "application/x-www-form-urlencoded" {
		return outcome.New(outcome.NotSupported, "A search by POST sends its parameters as application/x-www-form-urlencoded; Content-Type says %q.", clip(name)).In(outcome.StageUnsupportedMedia)
	}
	x.asks = string(body)
	form, err := parseQuery(x.asks)
	if err != nil {
		return err
	}
	x.query = x.query.and(form)
	return x.negotiate()
}
