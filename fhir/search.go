package fhir

import (
	"context"

	"kiln/store"
)

// SearchRequest is a search: https://hl7.org/fhir/R4/http.html#search
type SearchRequest struct {
	// Type is the type that is searched; "" searches the types of _type, or all.
	Type string
	// Compartment, if not zero, is the resource whose compartment is searched:
	// https://hl7.org/fhir/R4/compartmentdefinition.html
	Compartment store.Key
	// Query is the raw query string; of POST _search the form's text, after the address's with "&".
	// Parameters of presentation (_format, _pretty) must be left out.
	Query string
	// Lenient ignores unknown parameters and names them in an OperationOutcome entry.
	Lenient bool
	// Presentation is the part of a raw query string that every link repeats, such as _format=xml.
	Presentation string
}

// Search answers one page as a Bundle of type searchset. Errors: invalid parameters with the list
// of those there are; too-costly where no index serves the query; a paging link that is not one
// of this search or this caller's.
func (s *Service) Search(ctx context.Context, request SearchRequest) (*Bundle, error) {
	return nil, unfinished(SearchType)
}
