package validation

import (
	"strconv"
	"strings"

	"kiln/resources"
	"kiln/resources/outcome"
)

// reporting is a MeasureReport being compared with its Measure:
// https://hl7.org/fhir/R4/measurereport.html
type reporting struct {
	*walk
	m        *resources.Document // of the measure
	node     resources.Node      // the report
	complete bool                // everything that the measure has is there
}

// measureReport checks a report: what it says without its measure, then against that, if it can be
// found.
func (w *walk) measureReport(n resources.Node, p *plan, seen uint64) {
	w.domain(n, p, seen)
	e, ok := w.defined(n, "measure", "Measure")
	typ := w.d.Text(w.d.Member(n, "type"))
	r := &reporting{walk: w, node: n, complete: w.d.Text(w.d.Member(n, "status")) == "complete" && typ != "data-collection"}
	for group := range w.d.Children(w.d.Member(n, "group")) {
		for population := range w.d.Children(w.d.Member(group, "population")) {
			r.subjects(population, typ)
		}
	}
	if ok {
		r.m = e.Document()
		r.parts(n, e.Node(), &groups)
	}
}

// subjects compares the number of subjects with those that are listed, where the list is here.
// https://hl7.org/fhir/R4/measurereport-definitions.html#MeasureReport.group.population.subjectResults
func (r *reporting) subjects(population resources.Node, typ string) {
	results := r.d.Member(population, "subjectResults")
	if results == resources.None {
		return
	}
	if typ != "subject-list" {
		if r.warnings {
			r.report.warning(results, outcome.BusinessRule, "Subjects are listed in reports of type subject-list; this one is of type %s.", clip(typ))
		}
		return
	}
	count := value{r.d, r.d.Member(population, "count"), "Integer"}
	list, ok := r.listed(r.d.Text(r.d.Member(results, "reference")))
	if ok && !count.none() && count.text() != list {
		r.report.error(count.node, outcome.BusinessRule, "The count is %s, but the list of subjects has %s entries.", clip(count.text()), list)
	}
}

// part is a kind of thing that a report has one of for each that the measure has.
type part struct {
	member string
	needed bool // by a report that is complete
	same   func(r *reporting, n, m resources.Node) bool
	within []*part
}

var (
	populations = part{member: "population", needed: true, same: (*reporting).sameCode}
	stratifiers = part{member: "stratifier", needed: true, same: (*reporting).sameStratifier}
	groups      = part{member: "group", needed: true, same: (*reporting).sameCode, within: []*part{&populations, &stratifiers}}
)

// parts compares the parts of n with those that m, of the measure, defines. Where one thing stands
// for one thing and neither has a code, they are meant for each other.
func (r *reporting) parts(n, m resources.Node, p *part) {
	reported, defined := r.d.Member(n, p.member), r.m.Member(m, p.member)
	if r.m.Count(defined) == 0 || r.d.Kind(reported) != resources.Array && r.d.Kind(reported) != resources.Null {
		return
	}
	lone := r.d.Count(reported) == 1 && r.m.Count(defined) == 1
	met := map[resources.Node]bool{}
	for c := range r.d.Children(reported) {
		match := resources.None
		for definition := range r.m.Children(defined) {
			if !r.afford(r.node) {
				return
			}
			if p.same(r, c, definition) || lone && r.uncoded(c, definition) {
				match = definition
				break
			}
		}
		if match == resources.None {
			r.report.error(c, outcome.NotFound, "The measure has no such %s here: none has this code.", p.member)
			continue
		}
		met[match] = true
		for _, inner := range p.within {
			r.parts(c, match, inner)
		}
	}
	if missing := r.m.Count(defined) - len(met); p.needed && r.complete && missing > 0 {
		r.report.add(finding{node: n, missing: p.member, severity: outcome.SeverityError, code: outcome.Required},
			"The report is complete, but of what the measure has as %[2]s here it lacks %[1]d.", []any{missing, p.member})
	}
}

// uncoded reports whether one of the two has neither code nor components.
func (r *reporting) uncoded(n, m resources.Node) bool {
	return r.d.Member(n, "code") == resources.None && !r.stratified(n) ||
		r.m.Member(m, "code") == resources.None && r.m.Member(m, "component") == resources.None
}

func (r *reporting) stratified(n resources.Node) bool {
	for stratum := range r.d.Children(r.d.Member(n, "stratum")) {
		if r.d.Member(stratum, "component") != resources.None {
			return true
		}
	}
	return false
}

// sameCode compares the codes of two parts; without any, their ids.
func (r *reporting) sameCode(n, m resources.Node) bool {
	a, b := r.d.Member(n, "code"), r.m.Member(m, "code")
	if a == resources.None && b == resources.None {
		id := r.d.Text(r.d.Member(n, "id"))
		return id != "" && id == r.m.Text(r.m.Member(m, "id"))
	}
	return r.sameConcept(a, b)
}

// sameConcept reports whether a concept of the report and one of the measure share a coding or
// their text.
func (r *reporting) sameConcept(a, b resources.Node) bool {
	if r.d.Kind(a) == resources.Array { // MeasureReport.group.stratifier.code repeats
		a = r.d.Item(a, 0)
	}
	for x := range r.d.Children(r.d.Member(a, "coding")) {
		for y := range r.m.Children(r.m.Member(b, "coding")) {
			if !r.afford(r.node) || sameCoding(value{r.d, x, "Coding"}, value{r.m, y, "Coding"}) {
				return true
			}
		}
	}
	text := r.d.Text(r.d.Member(a, "text"))
	return text != "" && text == r.m.Text(r.m.Member(b, "text"))
}

// sameStratifier compares stratifiers by their codes or, where they consist of components, by the
// codes of those. https://hl7.org/fhir/R4/measurereport-definitions.html#MeasureReport.group.stratifier.stratum.component
func (r *reporting) sameStratifier(n, m resources.Node) bool {
	components := r.m.Member(m, "component")
	if components == resources.None || !r.stratified(n) {
		return r.sameCode(n, m)
	}
	for stratum := range r.d.Children(r.d.Member(n, "stratum")) {
		for c := range r.d.Children(r.d.Member(stratum, "component")) {
			if !r.component(c, components) {
				return false
			}
		}
	}
	return true
}

// component reports whether the measure has a component with the code of n.
func (r *reporting) component(n, components resources.Node) bool {
	for c := range r.m.Children(components) {
		if !r.afford(r.node) || r.sameConcept(r.d.Member(n, "code"), r.m.Member(c, "code")) {
			return true
		}
	}
	return false
}

// listed is the number of entries of a List that the report contains, as text.
func (r *reporting) listed(reference string) (string, bool) {
	if !strings.HasPrefix(reference, "#") {
		return "", false
	}
	e, ok := r.definition(r.node, "List", reference)
	if !ok || e.Type() == nil || e.Type().Name != "List" {
		return "", false
	}
	return strconv.Itoa(e.Document().Count(e.Document().Member(e.Node(), "entry"))), true
}
