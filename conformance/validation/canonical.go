package validation

import (
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// Rules of definitions about what FHIR R4 itself defines.

// structureDefinition checks the type that is described. One without a scheme is relative to
// http://hl7.org/fhir/StructureDefinition, so it is one of FHIR, or just being defined there.
// https://hl7.org/fhir/R4/structuredefinition-definitions.html#StructureDefinition.type
func (w *walk) structureDefinition(n resources.Node, p *plan, seen uint64) {
	w.domain(n, p, seen)
	typ := w.d.Member(n, "type")
	if w.d.Kind(typ) != resources.String {
		return
	}
	name := w.d.Text(typ)
	if strings.Contains(name, ":") || definitions.R4().Type(name) != nil || w.d.Text(w.d.Member(n, "url")) == hl7Structure+name {
		return
	}
	w.report.error(typ, outcome.Value, "%q is not a type of FHIR R4; a type of your own has an absolute URL.", clip(name))
}

const hl7Structure = "http://hl7.org/fhir/StructureDefinition/"

// searchParameter checks that a parameter derived from one of FHIR is of its type: details must be
// consistent with the definition that it is derived from.
// https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.derivedFrom
func (w *walk) searchParameter(n resources.Node, p *plan, seen uint64) {
	w.domain(n, p, seen)
	url, _, _ := strings.Cut(w.d.Text(w.d.Member(n, "derivedFrom")), "|")
	origin := definitions.R4().SearchParameterByURL(url)
	typ := w.d.Member(n, "type")
	if origin == nil || w.d.Kind(typ) != resources.String {
		return
	}
	if found := w.d.Text(typ); found != origin.Type {
		w.report.error(typ, outcome.Value, "The parameter is derived from %s, of type %s; found type %s.", clip(url), origin.Type, clip(found))
	}
}
