// Package resources holds the lossless document: a FHIR resource is its JSON bytes plus a flat
// tree over them. Every field, extension and decimal digit that came in is still there.
//
// [Parse] reads the bytes once and strictly (RFC 8259, and beyond it: no duplicate member names,
// valid UTF-8, at most [MaxDepth] levels). A [Node] is a position in the tree; [Element] is the
// view that FHIR has of it, driven by the element table: primitives joined with their _name
// siblings, choice types under one name, lists flattened. Nothing is copied while walking.
//
//	doc, err := resources.Parse([]byte(`{"resourceType":"Patient","birthDate":"1970-01"}`))
//	patient, err := doc.Resource()
//	for date := range patient.Child("birthDate") {
//		fmt.Println(date.Type().Name, date.Text()) // date 1970-01
//	}
//
// A document keeps the slice that it was parsed from: neither it nor the strings taken from it
// may be changed. Documents are safe for concurrent use.
package resources
