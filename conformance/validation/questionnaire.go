package validation

import (
	"kiln/resources"
	"kiln/resources/outcome"
)

// form is a Questionnaire laid out to be compared with answers. It may come from anywhere, so
// nothing is taken for granted: what has the wrong form is as if it were not there.
// https://hl7.org/fhir/R4/questionnaire.html
type form struct {
	d         *resources.Document
	node      resources.Node
	root      question             // what holds the items at the top
	byLink    map[string]*question // the first item of each linkId
	valueSets map[string]codes     // by the answerValueSet that names them
}

// question is an item: a group, a display or a question.
type question struct {
	node     resources.Node
	link     string
	typ      string
	parent   *question
	place    int // among its siblings
	items    []*question
	byLink   map[string]*question // of items
	required bool
	repeats  bool

	// Worked out when they are first asked for.
	more    map[string][]value // extensions
	options []value
	kinds   []string // types of options
	alone   []value  // options that exclude all others
}

func layOutForm(e resources.Element) *form {
	f := &form{d: e.Document(), node: e.Node(), byLink: map[string]*question{}, valueSets: map[string]codes{}}
	f.root.node = e.Node()
	f.lay(&f.root)
	return f
}

// lay adds the items of q. They nest no deeper than a document does.
func (f *form) lay(q *question) {
	list := f.d.Member(q.node, "item")
	if f.d.Kind(list) != resources.Array {
		return
	}
	q.byLink = make(map[string]*question, f.d.Count(list))
	for n := range f.d.Children(list) {
		item := &question{
			node: n, parent: q, place: len(q.items),
			link: f.d.Text(f.d.Member(n, "linkId")), typ: f.d.Text(f.d.Member(n, "type")),
			required: f.d.Text(f.d.Member(n, "required")) == "true",
			repeats:  f.d.Text(f.d.Member(n, "repeats")) == "true",
		}
		q.items = append(q.items, item)
		if q.byLink[item.link] == nil {
			q.byLink[item.link] = item
		}
		if f.byLink[item.link] == nil {
			f.byLink[item.link] = item
		}
		f.lay(item)
	}
}

// extensions are the values of the extensions of q by url, gathered once.
func (q *question) extensions(d *resources.Document) map[string][]value {
	if q.more == nil {
		q.more = map[string][]value{}
		for e := range d.Children(d.Member(q.node, "extension")) {
			url := d.Text(d.Member(e, "url"))
			q.more[url] = append(q.more[url], valueOf(d, e, "value"))
		}
	}
	return q.more
}

// extended is the value of the first extension of that url; zero without.
func (q *question) extended(d *resources.Document, url string) value {
	if all := q.extensions(d)[url]; len(all) > 0 {
		return all[0]
	}
	return value{}
}

// questionnaire checks what the invariants of Questionnaire do not: an item is enabled by a
// question that is there. https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen.question
func (w *walk) questionnaire(n resources.Node, p *plan, seen uint64) {
	w.domain(n, p, seen)
	links := map[string]bool{}
	var items func(list resources.Node, each func(item resources.Node))
	items = func(list resources.Node, each func(item resources.Node)) {
		for item := range w.d.Children(list) {
			each(item)
			items(w.d.Member(item, "item"), each)
		}
	}
	items(w.d.Member(n, "item"), func(item resources.Node) { links[w.d.Text(w.d.Member(item, "linkId"))] = true })
	items(w.d.Member(n, "item"), func(item resources.Node) {
		for condition := range w.d.Children(w.d.Member(item, "enableWhen")) {
			question := w.d.Member(condition, "question")
			if link := w.d.Text(question); w.d.Kind(question) == resources.String && !links[link] {
				w.report.error(question, outcome.NotFound, "The item is enabled by the question %q, but no item has this linkId.", clip(link))
			}
		}
	})
}
