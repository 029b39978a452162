package validation

import (
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// resource checks a resource that is not contained: the root, or an entry of a Bundle or of
// Parameters. Each is the %rootResource of what is in it.
func (w *walk) resource(n resources.Node, t *definitions.Type) {
	p := w.validator.plans[t].ready()
	env, around := w.env, w.container
	w.env.Resource = w.d.As(n, t)
	w.env.RootResource = w.env.Resource
	w.container = container{node: n, contained: len(w.contained), local: len(w.local)}
	if t.Name == "Bundle" {
		outer := w.bundle
		w.bundle = bundle{node: n, inside: true}
		w.object(n, p, p.rules)
		w.bundle = outer
	} else {
		w.object(n, p, p.rules)
	}
	w.contained = w.contained[:w.container.contained]
	w.env, w.container = env, around
}

// nested checks a resource inside another.
func (w *walk) nested(n resources.Node, m *member) {
	name := w.d.Member(n, "resourceType")
	if w.d.Kind(name) != resources.String {
		w.report.error(n, outcome.Structure, "The object has no \"resourceType\", so it is no resource.")
		return
	}
	t := definitions.R4().Resource(w.d.Text(name))
	switch {
	case t == nil:
		w.report.error(name, outcome.Structure, "%q is not a resource type of FHIR R4.", clip(w.d.Text(name)))
	case m.name == "contained":
		w.inContainer(n, t)
	default:
		w.resource(n, t)
	}
}
