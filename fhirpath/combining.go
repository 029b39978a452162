package fhirpath

// Combining: http://hl7.org/fhirpath/N1/#combining

var combineFunctions = map[string]function{
	"union":   {min: 1, max: 1, apply: unionOf},
	"combine": {min: 1, max: 2, apply: combineAll},
}

func unionOf(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	start := len(out)
	other, err := e.operand(n.args[0], f)
	if err != nil {
		return out, err
	}
	if out, err = e.appendDistinct(out, start, in); err != nil {
		return out, err
	}
	out, err = e.appendDistinct(out, start, other)
	e.release(other)
	return out, err
}

// combineAll keeps duplicates. The second argument of later releases (preserveOrder) changes
// nothing here: the order is always kept.
func combineAll(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	other, err := e.operand(n.args[0], f)
	if err != nil {
		return out, err
	}
	out = append(append(out, in...), other...)
	e.release(other)
	return out, nil
}
