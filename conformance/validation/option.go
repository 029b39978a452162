package validation

import (
	"regexp"
	"slices"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// permitted are the answers that the question lists; their types are in q.kinds.
// https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.answerOption
func (q *question) permitted(d *resources.Document) []value {
	if q.options != nil {
		return q.options
	}
	q.options = []value{}
	for o := range d.Children(d.Member(q.node, "answerOption")) {
		v := valueOf(d, o, "value")
		if v.none() {
			continue
		}
		q.options = append(q.options, v)
		if !slices.Contains(q.kinds, v.kind) && len(q.kinds) < len(answerKinds) {
			q.kinds = append(q.kinds, v.kind)
		}
		for e := range d.Children(d.Member(o, "extension")) {
			if d.Text(d.Member(e, "url")) == optionExclusive && valueOf(d, e, "value").text() == "true" {
				q.alone = append(q.alone, v)
			}
		}
	}
	return q.options
}

// option checks that the answer is one that is permitted; an open choice may be words instead.
func (a *answering) option(v value, q *question, options []value) {
	if len(options) == 0 || q.typ == "open-choice" && v.kind == "String" {
		return
	}
	for _, o := range options {
		if !a.afford() || o.kind == v.kind && equal(v, o) != no {
			return
		}
	}
	a.report.error(v.node, outcome.CodeInvalid, "The answer to %q is none of the options of the questionnaire.", clip(q.link))
}

// exclusive checks that an answer that excludes all others stands alone.
// https://hl7.org/fhir/R4/extension-questionnaire-optionexclusive.html
func (a *answering) exclusive(list resources.Node, q *question, count int) {
	if count < 2 {
		return
	}
	q.permitted(a.form.d)
	for _, alone := range q.alone {
		for answer := range a.d.Children(list) {
			if !a.afford() {
				return
			}
			if v := valueOf(a.d, answer, "value"); equal(v, alone) == yes {
				a.report.error(v.node, outcome.BusinessRule, "This answer to %q excludes all others; found %d answers.", clip(q.link), count)
			}
		}
	}
}

// fromValueSet checks a coding, or a string that stands for a code, where all codes are known.
func (a *answering) fromValueSet(v value, q *question) {
	url := a.form.d.Text(a.form.d.Member(q.node, "answerValueSet"))
	system, code := v.member("system"), v.member("code")
	if v.kind == "String" && q.typ != "open-choice" {
		system, code = "", v.text()
	}
	if url == "" {
		return
	}
	if member, known := a.memberOfSet(url, system, code); known && !member {
		a.report.error(v.node, outcome.CodeInvalid, "The answer to %q is no code of the value set %s.", clip(q.link), clip(url))
	}
}

// unit checks the unit of a quantity: one of those listed, or a code of a value set.
func (a *answering) unit(v value, q *question) {
	if v.kind != "Quantity" {
		return
	}
	var units []string
	for _, o := range q.extensions(a.form.d)[unitOption] {
		if !a.afford() || o.member("code") == v.member("code") && (o.member("system") == v.member("system") || o.member("system") == "") {
			return
		}
		units = append(units, o.member("code"))
	}
	if len(units) > 0 {
		a.report.error(v.node, outcome.CodeInvalid, "The question %q is answered in the units %s.", clip(q.link), clip(strings.Join(units, ", ")))
		return
	}
	url := q.extended(a.form.d, unitValueSet).text()
	if url == "" {
		return
	}
	if v.member("code") == "" {
		a.report.error(v.node, outcome.CodeInvalid, "The unit of the answer to %q is a code of %s; found no code.", clip(q.link), clip(url))
		return
	}
	if member, known := a.memberOfSet(url, v.member("system"), v.member("code")); known && !member {
		a.report.error(v.node, outcome.CodeInvalid, "The unit of the answer to %q is no code of the value set %s.", clip(q.link), clip(url))
	}
}

// codes are those of a value set, by system and code, and by code alone; nil where not all of them
// are known.
type codes map[[2]string]bool

// anySystem stands for the system of a code that is listed without one.
const anySystem = "*"

func (c codes) add(system, code string) {
	if system == "" {
		system = anySystem
	}
	c[[2]string{system, code}], c[[2]string{"", code}] = true, true
}

func (c codes) has(system, code string) bool {
	return c[[2]string{system, code}] || c[[2]string{anySystem, code}]
}

// memberOfSet looks into a value set that the questionnaire contains, into the tables of FHIR, or
// asks the options.
func (a *answering) memberOfSet(url, system, code string) (member, known bool) {
	if code == "" {
		return false, false
	}
	if id, local := strings.CutPrefix(url, "#"); local {
		set, ok := a.form.valueSets[id]
		if !ok {
			set = a.form.contained(id)
			a.form.valueSets[id] = set
		}
		return set.has(system, code), set != nil
	}
	bare, _, _ := strings.Cut(url, "|")
	if set := definitions.R4().ValueSet(bare); set != nil && len(set.Open) == 0 {
		return set.ContainsCoding(system, code) || system == "" && (set.Contains(code) || a.displayed(set, code)), true
	}
	if form := formOf(bare); form != nil && !form(code) {
		return false, true
	}
	if a.options.MemberOf != nil {
		return a.options.MemberOf(a.ctx, url, system, code)
	}
	return false, false
}

// displayed reports whether words are those of a code.
func (a *answering) displayed(set *definitions.ValueSet, words string) bool {
	for _, concepts := range set.Codes {
		for _, c := range concepts {
			if !a.afford() || c.Display == words {
				return true
			}
		}
	}
	return false
}

// jurisdictions are the forms of the codes of ISO 3166-1, ISO 3166-2 and UN M49, of which
// https://hl7.org/fhir/R4/valueset-jurisdiction.html consists.
var jurisdictions = regexp.MustCompile(`^([A-Z]{2,3}|[0-9]{3}|[A-Z]{2}-[A-Z0-9]{1,3})$`)

// formOf tells what codes look like in a value set that nobody can list; nil where that is not
// known.
func formOf(url string) func(code string) bool {
	if url == "http://hl7.org/fhir/ValueSet/jurisdiction" {
		return jurisdictions.MatchString
	}
	if set := definitions.R4().ValueSet(url); set != nil && len(set.Open) == 1 && len(set.Codes) == 0 && grammars[set.Open[0]] != nil {
		return grammars[set.Open[0]].valid
	}
	return nil
}

// contained lists the codes of a contained value set that names them one by one; nil for others.
func (f *form) contained(id string) codes {
	for c := range f.d.Children(f.d.Member(f.node, "contained")) {
		if f.d.Text(f.d.Member(c, "id")) == id && f.d.Text(f.d.Member(c, "resourceType")) == "ValueSet" {
			return f.enumerated(c)
		}
	}
	return nil
}

func (f *form) enumerated(set resources.Node) codes {
	compose := f.d.Member(set, "compose")
	if compose == resources.None {
		list := codes{}
		f.expanded(f.d.Member(set, "expansion"), list)
		if len(list) == 0 {
			return nil
		}
		return list
	}
	if f.d.Member(compose, "exclude") != resources.None {
		return nil
	}
	list := codes{}
	for include := range f.d.Children(f.d.Member(compose, "include")) {
		concepts := f.d.Member(include, "concept")
		if concepts == resources.None || f.d.Member(include, "valueSet") != resources.None {
			return nil
		}
		system := f.d.Text(f.d.Member(include, "system"))
		for c := range f.d.Children(concepts) {
			list.add(system, f.d.Text(f.d.Member(c, "code")))
			list[[2]string{"", f.d.Text(f.d.Member(c, "display"))}] = true // a string may be the words of a code
		}
	}
	return list
}

// expanded adds the codes of an expansion, which may nest.
func (f *form) expanded(n resources.Node, list codes) {
	for c := range f.d.Children(f.d.Member(n, "contains")) {
		list.add(f.d.Text(f.d.Member(c, "system")), f.d.Text(f.d.Member(c, "code")))
		f.expanded(c, list)
	}
}
