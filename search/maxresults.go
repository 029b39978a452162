package search

import (
	"strconv"
	"strings"

	"kiln/resources/outcome"
)

// maxResults reads the most matches that all pages may have. R4 has no such parameter; it is R5's:
// https://hl7.org/fhir/R5/search.html#maxresults
func (x *parser) maxResults(_, value string) string {
	n, err := strconv.Atoi(value)
	if strings.TrimLeft(value, "0123456789") != "" || err != nil || n < 1 {
		x.problem(outcome.Value, "The parameter _maxresults is wrong: %q is not a whole number from 1 to %d.", clip(value), MaxResults)
		return value
	}
	x.query.MaxResults = min(n, MaxResults)
	return strconv.Itoa(x.query.MaxResults)
}
