package fhir

import "kiln/search"

// Subset is a part of resources that _summary and _elements ask for:
// https://hl7.org/fhir/R4/search.html#summary. The zero value is the whole.
type Subset struct {
	Summary  search.Summary
	Elements []string
}

// ParseSubset reads the values of _summary and _elements of a read; both may be empty.
// _summary=count is no part of a resource and an error there.
func ParseSubset(summary, elements string) (Subset, error) { return Subset{}, unfinished(Read) }

// IsZero reports whether the whole is asked for.
func (s Subset) IsZero() bool { return s.Summary == search.SummaryFalse && len(s.Elements) == 0 }

// Apply is the part of a stored resource, tagged SUBSETTED; elements that must be there stay.
func (s Subset) Apply(body []byte) ([]byte, error) { return body, nil }
