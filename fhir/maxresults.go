package fhir

import (
	"kiln/search"
	"kiln/store"
)

// withinResults makes a page smaller where it would show more matches than _maxresults allows; so many
// come before it. https://hl7.org/fhir/R5/search.html#maxresults
func withinResults(query *search.Query, before int) *search.Query {
	if query.MaxResults == 0 || before+query.Count <= query.MaxResults {
		return query
	}
	smaller := *query
	smaller.Count = max(1, query.MaxResults-before)
	return &smaller
}

// turns are the pages that a page leads to. There is no next one where _maxresults ends the search, and no
// last one where it bounds the search, since that would depend on the total.
func turns(query *search.Query, before int, found store.Page) []turn {
	if query.MaxResults == 0 {
		return []turn{{"previous", found.Prev, 0}, {"next", found.Next, 0}, {"last", found.Last, 0}}
	}
	after := before + query.Count
	if after >= query.MaxResults {
		found.Next = nil
	}
	return []turn{{"previous", found.Prev, max(0, before-query.Count)}, {"next", found.Next, after}}
}
