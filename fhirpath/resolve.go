package fhirpath

import (
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
)

// resolve() and where it looks: https://hl7.org/fhir/R4/fhirpath.html#functions. What cannot be
// fetched is left out. Where only the type is asked (resolve() is Patient), the reference itself
// tells it and nothing is fetched.

// pending is a reference whose target was not fetched; typ is what the reference says.
type pending struct {
	typ       *definitions.Type
	from      Value
	reference string
}

// resolveNode is x.resolve().
type resolveNode struct {
	pos    int
	source node
}

func (n *resolveNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	return n.each(e, f, out, func(v Value, reference string, out Collection) Collection {
		return e.fetch(v, reference, out)
	})
}

// typed is eval without fetching what need not be: items of kindPending stand for targets whose
// type the reference tells.
func (n *resolveNode) typed(e *evaluation, f *frame, out Collection) (Collection, error) {
	return n.each(e, f, out, func(v Value, reference string, out Collection) Collection {
		if t := referenceType(v, reference); t != nil {
			return append(out, Value{kind: kindPending, boxed: &pending{typ: t, from: v, reference: reference}})
		}
		return e.fetch(v, reference, out)
	})
}

func (n *resolveNode) each(e *evaluation, f *frame, out Collection, visit func(Value, string, Collection) Collection) (Collection, error) {
	source, owned, err := e.source(n.source, f)
	if err != nil {
		return out, err
	}
	for _, v := range source {
		if reference := referenceText(v); reference != "" {
			out = visit(v, reference, out)
		}
		if err := e.step(20); err != nil {
			return out, err
		}
	}
	if owned {
		e.release(source)
	}
	return out, nil
}

// evalTyped evaluates n for a consumer that looks at types alone.
func evalTyped(e *evaluation, n node, f *frame) (Collection, error) {
	if n == nil {
		return append(e.take(), f.this...), nil
	}
	if r, ok := n.(*resolveNode); ok {
		return r.typed(e, f, e.take())
	}
	return n.eval(e, f, e.take())
}

// follow appends v, or what it points to if it is pending.
func (e *evaluation) follow(v Value, out Collection) (Collection, error) {
	if v.kind != kindPending {
		return append(out, v), nil
	}
	p := v.boxed.(*pending)
	return e.fetch(p.from, p.reference, out), e.step(20)
}

// referenceText is what a Reference, uri, canonical or plain string refers to; empty if nothing.
func referenceText(v Value) string {
	switch v.kind {
	case kindElement:
		if v.element.Type().Is("Reference") {
			return v.element.First("reference").Text()
		}
		if k := primitiveKind(v.element.Type()); k != kindString {
			return ""
		}
	case kindJSON:
		d := v.element.Document()
		if reference := d.Member(v.object(), "reference"); d.Kind(reference) == resources.String {
			return d.Text(reference)
		}
	case kindString:
	default:
		return ""
	}
	return withoutVersion(v.Text())
}

func withoutVersion(canonical string) string {
	before, _, _ := strings.Cut(canonical, "|")
	return before
}

// referenceType is the type that a reference claims for its target, nil if it claims none:
// Reference.type, or the resource type in its address (Patient/1, http://…/Patient/1/_history/2,
// Patient?identifier=…).
func referenceType(v Value, reference string) *definitions.Type {
	if v.kind == kindElement {
		if claimed := v.element.First("type"); claimed.HasValue() && v.element.Type().Is("Reference") {
			name := strings.TrimPrefix(claimed.Text(), "http://hl7.org/fhir/StructureDefinition/")
			if t := definitions.R4().Resource(name); t != nil {
				return t
			}
		}
	}
	name, _, _ := addressed(reference)
	return definitions.R4().Resource(name)
}

// addressed splits a reference that is an address of the RESTful API into type and id, and the
// base before them; empty where it is none. A conditional reference has no id.
func addressed(reference string) (name, id, base string) {
	if strings.HasPrefix(reference, "#") || strings.HasPrefix(reference, "urn:") {
		return "", "", ""
	}
	if before, _, conditional := strings.Cut(reference, "?"); conditional {
		return before[strings.LastIndexByte(before, '/')+1:], "", ""
	}
	reference, _, _ = strings.Cut(reference, "/_history/")
	reference, _, _ = strings.Cut(reference, "#")
	slash := strings.LastIndexByte(reference, '/')
	if slash < 0 {
		return "", "", ""
	}
	before, id := reference[:slash], reference[slash+1:]
	slash = strings.LastIndexByte(before, '/')
	return before[slash+1:], id, before[:slash+1]
}

