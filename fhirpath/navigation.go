package fhirpath

// Tree navigation: http://hl7.org/fhirpath/N1/#tree-navigation

var navigationFunctions = map[string]function{
	"children":    {apply: children},
	"descendants": {apply: descendants},
}

func children(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	for i := range in {
		before := len(out)
		out = appendChildren(out, &in[i])
		if err := e.grown(out, before); err != nil {
			return out, err
		}
	}
	return out, nil
}

func appendChildren(out Collection, v *Value) Collection {
	switch v.kind {
	case kindElement:
		for c := v.element.All(); c.Next(); {
			out = append(out, Value{kind: kindElement, element: c.Element})
		}
	case kindJSON:
		out = appendPlainChildren(out, *v)
	}
	return out
}

// descendants are the children, then their children and so on. Unlike repeat(children()) every
// element is there once for each place it has, equal or not.
func descendants(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	start := len(out)
	out, err := children(e, n, f, in, out)
	for i := start; i < len(out) && err == nil; i++ {
		before := len(out)
		v := out[i]
		out = appendChildren(out, &v)
		err = e.grown(out, before-1)
	}
	return out, err
}
