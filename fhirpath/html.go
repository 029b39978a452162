package fhirpath

import "kiln/resources/narrative"

// htmlChecks reports whether a text keeps the rules of a narrative (txt-1 and txt-2):
// https://hl7.org/fhir/R4/narrative.html#xhtml
func htmlChecks(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	v, ok, err := n.primitive(e, in)
	if err != nil || !ok {
		return out, err
	}
	if err := e.step(len(v.text)); err != nil {
		return out, err
	}
	return append(out, FromBoolean(v.kind == kindString && narrative.Check(v.text) == nil)), nil
}
