package validation

import (
	"kiln/resources"
	"kiln/resources/outcome"
)

// item checks one item of a response.
func (a *answering) item(n resources.Node, q *question, enabled truth) {
	if enabled == no {
		a.disabled(n, q)
		return
	}
	a.around = append(a.around, n)
	defer func() { a.around = a.around[:len(a.around)-1] }()
	a.text(n, q)
	switch q.typ {
	case "group":
		a.group(n, q, enabled)
	case "display":
		if a.content(n) {
			a.report.error(n, outcome.Structure, "The item %q is only displayed; it has no answers and no items.", clip(q.link))
		}
	default:
		a.question(n, q, enabled)
	}
}

// content reports whether the item has an answer, at whatever depth.
func (a *answering) content(n resources.Node) bool {
	for range a.list(n, "answer") {
		return true
	}
	for item := range a.list(n, "item") {
		if a.content(item) {
			return true
		}
	}
	return false
}

// disabled reports answers that the questionnaire does not ask for. While it is being filled in,
// the answer on which they depend may have changed.
func (a *answering) disabled(n resources.Node, q *question) {
	if !a.content(n) {
		return
	}
	const sentence = "The item %q is not enabled by the answers given, so it has none itself."
	if !a.unfinished {
		a.report.error(n, outcome.BusinessRule, sentence, clip(q.link))
	} else if a.warnings {
		a.report.warning(n, outcome.BusinessRule, sentence, clip(q.link))
	}
}

// text compares the words of an item with those of the questionnaire. They may be a translation,
// so a difference only warns.
func (a *answering) text(n resources.Node, q *question) {
	given, asked := a.d.Member(n, "text"), a.form.d.Member(q.node, "text")
	if a.warnings && given != resources.None && asked != resources.None && a.d.Text(given) != a.form.d.Text(asked) {
		a.report.warning(given, outcome.Value, "The text of the item %q is not that of the questionnaire.", clip(q.link))
	}
}

// group checks an item that holds items.
func (a *answering) group(n resources.Node, q *question, enabled truth) {
	if answer := a.d.Member(n, "answer"); answer != resources.None {
		a.report.error(answer, outcome.Structure, "The item %q is a group, which has items and no answers.", clip(q.link))
	}
	if a.d.Count(a.d.Member(n, "item")) == 0 && q.required && enabled == yes && !a.unfinished {
		a.report.add(finding{node: n, missing: "item", severity: outcome.SeverityError, code: outcome.Required},
			"The group %q is required by the questionnaire, so it has items.", []any{clip(q.link)})
		return
	}
	a.items(n, q)
}

// question checks an item that holds answers; items within it go with the answer they belong to.
func (a *answering) question(n resources.Node, q *question, enabled truth) {
	list := a.d.Member(n, "answer")
	count := 0
	if a.d.Kind(list) == resources.Array {
		count = a.d.Count(list)
	}
	if within := a.d.Member(n, "item"); within != resources.None && len(q.items) == 0 {
		a.report.error(within, outcome.Structure, "The question %q has no items within it in the questionnaire.", clip(q.link))
	} else if within != resources.None {
		if a.warnings {
			a.report.warning(within, outcome.Structure, "Items within the question %q belong to its answer.", clip(q.link))
		}
		a.items(n, q)
	}
	if count == 0 && q.required && enabled == yes && !a.unfinished {
		a.report.add(finding{node: n, missing: "answer", severity: outcome.SeverityError, code: outcome.Required},
			"The questionnaire requires an answer to the question %q.", []any{clip(q.link)})
	}
	if enabled == yes && !a.unfinished {
		a.fewest(n, q, count)
	}
	a.most(list, q, count)
	a.exclusive(list, q, count)
	for answer := range a.list(n, "answer") {
		a.answer(answer, q)
		a.items(answer, q)
	}
}
