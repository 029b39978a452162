package validation

import (
	"kiln/resources"
	"kiln/resources/outcome"
)

// narrative checks the XHTML of a Narrative: txt-1 and txt-2, and what
// https://hl7.org/fhir/R4/narrative.html#xhtml says besides.
func (w *walk) narrative(n resources.Node) {
	text := w.d.Text(n)
	if text == "" {
		w.emptyString(n)
		return
	}
	x := xhtml{src: text, problem: func(code outcome.Code, format string, args ...any) {
		w.report.error(n, code, format, args...)
	}}
	x.check()
}
