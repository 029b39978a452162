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

// entry warns of a fullUrl that is not absolute: "SHALL NOT disagree with the id, the absolute URL"
// says the definition, but official examples have relative ones.
// https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl
func (w *walk) entry(n resources.Node, _ *plan, _ uint64) {
	full := w.d.Member(n, "fullUrl")
	if !w.warnings || w.d.Kind(full) != resources.String {
		return
	}
	if url := w.d.Text(full); !absolute(url) {
		w.report.warning(full, outcome.Value, "%q is no absolute URL, as a fullUrl should be; what has no address gets urn:uuid:….", clip(url))
	}
}
