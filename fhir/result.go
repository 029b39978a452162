package fhir

import (
	"slices"

	"kiln/resources/outcome"
	"kiln/store"
)

// Result is what a write came to.
type Result struct {
	// Version is the current version after the write, whether this write made it or not.
	Version store.Version
	// Created: the resource did not exist before (201). Changed: the write made a new version.
	Created, Changed bool
	// Issues are what validation remarked without refusing, where the request asked for it.
	Issues []outcome.Issue
}

// Match is a condition on the current version, as If-Match and If-None-Match state it
// (https://hl7.org/fhir/R4/http.html#concurrency). The zero value is no condition.
type Match struct {
	Stated   bool
	Any      bool    // "*": any version, so that there must be one
	Versions []int64 // one of these
}

// holds reports whether version, which is 0 where there is no resource, is among those named.
func (m Match) holds(version int64) bool {
	return version != 0 && (m.Any || slices.Contains(m.Versions, version))
}
