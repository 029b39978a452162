package validation

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kiln/resources"
	"kiln/resources/outcome"
)

// answerKinds are the types of the answers to a question by its type.
// https://hl7.org/fhir/R4/valueset-item-type.html
var answerKinds = map[string][]string{
	"boolean":     {"Boolean"},
	"decimal":     {"Decimal"},
	"integer":     {"Integer"},
	"date":        {"Date"},
	"dateTime":    {"DateTime"},
	"time":        {"Time"},
	"string":      {"String"},
	"text":        {"String"},
	"url":         {"Uri"},
	"choice":      {"Coding"},
	"open-choice": {"Coding", "String"},
	"attachment":  {"Attachment"},
	"reference":   {"Reference"},
	"quantity":    {"Quantity"},
}

// answer checks the value of one answer to q.
func (a *answering) answer(n resources.Node, q *question) {
	v := valueOf(a.d, n, "value")
	if v.none() || !a.afford() {
		return
	}
	kinds := answerKinds[q.typ]
	options := q.permitted(a.form.d)
	if len(options) > 0 && q.typ == "choice" {
		kinds = q.kinds
	} else if len(options) > 0 {
		kinds = append(slices.Clone(kinds), q.kinds...)
	}
	if len(kinds) > 0 && !slices.Contains(kinds, v.kind) {
		a.report.error(v.node, outcome.Structure, "The question %q is answered by value%s; found value%s.", clip(q.link), strings.Join(kinds, " or value"), clip(v.kind))
		return
	}
	a.option(v, q, options)
	a.fromValueSet(v, q)
	for _, bound := range bounds {
		bound(a, v, q)
	}
}

// fewest and most check the number of answers.
func (a *answering) fewest(n resources.Node, q *question, count int) {
	if least, ok := a.whole(q, minOccurs); ok && count < least {
		a.report.error(n, outcome.Required, "The question %q has at least %d answers; found %d.", clip(q.link), least, count)
	}
}

func (a *answering) most(list resources.Node, q *question, count int) {
	if count > 1 && !q.repeats {
		a.report.error(list, outcome.Structure, "The question %q has one answer; found %d.", clip(q.link), count)
		return
	}
	if limit, ok := a.whole(q, maxOccurs); ok && count > limit {
		a.report.error(list, outcome.Structure, "The question %q has at most %d answers; found %d.", clip(q.link), limit, count)
	}
}

// Extensions that narrow answers: https://hl7.org/fhir/R4/questionnaire-profiles.html, and those of
// Structured Data Capture for quantities.
const (
	hl7Extension     = "http://hl7.org/fhir/StructureDefinition/"
	sdcExtension     = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
	minOccurs        = hl7Extension + "questionnaire-minOccurs"
	maxOccurs        = hl7Extension + "questionnaire-maxOccurs"
	minValue         = hl7Extension + "minValue"
	maxValue         = hl7Extension + "maxValue"
	minLength        = hl7Extension + "minLength"
	maxDecimalPlaces = hl7Extension + "maxDecimalPlaces"
	mimeType         = hl7Extension + "mimeType"
	maxSize          = hl7Extension + "maxSize"
	unitOption       = hl7Extension + "questionnaire-unitOption"
	unitValueSet     = hl7Extension + "questionnaire-unitValueSet"
	optionExclusive  = hl7Extension + "questionnaire-optionExclusive"
	minQuantity      = sdcExtension + "minQuantity"
	maxQuantity      = sdcExtension + "maxQuantity"
)

// whole is the whole number in an extension of q.
func (a *answering) whole(q *question, url string) (int, bool) {
	i, err := strconv.Atoi(q.extended(a.form.d, url).text())
	return i, err == nil
}

// bounds are the checks of single values.
var bounds = []func(a *answering, v value, q *question){
	(*answering).length, (*answering).decimals, (*answering).within, (*answering).attached, (*answering).unit,
}

func (a *answering) length(v value, q *question) {
	if v.kind != "String" && v.kind != "Uri" {
		return
	}
	length := utf8.RuneCountInString(v.text())
	most, err := strconv.Atoi(a.form.d.Text(a.form.d.Member(q.node, "maxLength")))
	if err == nil && length > most {
		a.report.error(v.node, outcome.TooLong, "The answer to %q has at most %d characters; found %d.", clip(q.link), most, length)
	}
	if least, ok := a.whole(q, minLength); ok && length < least {
		a.report.error(v.node, outcome.Value, "The answer to %q has at least %d characters; found %d.", clip(q.link), least, length)
	}
}

func (a *answering) decimals(v value, q *question) {
	if v.kind != "Decimal" {
		return
	}
	most, ok := a.whole(q, maxDecimalPlaces)
	_, fraction, _ := strings.Cut(v.text(), ".")
	fraction, _, _ = strings.Cut(strings.ToLower(fraction), "e")
	if ok && len(fraction) > most {
		a.report.error(v.node, outcome.Value, "The answer to %q has at most %d decimal places; found %d.", clip(q.link), most, len(fraction))
	}
}

// within compares with the least and the greatest value. A date within the month or the year that
// is the limit keeps it.
func (a *answering) within(v value, q *question) {
	for _, url := range [...]string{minValue, minQuantity} {
		limit := q.extended(a.form.d, url)
		if order, ok := compare(v, limit); ok && order < 0 {
			a.report.error(v.node, outcome.Value, "The answer to %q is at least %s.", clip(q.link), limit.shown())
		}
	}
	for _, url := range [...]string{maxValue, maxQuantity} {
		limit := q.extended(a.form.d, url)
		if order, ok := compare(v, limit); ok && order > 0 {
			a.report.error(v.node, outcome.Value, "The answer to %q is at most %s.", clip(q.link), limit.shown())
		}
	}
}

// shown is a limit for a sentence.
func (v value) shown() string {
	if v.kind != "Quantity" {
		return clip(v.text())
	}
	unit := v.member("unit")
	if unit == "" {
		unit = v.member("code")
	}
	return strings.TrimSpace(clip(v.member("value") + " " + unit))
}

// attached checks the media type and the size of an attachment; the limit is in megabytes.
func (a *answering) attached(v value, q *question) {
	if v.kind != "Attachment" {
		return
	}
	var types []string
	for _, t := range q.extensions(a.form.d)[mimeType] {
		if !a.afford() {
			return
		}
		types = append(types, t.text())
	}
	if found := v.member("contentType"); len(types) > 0 && found != "" && !slices.Contains(types, found) {
		a.report.error(a.d.Member(v.node, "contentType"), outcome.Value, "The question %q takes %s; found %s.", clip(q.link), clip(strings.Join(types, ", ")), clip(found))
	}
	size, err := strconv.ParseFloat(v.member("size"), 64)
	limit, ok := strconv.ParseFloat(q.extended(a.form.d, maxSize).text(), 64)
	if err == nil && ok == nil && size > limit*1e6 {
		a.report.error(a.d.Member(v.node, "size"), outcome.TooLong, "The question %q takes attachments of at most %g MB; found %.0f bytes.", clip(q.link), limit, size)
	}
}