// fetch appends the target of a reference if there is one: contained in the same resource, in
// the same Bundle, or found by the environment.
func (e *evaluation) fetch(v Value, reference string, out Collection) Collection {
	if fragment, ok := strings.CutPrefix(reference, "#"); ok {
		if v.kind != kindElement {
			return out
		}
		if target := contained(v.element, fragment); !target.IsZero() {
			out = append(out, FromElement(target))
		}
		return out
	}
	if from := e.origin(v); !from.IsZero() {
		if target := e.inBundle(from, reference); !target.IsZero() {
			return append(out, FromElement(target))
		}
	}
	if e.env.Resolve != nil {
		if target, ok := e.env.Resolve(e.ctx, reference); ok && !target.IsZero() {
			out = append(out, FromElement(target))
		}
	}
	return out
}

// origin is the element in whose document a reference is looked up. A text that the expression
// made is looked up in that of the input.
func (e *evaluation) origin(v Value) resources.Element {
	if v.kind == kindElement {
		return v.element
	}
	if v.kind == kindString && len(e.input) > 0 && e.input[0].kind == kindElement {
		return e.input[0].element
	}
	return resources.Element{}
}

// contained finds a contained resource by id in the resource that from is part of; an empty id
// is that resource itself. https://hl7.org/fhir/R4/references.html#contained
func contained(from resources.Element, id string) resources.Element {
	root := rootResource(from)
	if id == "" {
		return root
	}
	for c := root.Named("contained"); c.Next(); {
		if c.Element.First("id").Text() == id {
			return c.Element
		}
	}
	return resources.Element{}
}

// inBundle finds the entry that a reference points to:
// https://hl7.org/fhir/R4/bundle.html#references
func (e *evaluation) inBundle(from resources.Element, reference string) resources.Element {
	d := from.Document()
	bundle, err := d.Resource()
	if err != nil || bundle.Type().Name != "Bundle" {
		return resources.Element{}
	}
	name, id, base := addressed(reference)
	if id == "" && !strings.Contains(reference, ":") {
		return resources.Element{}
	}
	if name != "" && base == "" {
		base = entryBase(from)
	}
	for c := bundle.Named("entry"); c.Next(); {
		e.slice-- // charged here, judged at the next step
		url := c.Element.First("fullUrl").Text()
		target := c.Element.First("resource")
		if target.IsZero() || !ofVersion(target, reference) {
			continue
		}
		if url == reference || name != "" && url == base+name+"/"+id {
			return target
		}
		if url == "" && base == "" && target.Type().Name == name && target.First("id").Text() == id {
			return target
		}
	}
	return resources.Element{}
}

// ofVersion reports whether a resource has the version that a reference names, if it names one.
func ofVersion(target resources.Element, reference string) bool {
	_, version, named := strings.Cut(reference, "/_history/")
	return !named || target.First("meta").First("versionId").Text() == version
}

// entryBase is the base address of the entry that holds el: what its fullUrl has before Type/id.
func entryBase(el resources.Element) string {
	d := el.Document()
	for n := located(el); n != resources.None; n = d.Parent(n) {
		if url := d.Member(n, "fullUrl"); d.Kind(url) == resources.String {
			_, _, base := addressed(d.Text(url))
			return base
		}
	}
	return ""
}

// located is the node that tells where el is.
func located(el resources.Element) resources.Node {
	if el.Node() != resources.None {
		return el.Node()
	}
	return el.Shadow()
}

// holder is the resource that el is part of, itself included; zero where there is none.
func holder(el resources.Element) resources.Element {
	if el.IsResource() {
		return el
	}
	d := el.Document()
	for n := located(el); n != resources.None; n = d.Parent(n) {
		if d.Member(n, "resourceType") == resources.None {
			continue
		}
		if r, err := d.ResourceAt(n); err == nil {
			return r
		}
	}
	return resources.Element{}
}

// rootResource is the resource that contains the one that el is part of, or that one itself.
func rootResource(el resources.Element) resources.Element {
	r := holder(el)
	if r.IsZero() {
		return r
	}
	d := r.Document()
	list := d.Parent(r.Node())
	if list == resources.None || d.Name(list) != "contained" {
		return r
	}
	if outer, err := d.ResourceAt(d.Parent(list)); err == nil {
		return outer
	}
	return r
}
