package fhir

import (
	"context"
	"strings"

	"kiln/resources"
)

// Definition is the newest resource of a type that is stored under a canonical, with the version
// behind the bar if there is one, and that the caller in the context may see; a reference such as
// Questionnaire/a names it by its id. It is the hook that validation.Options ask for. False: there
// is none. https://hl7.org/fhir/R4/references.html#canonical
func (s *Service) Definition(ctx context.Context, typ, canonical string) (resources.Element, bool) {
	v, err := s.byAddress(ctx, s.store, typ, canonical)
	if err == nil && v.ID == "" {
		url, version, _ := strings.Cut(canonical, "|")
		v, err = s.byURL(ctx, s.store, typ, url, version)
	}
	if err != nil || v.ID == "" {
		return resources.Element{}, false
	}
	element, err := parseStored(v)
	return element, err == nil
}
