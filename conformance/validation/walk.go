package validation

import (
	"context"

	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// walk is one validation under way.
type walk struct {
	validator *Validator
	options   *Options
	ctx       context.Context
	d         *resources.Document
	report    report
	warnings  bool // whether rules that only warn are looked at
	stopped   bool
	objects   int

	env       fhirpath.Environment // %resource and %rootResource of the current place
	bundle    bundle
	container container
	contained []contained
	local     []localReference
	spent     spent
}

func (w *walk) root(e resources.Element) {
	t := e.Type()
	switch {
	case e.IsZero() || t == nil:
		w.report.found = append(w.report.found, finding{severity: outcome.SeverityError, code: outcome.Structure, text: "There is nothing to validate."})
		return
	case e.IsResource():
		w.resource(e.Node(), t)
	case t.Primitive():
		w.primitive(e.Node(), &member{typ: t, lexical: lexicals[t.Name], slot: &slot{}, plan: w.validator.plans[t]})
	case w.d.Kind(e.Node()) != resources.Object:
		w.wrongKind(e.Node(), t)
	default:
		p := w.validator.plans[t].ready()
		w.element(e.Node(), p, p.rules)
	}
}

// unknownMember marks that an object has a member that its type does not have.
const unknownMember = 1 << 63

// object checks every member of a JSON object, then what must hold of them together. It returns
// the slots that have a member.
func (w *walk) object(n resources.Node, p *plan, rules []*rule) (mentioned uint64) {
	if !w.proceed(n) {
		return unknownMember
	}
	var seen uint64 // slots with content
	for c := range w.d.Children(n) {
		name := w.d.Name(c)
		m := p.members[name]
		if m == nil {
			if name != "resourceType" || p.typ.Kind != definitions.KindResource {
				mentioned |= unknownMember
				w.unknown(n, c, p)
			}
			continue
		}
		if mentioned&m.bit != 0 && m.element.Choice {
			w.oneChoice(n, c, p, m)
		}
		mentioned |= m.bit
		if w.member(n, c, m) {
			seen |= m.bit
		}
	}
	w.required(n, p, p.required&^mentioned)
	if p.check != nil {
		p.check(w, n, p, seen)
	}
	w.rules(n, p.typ, rules, seen, p.required&^seen == 0)
	return mentioned
}

// proceed counts objects and stops the walk when its context has ended.
func (w *walk) proceed(n resources.Node) bool {
	if w.objects++; w.objects&255 == 0 && !w.stopped && w.ctx.Err() != nil {
		w.stopped = true
		w.report.error(n, outcome.TooCostly, "Validation was stopped here because it took too long.")
	}
	return !w.stopped
}

// element is object for what is no resource: it has more in it than an id.
// https://hl7.org/fhir/R4/json.html#complex
func (w *walk) element(n resources.Node, p *plan, rules []*rule) {
	switch mentioned := w.object(n, p, rules); {
	case mentioned == 0:
		w.report.error(n, outcome.Structure, "The object is empty; an element without content is left out.")
	case mentioned&^p.idOnly == 0:
		w.onlyAnID(n)
	}
}

// onlyAnID is ele-1: https://hl7.org/fhir/R4/element.html#invs
func (w *walk) onlyAnID(n resources.Node) {
	w.report.error(n, outcome.Invariant, "The element has nothing but an id; it needs a value or children (ele-1).")
}

func (w *walk) required(n resources.Node, p *plan, missing uint64) {
	p.each(missing, func(s *slot) {
		w.report.add(finding{node: n, missing: s.element.Name, severity: outcome.SeverityError, code: outcome.Required},
			"The element %s is required here.", []any{s.element.Name})
	})
}

// oneChoice reports a second value of a choice; valueString and _valueString are one.
// https://hl7.org/fhir/R4/formats.html#choice
func (w *walk) oneChoice(object, n resources.Node, p *plan, m *member) {
	for c := range w.d.Children(object) {
		if c == n {
			return
		}
		if o := p.members[w.d.Name(c)]; o != nil && o.slot == m.slot && o.typ != m.typ {
			w.report.error(n, outcome.Structure, "The element %s[x] has one value: found %s and %s.", m.element.Name, o.name, m.name)
			return
		}
	}
}

// member checks the value of a member and reports whether there is content.
func (w *walk) member(object, n resources.Node, m *member) bool {
	if m.shadow {
		return w.shadow(object, n, m)
	}
	switch kind := w.d.Kind(n); {
	case kind == resources.Null:
		w.report.error(n, outcome.Structure, "The member %q is null; a member without value is left out.", m.name)
		return false
	case m.element.Max == 0:
		w.report.error(n, outcome.Structure, "The element %s is not allowed here.", m.name)
		return false
	case kind == resources.Array:
		if !m.list {
			w.report.error(n, outcome.Structure, "The element %s does not repeat, so its value is no array; expected %s.", m.name, expected(m.typ))
			return false
		}
		return w.list(object, n, m)
	case m.list:
		w.report.error(n, outcome.Structure, "The element %s may repeat, so its value is an array; found %s.", m.name, found(kind))
		return false
	}
	w.value(n, m)
	return true
}

// list checks an array. Places of a primitive that have extensions only are null:
// https://hl7.org/fhir/R4/json.html#primitive
func (w *walk) list(object, n resources.Node, m *member) (content bool) {
	i := 0
	shadow := resources.None
	for c := range w.d.Children(n) {
		switch {
		case w.d.Kind(c) != resources.Null:
			w.value(c, m)
			content = true
		case !m.typ.Primitive():
			w.report.error(c, outcome.Structure, "The array %q has a null; only arrays of primitive values may, where there is an extension instead.", m.name)
		default:
			if shadow == resources.None {
				shadow = w.d.Member(object, "_"+m.name)
			}
			if w.d.Kind(shadow) != resources.Array {
				w.report.error(c, outcome.Structure, "The array %q has a null, but there is no _%s with extensions for this place.", m.name, m.name)
			}
		}
		i++
	}
	if i == 0 {
		w.report.error(n, outcome.Structure, "The array %q is empty; an element without content is left out.", m.name)
	}
	return content
}

// value checks one value that is not null.
func (w *walk) value(n resources.Node, m *member) {
	switch {
	case m.lexical != nil:
		w.primitive(n, m)
	case w.d.Kind(n) != resources.Object:
		w.wrongKind(n, m.typ)
	case m.typ.Kind == definitions.KindResource:
		w.nested(n, m)
	default:
		p := m.plan.ready()
		w.element(n, p, m.rules)
		w.complex(n, p, m)
	}
}

// complex checks what depends on the element as well as on the type of its content.
func (w *walk) complex(n resources.Node, p *plan, m *member) {
	if m.binding != nil {
		w.boundConcept(n, m.binding)
	}
	if p.typ.Name == "Reference" {
		w.reference(n, m)
	}
	if m.simple {
		w.simpleQuantity(n)
	}
}

// simpleQuantity is sqty-1: https://hl7.org/fhir/R4/datatypes.html#SimpleQuantity
func (w *walk) simpleQuantity(n resources.Node) {
	if c := w.d.Member(n, "comparator"); c != resources.None {
		w.report.error(c, outcome.Invariant, "This quantity is a SimpleQuantity, which has no comparator (sqty-1).")
	}
}

func (w *walk) wrongKind(n resources.Node, t *definitions.Type) {
	w.report.error(n, outcome.Structure, "Found %s where %s was expected.", found(w.d.Kind(n)), expected(t))
}

// found names a JSON kind for a sentence.
func found(k resources.Kind) string {
	switch k {
	case resources.Null:
		return "null"
	case resources.Array, resources.Object:
		return "an " + k.String()
	}
	return "a " + k.String()
}

// expected names the JSON form of a type for a sentence.
func expected(t *definitions.Type) string {
	if l := lexicals[t.Name]; l != nil && t.Name == l.kind.String() {
		return found(l.kind)
	} else if l != nil {
		return found(l.kind) + " (" + t.Name + ")"
	}
	return "an object (" + t.Name + ")"
}
