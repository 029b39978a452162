package fhirpath

import "kiln/resources/datatypes"

// Utility functions: http://hl7.org/fhirpath/N1/#utility-functions

var utilityFunctions = map[string]function{
	"trace":          {min: 1, max: 2, apply: trace},
	"now":            {apply: now},
	"today":          {apply: today},
	"timeOfDay":      {apply: timeOfDay},
	"type":           {apply: typesOf},
	"defineVariable": {min: 1, max: 2, apply: defineVariable},
	"pathname":       {max: 1, apply: pathname},
}

// trace hands the input, or what the second argument makes of each item, to the environment.
func trace(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	name, _, err := n.stringArg(e, f, 0)
	if err != nil {
		return out, err
	}
	if e.env.Trace == nil {
		return append(out, in...), nil
	}
	if len(n.args) == 1 {
		e.env.Trace(name, in)
		return append(out, in...), nil
	}
	var traced Collection
	err = n.each(e, f, n.args[1], in, func(_ int, c Collection) (bool, error) {
		traced = append(traced, c...)
		return true, e.grown(traced, len(traced)-len(c))
	})
	if err != nil {
		return out, err
	}
	e.env.Trace(name, traced)
	return append(out, in...), nil
}

func now(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return append(out, FromDateTime(datatypes.DateTimeOf(e.now(), datatypes.Fraction, 3))), nil
}

func today(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return append(out, FromDate(datatypes.DateTimeOf(e.now(), datatypes.Day, 0))), nil
}

func timeOfDay(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return append(out, timeOf(datatypes.DateTimeOf(e.now(), datatypes.Fraction, 3))), nil
}

// defineVariable, for trial use, makes a variable for what follows in the same expression:
// https://build.fhir.org/ig/HL7/FHIRPath/#definevariablename-string--expr-expression
func defineVariable(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	name, given, err := n.stringArg(e, f, 0)
	if err != nil {
		return out, err
	}
	if !given || reserved(name) {
		return out, n.fail(e, "needs a name that is not one of the specification's own.")
	}
	for v := f.vars; v != nil; v = v.outer {
		if v.name == name {
			return out, n.fail(e, "defines %%%s, which is defined already.", clip(name))
		}
	}
	if _, ok := e.env.Variables[name]; ok {
		return out, n.fail(e, "defines %%%s, which is defined already.", clip(name))
	}
	value := append(Collection(nil), in...)
	if len(n.args) == 2 {
		inner := e.enter(f)
		inner.this = in
		if value, err = n.args[1].eval(e, inner, nil); err != nil {
			return out, err
		}
		e.leave(inner)
	}
	f.vars = &definedVariable{name: name, value: value, outer: f.vars}
	return append(out, in...), nil
}

// pathname, for trial use, is where each element is in its document; computed values have no
// place. The argument (leave out what is no list) is accepted; single elements never have an
// index here. https://build.fhir.org/ig/HL7/FHIRPath/#fn-pathname
func pathname(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	if _, _, err := n.arg(e, f, 0); err != nil {
		return out, err
	}
	for i := range in {
		path := in[i].Path()
		if path == "" {
			continue
		}
		out = append(out, FromString(path))
		if err := e.step(10 + len(path)); err != nil {
			return out, err
		}
	}
	return out, nil
}
