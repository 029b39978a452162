package validation

import (
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// The rules of https://hl7.org/fhir/R4/references.html#contained, of which dom-2 to dom-5 are
// invariants of DomainResource.

// container is the resource around the current place that may contain others.
type container struct {
	node             resources.Node
	contained, local int               // where its own begin in walk.contained and walk.local
	types            map[string]string // resource type by the id of a contained resource; nil before it is asked for
}

// contained is a resource in a container. What it says of local references is between two places
// of walk.local.
type contained struct {
	node     resources.Node
	id       string
	from, to int
}

// localReference is a text that can name a contained resource ("#id") or the container ("#").
type localReference struct {
	text string
	back bool // it is "#", in a place where that means the container
}

// inContainer checks a contained resource: it is %resource, its container stays %rootResource.
func (w *walk) inContainer(n resources.Node, t *definitions.Type) {
	p := w.validator.plans[t].ready()
	outer := w.env.Resource
	w.env.Resource = w.d.As(n, t)
	i := len(w.contained)
	w.contained = append(w.contained, contained{node: n, id: w.d.Text(w.d.Member(n, "id")), from: len(w.local)})
	w.object(n, p, p.rules)
	w.contained[i].to = len(w.local)
	w.contained = w.contained[:i+1]
	w.env.Resource = outer
	w.plainContent(n)
}

// plainContent is dom-2, dom-4 and dom-5.
func (w *walk) plainContent(n resources.Node) {
	if c := w.d.Member(n, "contained"); w.d.Kind(c) == resources.Array && w.d.Count(c) > 0 {
		w.report.error(c, outcome.Invariant, "A contained resource contains no others; put them beside it (dom-2).")
	}
	meta := w.d.Member(n, "meta")
	for _, name := range [...]string{"versionId", "lastUpdated"} {
		if m := w.either(meta, name); m != resources.None {
			w.report.error(m, outcome.Invariant, "A contained resource has no %s of its own (dom-4).", name)
		}
	}
	if m := w.d.Member(meta, "security"); m != resources.None {
		w.report.error(m, outcome.Invariant, "A contained resource has no security labels of its own; they belong to its container (dom-5).")
	}
	if w.d.Member(n, "id") == resources.None {
		w.report.error(n, outcome.Required, "A contained resource needs an id, by which its container refers to it.")
	}
}

// either is the member name, or else _name.
func (w *walk) either(object resources.Node, name string) resources.Node {
	if n := w.d.Member(object, name); n != resources.None {
		return n
	}
	return w.d.Member(object, "_"+name)
}

// domain checks a DomainResource as a container, and dom-6, which only warns: contained resources
// need no narrative, since that of the container speaks for them.
func (w *walk) domain(n resources.Node, _ *plan, _ uint64) {
	if w.container.node != n {
		return
	}
	if w.warnings && w.either(w.d.Member(n, "text"), "div") == resources.None {
		w.report.warning(n, outcome.Invariant, "The resource has no narrative (text.div), which is good practice for robust exchange (dom-6).")
	}
	if list := w.contained[w.container.contained:]; len(list) > 0 {
		w.uniqueIDs(list)
		w.referredTo(list, w.local[w.container.local:])
	}
}

func (w *walk) uniqueIDs(list []contained) {
	seen := make(map[string]bool, len(list))
	for _, c := range list {
		if c.id != "" && seen[c.id] {
			w.report.error(c.node, outcome.Duplicate, "The id %q is that of another contained resource as well.", clip(c.id))
		}
		seen[c.id] = true
	}
}

// referredTo is dom-3: each contained resource is referred to by the container or by one beside
// it, or refers to the container itself.
func (w *walk) referredTo(list []contained, local []localReference) {
	named := make(map[string]bool, len(local))
	for _, r := range local {
		named[r.text[1:]] = true
	}
	for _, c := range list {
		if c.id == "" || named[c.id] || w.refersBack(c) {
			continue
		}
		w.report.error(c.node, outcome.Invariant,
			"Nothing refers to this contained resource (%q), and it does not refer to its container (\"#\") either (dom-3).", clip("#"+c.id))
	}
}

func (w *walk) refersBack(c contained) bool {
	for _, r := range w.local[c.from:c.to] {
		if r.back {
			return true
		}
	}
	return false
}

// localType finds the type of a contained resource by its id; false if the container has none.
func (w *walk) localType(id string) (string, bool) {
	if w.container.types == nil {
		w.container.types = map[string]string{}
		for c := range w.d.Children(w.d.Member(w.container.node, "contained")) {
			w.container.types[w.d.Text(w.d.Member(c, "id"))] = w.d.Text(w.d.Member(c, "resourceType"))
		}
	}
	t, ok := w.container.types[id]
	return t, ok
}
