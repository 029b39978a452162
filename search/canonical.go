package search

import "strings"

// within compares a canonical with :below or :above by its version: 1.0 is below 1, and 1 above 1.0.
// Without a version c stands for all of them, as it does without the modifier, and a reference without
// one is over every version. An engine lowers it to equality without the version and looks at that then.
// https://hl7.org/fhir/R4/references.html#canonical
func (c ReferenceCriterion) within(m Modifier, v ReferenceValue) bool {
	asked := c.Version
	c.Version = ""
	switch {
	case !c.Match(v):
		return false
	case m == Below:
		return beginsVersion(v.Version, asked)
	}
	return asked == "" || beginsVersion(asked, v.Version)
}

// NoVersion is what no version is called: with Above, a criterion of it finds the references without a
// version alone, for they are over every version.
const NoVersion = "\x00"

// beginsVersion reports whether a version begins with another, part by part: 1.0.1 and 1.0-ballot with
// 1.0, which 1.01 does not.
func beginsVersion(version, with string) bool {
	rest, ok := strings.CutPrefix(version, with)
	return ok && (rest == "" || with == "" || strings.ContainsAny(rest[:1], ".-+"))
}
