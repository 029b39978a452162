package fhir

import (
	"context"
	"strconv"

	"kiln/search"
	"kiln/store"
)

// locationDistance tells how far a match is from where the search asked for, in Bundle.entry.search:
// https://hl7.org/fhir/R4/extension-location-distance.html
const locationDistance = "http://hl7.org/fhir/StructureDefinition/location-distance"

// distances adds to the entries of matches how far they are from the closest position that the query asks
// them to be near to: https://hl7.org/fhir/R4/location.html#near
func (s *Service) distances(ctx context.Context, query *search.Query, matches []store.Version, entries []Entry) error {
	for i, v := range matches {
		if !query.Near(v.Type) {
			continue
		}
		resource, err := s.searchable(ctx, v)
		if err != nil {
			return err
		}
		if metres, ok := query.Nearest(resource); ok {
			entries[i].Distance = strconv.FormatFloat(metres/1000, 'f', 3, 64)
		}
	}
	return nil
}

// appendSearch writes Bundle.entry.search.
func (e *Entry) appendSearch(to []byte) []byte {
	to = append(to, '{')
	if e.Distance != "" {
		to = append(to, `"extension":[{"url":"`+locationDistance+`","valueDistance":{"value":`...)
		to = append(to, e.Distance...)
		to = append(to, `,"unit":"km","system":"http://unitsofmeasure.org","code":"km"}}],`...)
	}
	return append(appendString(append(to, `"mode":`...), e.Mode), '}')
}
