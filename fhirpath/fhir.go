package fhirpath

import (
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// FHIR's own functions: https://hl7.org/fhir/R4/fhirpath.html#functions. resolve() has a file
// of its own.

var fhirFunctions = map[string]function{
	"extension":         {min: 1, max: 1, apply: extension},
	"hasExtension":      {min: 1, max: 1, apply: hasExtension},
	"hasValue":          {apply: hasValue},
	"getValue":          {apply: getValue},
	"conformsTo":        {min: 1, max: 1, apply: conformsTo},
	"memberOf":          {min: 1, max: 1, apply: memberOf},
	"htmlChecks":        {apply: htmlChecks},
	"elementDefinition": {apply: elementDefinition},
	"slice":             {min: 2, max: 2, apply: slice},
	"checkModifiers":    {max: 64, apply: checkModifiers},
}

// extension are the extensions with the url: a shorthand for extension.where(url = …).
func extension(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	url, ok, err := n.stringArg(e, f, 0)
	if err != nil || !ok {
		return out, err
	}
	return e.extensions(in, out, url)
}

func (e *evaluation) extensions(in, out Collection, url string) (Collection, error) {
	for i := range in {
		switch in[i].kind {
		case kindElement:
			for c := in[i].element.Named("extension"); c.Next(); {
				if c.Element.First("url").Text() == url {
					out = append(out, FromElement(c.Element))
				}
			}
		case kindJSON:
			for _, x := range appendPlain(nil, in[i], "extension") {
				if urls := appendPlain(nil, x, "url"); len(urls) == 1 && urls[0].Text() == url {
					out = append(out, x)
				}
			}
		}
		if err := e.step(2); err != nil {
			return out, err
		}
	}
	return out, nil
}

// hasExtension is extension(url).exists(); R4 uses it in a search parameter.
func hasExtension(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	url, ok, err := n.stringArg(e, f, 0)
	if err != nil || !ok {
		return out, err
	}
	found, err := e.extensions(in, e.take(), url)
	if err != nil {
		return out, err
	}
	has := len(found) > 0
	e.release(found)
	return append(out, FromBoolean(has)), nil
}

// hasValue is true for a single primitive with a value, not only extensions.
func hasValue(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	has := false
	if len(in) == 1 && !in[0].isComplex() && in[0].kind != kindQuantity {
		_, has = in[0].system()
	}
	return append(out, FromBoolean(has)), nil
}

// getValue is the System value of a single primitive.
func getValue(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	if len(in) != 1 || in[0].isComplex() {
		return out, nil
	}
	if v, ok := in[0].system(); ok {
		out = append(out, v)
	}
	return out, nil
}

const structures = "http://hl7.org/fhir/StructureDefinition/"

// conformsTo knows R4's own types; profiles are the environment's matter.
func conformsTo(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	v, ok, err := n.one(e, in)
	if err != nil {
		return out, err
	}
	profile, given, err := n.stringArg(e, f, 0)
	if err != nil || !ok || !given {
		return out, err
	}
	if name, isBase := strings.CutPrefix(profile, structures); isBase && v.kind == kindElement {
		if t := definitions.R4().Type(name); t != nil && t.Kind != definitions.KindBackbone {
			if !v.element.Type().Is(name) {
				return append(out, FromBoolean(false)), nil
			}
			if e.env.ConformsTo == nil {
				return append(out, FromBoolean(true)), nil
			}
		}
	}
	if e.env.ConformsTo == nil {
		return out, n.fail(e, "does not know the profile %s.", quote(clip(profile), '\''))
	}
	if err := e.step(1000); err != nil {
		return out, err
	}
	conforms, err := e.env.ConformsTo(e.ctx, v, profile)
	if err != nil {
		return out, err
	}
	return append(out, FromBoolean(conforms)), nil
}

// memberOf asks the environment; a value set that it does not have makes the result empty, as
// the specification wants it.
func memberOf(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	v, ok, err := n.one(e, in)
	if err != nil {
		return out, err
	}
	valueSet, given, err := n.stringArg(e, f, 0)
	if err != nil || !ok || !given || e.env.MemberOf == nil {
		return out, err
	}
	if err := e.step(1000); err != nil {
		return out, err
	}
	member, err := e.env.MemberOf(e.ctx, v, valueSet)
	if outcome.Is(err, outcome.NotFound) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	return append(out, FromBoolean(member)), nil
}

// elementDefinition and slice need the profile that the input is judged by, which is not part
// of the document; without one there is no definition and no slice.
func elementDefinition(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return out, nil
}

func slice(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	if _, _, err := n.stringArg(e, f, 0); err != nil {
		return out, err
	}
	_, _, err := n.stringArg(e, f, 1)
	return out, err
}

// checkModifiers gives the input back, and refuses it where it holds a modifier extension that
// the arguments do not name.
func checkModifiers(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	known := make(map[string]bool, len(n.args))
	for i := range n.args {
		url, ok, err := n.stringArg(e, f, i)
		if err != nil {
			return out, err
		}
		if ok {
			known[url] = true
		}
	}
	for i := range in {
		if in[i].kind != kindElement {
			continue
		}
		for c := in[i].element.Named("modifierExtension"); c.Next(); {
			if url := c.Element.First("url").Text(); !known[url] {
				return out, n.fail(e, "found the modifier extension %s, which is not understood.", quote(clip(url), '\''))
			}
		}
	}
	return append(out, in...), e.step(len(in))
}
