package validation

import (
	"maps"
	"slices"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/resources/ucum"
)

// binding is a binding that is required: https://hl7.org/fhir/R4/terminologies.html#required
type binding struct {
	url   string
	codes *definitions.ValueSet // nil where the tables do not hold it
	open  *grammar              // of the codes where their system is open; nil without
}

// grammar is the form of the codes of a code system that nobody can list.
type grammar struct {
	system string
	form   string // for a sentence: "is no …"
	valid  func(code string) bool
}

var grammars = map[string]*grammar{
	"urn:iso:std:iso:4217": {"urn:iso:std:iso:4217", "currency of ISO 4217, such as EUR", validCurrency},
	"urn:ietf:bcp:13":      {"urn:ietf:bcp:13", "media type, such as application/pdf", validMediaType},
	ucum.System:            {ucum.System, "unit in the grammar of UCUM", validUnit},
}

// bindingOf is the required binding of an element. In R4 only codes and CodeableConcepts have one.
func bindingOf(e *definitions.Element, t *definitions.Type) *binding {
	if e.Binding.Strength != "required" || t.Name != "code" && t.Name != "CodeableConcept" {
		return nil
	}
	b := &binding{url: e.Binding.ValueSet, codes: definitions.R4().ValueSet(e.Binding.ValueSet)}
	if b.codes != nil && len(b.codes.Open) > 0 {
		b.open = grammars[b.codes.Open[0]]
	}
	return b
}

// boundCode checks a code. Its system is not written, so the code alone counts.
func (w *walk) boundCode(n resources.Node, m *member, code string) {
	b := m.binding
	switch {
	case b.codes == nil || b.codes.Contains(code):
	case b.open == nil:
		w.report.error(n, outcome.CodeInvalid, "%q is no code of %s; expected %s.", clip(code), b.url, b.some())
	case !b.open.valid(code):
		w.report.error(n, outcome.CodeInvalid, "%q is no %s.", clip(code), b.open.form)
	case w.options.MemberOf != nil:
		if member, known := w.options.MemberOf(w.ctx, b.url, b.open.system, code); known && !member {
			w.report.error(n, outcome.CodeInvalid, "%q is no code of %s.", clip(code), b.url)
		}
	}
}

// boundConcept checks a CodeableConcept: one of its codings is in the value set.
func (w *walk) boundConcept(n resources.Node, b *binding) {
	codings := w.d.Member(n, "coding")
	found := false
	for c := range w.d.Children(codings) {
		system, code := w.d.Text(w.d.Member(c, "system")), w.d.Text(w.d.Member(c, "code"))
		member, known := w.memberOf(b, system, code)
		if member || !known {
			return
		}
		found = found || code != ""
	}
	if found {
		w.report.error(n, outcome.CodeInvalid, "None of the codings is in %s, of which one is required; expected %s.", b.url, b.some())
		return
	}
	if b.decidable() && w.d.Member(n, "extension") == resources.None {
		w.report.error(n, outcome.CodeInvalid, "There is no code, and one of %s is required; expected %s.", b.url, b.some())
	}
}

// memberOf reports whether a coding is in the value set; known is false where nobody can tell.
func (w *walk) memberOf(b *binding, system, code string) (member, known bool) {
	switch {
	case b.codes != nil && b.codes.ContainsCoding(system, code):
		return true, true
	case b.open != nil && (system != b.open.system || !b.open.valid(code)):
		return false, true
	case b.decidable() && b.open == nil:
		return false, true
	case w.options.MemberOf != nil:
		return w.options.MemberOf(w.ctx, b.url, system, code)
	}
	return false, false
}

// decidable reports whether the tables say anything about the value set.
func (b *binding) decidable() bool { return b.codes != nil }

// some lists the codes of the value set as far as a sentence can hold them.
func (b *binding) some() string {
	const most = 12
	switch {
	case b.open != nil:
		return "a " + b.open.form
	case b.codes == nil:
		return "one of its codes"
	}
	names := slices.Sorted(maps.Keys(b.codes.Codes))
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return strings.Join(names, ", ")
}
