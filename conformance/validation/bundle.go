package validation

import (
	"kiln/resources"
	"kiln/resources/outcome"
)

// bundle is the innermost Bundle around the current place.
type bundle struct {
	inside bool
	node   resources.Node
	types  map[string]string // resource type by fullUrl; nil before it is asked for
}

// entryType is the resource type of the entry with this fullUrl, empty if there is none here.
// https://hl7.org/fhir/R4/bundle.html#references
func (w *walk) entryType(url string) string {
	if !w.bundle.inside {
		return ""
	}
	if w.bundle.types == nil {
		w.bundle.types = map[string]string{}
		for entry := range w.d.Children(w.d.Member(w.bundle.node, "entry")) {
			if full := w.d.Member(entry, "fullUrl"); w.d.Kind(full) == resources.String {
				w.bundle.types[w.d.Text(full)] = w.d.Text(w.d.At(entry, "resource", "resourceType"))
			}
		}
	}
	return w.bundle.types[url]
}

// entry checks what Bundle.entry says of its resource.
func (w *walk) entry(n resources.Node, _ *plan, _ uint64) {
	w.fullURL(w.d.Member(n, "fullUrl"))
	mode := w.d.At(n, "search", "mode")
	if found := w.d.At(n, "resource", "resourceType"); w.d.Text(mode) == "outcome" && found != resources.None && w.d.Text(found) != "OperationOutcome" {
		w.report.error(mode, outcome.Value, "An entry of search mode outcome holds an OperationOutcome; found %s.", clip(w.d.Text(found)))
	}
}

// resolved are the types of Bundle whose references are resolved by fullUrl.
var resolved = map[string]bool{"document": true, "message": true, "collection": true}

// fullURL checks that a fullUrl is absolute. Where clients ask and servers answer one that is
// relative does no harm, and there are official examples of it: there it only warns.
// https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl
func (w *walk) fullURL(n resources.Node) {
	if w.d.Kind(n) != resources.String || absolute(w.d.Text(n)) {
		return
	}
	const sentence = "%q is no absolute URL, as a fullUrl is; what has no address gets urn:uuid:…."
	if resolved[w.d.Text(w.d.Member(w.bundle.node, "type"))] {
		w.report.error(n, outcome.Value, sentence, clip(w.d.Text(n)))
	} else if w.warnings {
		w.report.warning(n, outcome.Value, sentence, clip(w.d.Text(n)))
	}
}
