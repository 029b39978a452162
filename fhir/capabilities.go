package fhir

import "context"

// CapabilitiesRequest asks what the server can do: https://hl7.org/fhir/R4/http.html#capabilities
type CapabilitiesRequest struct {
	Mode string // "", full, normative or terminology
}

// Capabilities is the CapabilityStatement as JSON (TerminologyCapabilities with mode terminology),
// built from the tables of routes, operations and search parameters. The bytes are shared and must
// not be changed. Error: an unknown mode.
func (s *Service) Capabilities(ctx context.Context, request CapabilitiesRequest) ([]byte, error) {
	return nil, unfinished(Capabilities)
}
