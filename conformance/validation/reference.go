package validation

import (
	"slices"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// reference checks what a Reference points to: the form of its text, whether a contained resource
// is there (ref-1), and its type against the element's targets.
// https://hl7.org/fhir/R4/references.html
func (w *walk) reference(n resources.Node, m *member) {
	var target string
	if r := w.d.Member(n, "reference"); w.d.Kind(r) == resources.String && w.d.Text(r) != "" {
		target = w.target(r, w.d.Text(r))
		w.allowed(r, target, m)
	}
	typ := w.d.Member(n, "type")
	if w.d.Kind(typ) != resources.String {
		return
	}
	stated, known := statedType(w.d.Text(typ))
	switch {
	case !known:
		w.report.error(typ, outcome.Value, "%q is not a resource type of FHIR R4.", clip(w.d.Text(typ)))
	case stated != "" && target != "" && stated != target:
		w.report.error(typ, outcome.Value, "The reference is to a %s, but its type is stated as %s.", target, stated)
	case target == "":
		w.allowed(typ, stated, m)
	}
}

// statedType reads Reference.type: the name of a resource type, or its canonical URL. The URL of
// something else, such as a logical model, is known but no type of R4.
func statedType(text string) (name string, known bool) {
	name = strings.TrimPrefix(text, hl7Structure)
	if definitions.R4().Resource(name) != nil {
		return name, true
	}
	return "", strings.Contains(text, ":")
}

// allowed reports a target type that the element does not have.
func (w *walk) allowed(n resources.Node, target string, m *member) {
	if target == "" || m.targets == nil || slices.Contains(m.targets, target) {
		return
	}
	w.report.error(n, outcome.Value, "The element %s refers to %s; found %s.", m.name, alternatives(m.targets), target)
}

func alternatives(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// target is the resource type that a reference's text names; empty if it does not tell. It reports
// a text that is no reference.
func (w *walk) target(n resources.Node, text string) string {
	switch {
	case strings.ContainsAny(text, " \t\r\n"):
		w.report.error(n, outcome.Value, "%q is no reference: it has white space.", clip(text))
		return ""
	case text[0] == '#':
		return w.localTarget(n, text[1:])
	case absolute(text):
		return w.absoluteTarget(text)
	}
	end := strings.IndexAny(text, "/?")
	if end < 0 {
		end = len(text)
	}
	name, rest := text[:end], text[end:]
	switch {
	case definitions.R4().Resource(name) == nil:
		w.report.error(n, outcome.Value, "%q is no reference: %q is not a resource type of FHIR R4; expected Type/id, an absolute URL or #id.", clip(text), clip(name))
		return ""
	case strings.HasPrefix(rest, "?"): // https://hl7.org/fhir/R4/http.html#trules, conditional references
		return name
	case strings.HasPrefix(rest, "/") && validTail(rest[1:]):
		return name
	}
	w.report.error(n, outcome.Value, "%q is no reference; expected %s/id, with an id of 1 to 64 letters, digits, '-' and '.'.", clip(text), name)
	return name
}

// validTail reports whether what follows the type is an id, or one with a version.
func validTail(s string) bool {
	id, version, versioned := strings.Cut(s, "/_history/")
	return validID(id) && (!versioned || validID(version))
}

// localTarget is the type of a contained resource; ref-1 if there is none. "#" is the container.
func (w *walk) localTarget(n resources.Node, id string) string {
	if id == "" {
		return ""
	}
	t, ok := w.localType(id)
	if !ok {
		w.report.error(n, outcome.Invariant, "There is no contained resource with the id %q (ref-1).", clip(id))
	}
	return t
}

// absoluteTarget is the type of the Bundle entry with this fullUrl, or the one that a RESTful URL
// names before its id: https://hl7.org/fhir/R4/references.html#literal
func (w *walk) absoluteTarget(url string) string {
	if t := w.entryType(url); t != "" {
		return t
	}
	if !strings.HasPrefix(url, "http") {
		return ""
	}
	url, _, _ = strings.Cut(url, "/_history/")
	parts := strings.Split(url, "/")
	if len(parts) < 5 || !validID(parts[len(parts)-1]) {
		return ""
	}
	if t := definitions.R4().Resource(parts[len(parts)-2]); t != nil {
		return t.Name
	}
	return ""
}

// absolute reports whether a reference begins with a URI scheme.
func absolute(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ':':
			return i > 0
		case !letter(c) && (i == 0 || !digit(c) && c != '+' && c != '-' && c != '.'):
			return false
		}
	}
	return false
}
