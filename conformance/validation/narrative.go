package validation

import (
	"kiln/resources"
	"kiln/resources/narrative"
	"kiln/resources/outcome"
)

// narrative checks the XHTML of a Narrative: txt-1 and txt-2.
func (w *walk) narrative(n resources.Node) {
	text := w.d.Text(n)
	if text == "" {
		w.emptyString(n)
		return
	}
	for _, p := range narrative.Check(text) {
		w.report.error(n, outcome.Invariant, "%s (%s)", p.Text, p.Key)
	}
}
