package validation

import (
	"slices"

	"kiln/resources"
	"kiln/resources/outcome"
)

// answering is a QuestionnaireResponse being compared with its Questionnaire:
// https://hl7.org/fhir/R4/questionnaireresponse.html#link
type answering struct {
	*walk
	form       *form
	node       resources.Node              // the response
	given      map[string][]resources.Node // its items by linkId, in order
	around     []resources.Node            // the response and the items around the current one
	unfinished bool                        // what is missing may still come
}

// unfinished are the statuses of responses that need not be complete:
// https://hl7.org/fhir/R4/valueset-questionnaire-answers-status.html
var unfinished = map[string]bool{"in-progress": true, "stopped": true, "entered-in-error": true}

// questionnaireResponse checks a response against its questionnaire, if that can be found.
func (w *walk) questionnaireResponse(n resources.Node, p *plan, seen uint64) {
	w.domain(n, p, seen)
	q, ok := w.defined(n, "questionnaire", "Questionnaire")
	if !ok {
		return
	}
	a := &answering{
		walk: w, form: w.form(q), node: n, given: map[string][]resources.Node{}, around: []resources.Node{n},
		unfinished: unfinished[w.d.Text(w.d.Member(n, "status"))],
	}
	a.gather(n)
	a.items(n, &a.form.root)
	a.authored()
}

// gather lists the items that were sent by their linkId.
func (a *answering) gather(n resources.Node) {
	for item := range a.list(n, "item") {
		link := a.link(item)
		a.given[link] = append(a.given[link], item)
		a.gather(item)
		for answer := range a.list(item, "answer") {
			a.gather(answer)
		}
	}
}

// items compares the items in n, which is the response, an item or an answer, with those of q.
func (a *answering) items(n resources.Node, q *question) {
	if a.spent.gaveUp {
		return
	}
	found := map[*question][]resources.Node{}
	last := 0
	for item := range a.list(n, "item") {
		c := q.byLink[a.link(item)]
		if c == nil {
			a.astray(item, q)
			continue
		}
		if c.place < last {
			a.report.error(item, outcome.Structure, "The item %q comes before %q in the questionnaire; answers keep its order.", clip(c.link), clip(q.items[last].link))
		}
		last = max(last, c.place)
		found[c] = append(found[c], item)
	}
	for _, c := range q.items {
		if !a.afford() {
			return
		}
		a.occurrences(n, c, found[c])
	}
}

// astray reports an item that q does not have.
func (a *answering) astray(item resources.Node, q *question) {
	at := a.d.Member(item, "linkId")
	if a.d.Kind(at) != resources.String {
		return
	}
	link := a.d.Text(at)
	elsewhere := a.form.byLink[link]
	switch {
	case elsewhere == nil:
		a.report.error(at, outcome.NotFound, "The questionnaire has no item %q.", clip(link))
	case elsewhere.parent == &a.form.root:
		a.report.error(at, outcome.Structure, "In the questionnaire the item %q is at the top, not within another.", clip(link))
	default:
		a.report.error(at, outcome.Structure, "In the questionnaire the item %q is within %q, not here.", clip(link), clip(elsewhere.parent.link))
	}
}

// occurrences checks how often an item of the questionnaire is there, and each of them.
func (a *answering) occurrences(n resources.Node, q *question, items []resources.Node) {
	at := resources.None
	if len(items) > 0 {
		at = items[0]
	}
	if len(items) == 0 && !(q.required && !a.unfinished) && q.extended(a.form.d, minOccurs).none() {
		return
	}
	enabled := a.enabled(q, at)
	if len(items) == 0 {
		if enabled == yes {
			a.unanswered(n, q)
		}
		return
	}
	if len(items) > 1 && (q.typ != "group" || !q.repeats) {
		a.twice(items[1], q)
	}
	for i, item := range items {
		if i > 0 {
			enabled = a.enabled(q, item)
		}
		a.item(item, q, enabled)
	}
}

func (a *answering) twice(item resources.Node, q *question) {
	if q.typ == "group" {
		a.report.error(item, outcome.Structure, "The group %q does not repeat in the questionnaire; found it again.", clip(q.link))
		return
	}
	a.report.error(item, outcome.Structure, "The question %q has one item, with all its answers; found it again.", clip(q.link))
}

// unanswered reports that n has no item of q, which is enabled.
func (a *answering) unanswered(n resources.Node, q *question) {
	if a.unfinished || q.typ == "display" {
		return
	}
	if q.required {
		a.report.add(finding{node: n, missing: "item", severity: outcome.SeverityError, code: outcome.Required},
			"The item %q is required by the questionnaire.", []any{clip(q.link)})
		return
	}
	a.fewest(n, q, 0)
}

// authored warns of a response from outside the time in which the questionnaire is in use.
func (a *answering) authored() {
	at := a.d.Member(a.node, "authored")
	if !a.warnings || a.d.Kind(at) != resources.String {
		return
	}
	period := a.form.d.Member(a.form.node, "effectivePeriod")
	when := value{d: a.d, node: at, kind: "DateTime"}
	start, end := value{a.form.d, a.form.d.Member(period, "start"), "DateTime"}, value{a.form.d, a.form.d.Member(period, "end"), "DateTime"}
	if order, ok := compare(when, start); ok && order < 0 {
		a.report.warning(at, outcome.BusinessRule, "The response is from before the questionnaire came into use (%s).", clip(start.text()))
	}
	if order, ok := compare(when, end); ok && order > 0 {
		a.report.warning(at, outcome.BusinessRule, "The response is from after the questionnaire went out of use (%s).", clip(end.text()))
	}
}

func (a *answering) link(item resources.Node) string { return a.d.Text(a.d.Member(item, "linkId")) }

// list yields the objects of an array; a value of another form is reported elsewhere.
func (a *answering) list(n resources.Node, name string) func(yield func(resources.Node) bool) {
	list := a.d.Member(n, name)
	return func(yield func(resources.Node) bool) {
		if a.d.Kind(list) != resources.Array {
			return
		}
		for c := range a.d.Children(list) {
			if a.d.Kind(c) == resources.Object && !yield(c) {
				return
			}
		}
	}
}

// nearest is the item of the question on which the item at depends: the one that is reached first
// by going up from it, then back, then on.
// https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen.question
func (a *answering) nearest(link string, at resources.Node) resources.Node {
	all := a.given[link]
	for _, scope := range slices.Backward(a.around) {
		from, _ := slices.BinarySearch(all, scope)
		to, _ := slices.BinarySearch(all, a.d.After(scope))
		if from >= to {
			continue
		}
		if at == resources.None || all[from] == scope {
			return all[from]
		}
		before, _ := slices.BinarySearch(all[from:to], at)
		return all[from+max(before-1, 0)]
	}
	return resources.None
}
