// Package patch changes documents by the four kinds of patch that FHIR's PATCH knows
// (https://hl7.org/fhir/R4/http.html#patch), without HTTP and without a store:
//
//   - JSON Patch, https://www.rfc-editor.org/rfc/rfc6902 (application/json-patch+json)
//   - JSON Merge Patch, https://www.rfc-editor.org/rfc/rfc7396 (application/merge-patch+json)
//   - XML Patch, https://www.rfc-editor.org/rfc/rfc5261 (application/xml-patch+xml)
//   - FHIRPath Patch, https://hl7.org/fhir/R4/fhirpatch.html (a Parameters resource)
//
// A patch is read once and may be applied to many documents, at the same time too:
//
//	p, err := patch.Parse(patch.JSON, []byte(`[{"op":"replace","path":"/active","value":false}]`))
//	patched, err := p.Apply(ctx, patient)
//
// The document is never changed; what a patch does not touch keeps its bytes: member order,
// digits of decimals, escapes. Lists and objects that a patch empties are removed, since FHIR
// has no empty ones; those that it puts in empty stay, for the validator to refuse.
//
// JSON Patch has its own implementation because the one at hand (github.com/evanphx/json-patch
// v5.9.11) compares numbers by their text in "test" (RFC 6902 section 4.6 compares values),
// panics when a test compares lists of null, which FHIR JSON is full of, loses steps that are
// the empty name, reports one fault of a patch at a time without its place, and bounds neither
// depth nor work. It serves as an oracle in tests. XML Patch reads the selectors that RFC 5261 defines, and a little
// more, not all of XPath, whose cost a general library does not bound.
package patch
