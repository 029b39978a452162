package fhirpath

import (
	"strings"

	"kiln/resources/ucum"
)

// Variables: http://hl7.org/fhirpath/N1/#environment-variables and
// https://hl7.org/fhir/R4/fhirpath.html#vars

type thisNode struct{}

func (thisNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	return append(out, f.this...), nil
}

type indexVariable struct{}

func (indexVariable) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	return append(out, FromInteger(f.index)), nil
}

type totalNode struct{}

func (totalNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	return append(out, f.total...), nil
}

var variableNodes = map[string]node{"$this": thisNode{}, "$index": indexVariable{}, "$total": totalNode{}}

// externalNode is %name.
type externalNode struct {
	pos  int
	name string
}

// fixed are the variables with a constant value.
var fixed = map[string]string{"ucum": ucum.System, "sct": "http://snomed.info/sct", "loinc": "http://loinc.org"}

// prefixes of the variables for value sets and extensions: %`vs-administrative-gender`.
var canonicalPrefixes = []struct{ prefix, base string }{
	{"vs-", "http://hl7.org/fhir/ValueSet/"},
	{"ext-", "http://hl7.org/fhir/StructureDefinition/"},
}

func (n *externalNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	for v := f.vars; v != nil; v = v.outer {
		if v.name == n.name {
			return append(out, v.value...), nil
		}
	}
	switch n.name {
	case "context":
		return append(out, e.input...), nil
	case "resource":
		return e.resource(out, false), nil
	case "rootResource":
		return e.resource(out, true), nil
	case "factory":
		return append(out, Value{kind: kindFactory}), nil
	}
	if text, ok := fixed[n.name]; ok {
		return append(out, FromString(text)), nil
	}
	if value, ok := e.env.Variables[n.name]; ok {
		return append(out, value...), nil
	}
	for _, a := range canonicalPrefixes {
		if rest, ok := strings.CutPrefix(n.name, a.prefix); ok {
			return append(out, FromString(a.base+rest)), nil
		}
	}
	return out, e.fail(n.pos, "There is no variable %%%s.", nameText(clip(n.name)))
}

// resource is %resource or %rootResource: what the environment says, or where the input is.
func (e *evaluation) resource(out Collection, root bool) Collection {
	if root && !e.env.RootResource.IsZero() {
		return append(out, FromElement(e.env.RootResource))
	}
	if !e.env.Resource.IsZero() {
		if root {
			return append(out, FromElement(rootResource(e.env.Resource)))
		}
		return append(out, FromElement(e.env.Resource))
	}
	for _, v := range e.input {
		switch v.kind {
		case kindJSON:
			return append(out, FromJSON(v.element.Document(), 0))
		case kindElement:
			r := holder(v.element)
			if root {
				r = rootResource(v.element)
			}
			if !r.IsZero() {
				return append(out, FromElement(r))
			}
		}
	}
	return out
}

// reserved reports whether the name is one of the specification's.
func reserved(name string) bool {
	switch name {
	case "context", "resource", "rootResource", "factory":
		return true
	}
	_, ok := fixed[name]
	return ok
}
