package fhir

import "context"

// HistoryRequest is a history: https://hl7.org/fhir/R4/http.html#history
type HistoryRequest struct {
	// Type and ID choose the level: both, the type alone, or neither for the whole system.
	Type, ID string
	// Query is the raw query string: _since, _at, _count, and _page of a paging link.
	Query string
	// Lenient ignores unknown parameters and names them in an OperationOutcome entry.
	Lenient bool
	// Presentation is the part of a raw query string that every link repeats, such as _format=xml.
	Presentation string
}

// History lists versions, newest first, as a Bundle of type history. Errors: not-found where
// there never was such a resource; invalid parameters.
func (s *Service) History(ctx context.Context, request HistoryRequest) (*Bundle, error) {
	return nil, unfinished(HistoryInstance)
}
