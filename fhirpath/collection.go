package fhirpath

// Collection is the result of an expression: values in order. Nil is the empty collection.
type Collection []Value

// Truth reads the collection as a condition
// (http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections): a single boolean is
// itself, any other single value is true; ok is false for none or several, and for a primitive
// that has no value.
func (c Collection) Truth() (value, ok bool) {
	if len(c) != 1 {
		return false, false
	}
	v, hasValue := c[0].system()
	if hasValue && v.kind == kindBoolean {
		return v.number != 0, true
	}
	known := hasValue || c[0].isComplex()
	return known, known
}

// Texts are the texts of all values that have one.
func (c Collection) Texts() []string {
	texts := make([]string, 0, len(c))
	for _, v := range c {
		if _, ok := v.system(); ok {
			texts = append(texts, v.Text())
		}
	}
	return texts
}
