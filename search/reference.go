package search

import "strings"

// Match reports whether v meets c. Without a Type the ID may be of any type; without a Version
// any version does, with one only a reference to that version. An engine lowers it to equality on
// type and id (one for each of the parameter's targets without a Type) or on URL.
// https://hl7.org/fhir/R4/search.html#reference
func (c ReferenceCriterion) Match(v ReferenceValue) bool {
	if c.Version != "" && c.Version != v.Version {
		return false
	}
	if c.URL != "" {
		return c.URL == v.URL
	}
	return v.ID != "" && c.ID == v.ID && (c.Type == "" || c.Type == v.Type)
}

// To reports whether v points to the resource of this server.
func (v ReferenceValue) To(typ, id string) bool { return v.ID != "" && v.ID == id && v.Type == typ }

// String is what references are sorted by: Type/ID, else the URL, else system|value of the
// identifier.
func (v ReferenceValue) String() string {
	switch {
	case v.ID != "":
		return v.Type + "/" + v.ID
	case v.URL != "":
		return v.URL
	}
	return v.Identifier.System + "|" + v.Identifier.Code
}

func compareReferences(a, b ReferenceValue) int { return strings.Compare(a.String(), b.String()) }
