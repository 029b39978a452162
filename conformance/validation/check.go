package validation

import (
	"strconv"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/resources/ucum"
)

// check is a rule on all values of a type that the tables do not have, or have as an invariant
// that is written in Go for speed. seen are the slots with content.
type check func(w *walk, n resources.Node, p *plan, seen uint64)

var checks = map[string]check{
	"Attachment":            (*walk).attachment,
	"Bundle.entry":          (*walk).entry,
	"DomainResource":        (*walk).domain,
	"Extension":             (*walk).extension,
	"Measure":               (*walk).measure,
	"MeasureReport":         (*walk).measureReport,
	"Quantity":              (*walk).quantity,
	"Questionnaire":         (*walk).questionnaire,
	"QuestionnaireResponse": (*walk).questionnaireResponse,
	"SearchParameter":       (*walk).searchParameter,
	"StructureDefinition":   (*walk).structureDefinition,
}

func checkOf(t *definitions.Type) check {
	for ; t != nil; t = t.Base {
		if c := checks[t.Name]; c != nil {
			return c
		}
	}
	return nil
}

// extension is ext-1 (https://hl7.org/fhir/R4/extensibility.html#invs), and that an extension is
// named by an absolute URL; only one inside another extension may have a name relative to it.
func (w *walk) extension(n resources.Node, p *plan, seen uint64) {
	value, nested := seen&p.bitOf("value") != 0, seen&p.bitOf("extension") != 0
	switch {
	case value && nested:
		w.report.error(n, outcome.Invariant, "An extension has a value or extensions of its own, not both (ext-1).")
	case !value && !nested:
		w.report.error(n, outcome.Invariant, "An extension needs a value or extensions of its own (ext-1).")
	}
	url := w.d.Member(n, "url")
	if w.d.Kind(url) == resources.String && w.d.Text(url) != "" && !absolute(w.d.Text(url)) && !w.inExtension(n) {
		w.report.error(url, outcome.Value, "%q is no absolute URL; only an extension inside another may have a relative one.", clip(w.d.Text(url)))
	}
}

// inExtension reports whether the object that has the extension n is an extension itself.
func (w *walk) inExtension(n resources.Node) bool {
	list := w.d.Parent(n)
	if w.d.Kind(list) != resources.Array {
		return false
	}
	outer := w.d.Parent(w.d.Parent(list))
	return outer != resources.None && (w.d.Name(outer) == "extension" || w.d.Name(outer) == "modifierExtension")
}

// attachment compares the size that is stated with the data that is there. They cannot differ:
// https://hl7.org/fhir/R4/datatypes.html#Attachment
func (w *walk) attachment(n resources.Node, _ *plan, _ uint64) {
	size, data := w.d.Member(n, "size"), w.d.Member(n, "data")
	if size == resources.None || w.d.Kind(data) != resources.String {
		return
	}
	stated, err := strconv.Atoi(w.d.Text(size))
	length, ok := base64Length(w.d.Text(data))
	if err == nil && ok && stated != length {
		w.report.error(size, outcome.Value, "The size is stated as %d, but the data has %d bytes.", stated, length)
	}
}

// quantity looks at units of UCUM. Nothing requires them to be good, so this only warns.
func (w *walk) quantity(n resources.Node, _ *plan, _ uint64) {
	if !w.warnings || w.d.Text(w.d.Member(n, "system")) != ucum.System {
		return
	}
	code := w.d.Member(n, "code")
	if w.d.Kind(code) != resources.String {
		return
	}
	if _, err := ucum.Parse(w.d.Text(code)); err != nil {
		w.report.warning(code, outcome.CodeInvalid, "%s", err)
	}
}
