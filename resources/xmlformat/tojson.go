package xmlformat

import (
	"errors"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/resources/xmlformat/markup"
)

// ToJSON makes compact FHIR JSON of the FHIR XML of one resource; the result is ready for
// resources.Parse.
//
// The error is an *outcome.Error with line and column: of stage syntax for what is no XML,
// holds a document type, is no UTF-8 or whose root is no resource; of stage content with all
// problems at once (up to 100) for elements and attributes that FHIR does not have there and for
// booleans and numbers that are none. Whether elements are missing, or stand in another order
// than the definition's, is not judged here.
func ToJSON(src []byte) ([]byte, error) {
	x := reader{r: markup.NewReader(src), nodes: make([]node, 0, len(src)/40+8)}
	err := x.document()
	if err != nil {
		return nil, x.refuse(err)
	}
	if len(x.issues) > 0 {
		return nil, &outcome.Error{Stage: outcome.StageContent, Issues: x.issues}
	}
	w := jsonWriter{nodes: x.nodes, kinds: primitives(), out: make([]byte, 0, len(src))}
	w.object(0)
	return w.out, nil
}

// refuse joins the fault that ended the reading with what was found before.
func (x *reader) refuse(err error) error {
	if errors.Is(err, errTooMany) {
		return &outcome.Error{Stage: outcome.StageContent, Issues: x.issues}
	}
	e := outcome.As(err)
	e.Issues = append(e.Issues, x.issues...)
	return e
}

// jsonWriter writes the tree of a reader as JSON.
type jsonWriter struct {
	nodes []node
	kinds map[*typ]resources.Kind
	out   []byte
}

// object writes the children of a node, and of a resource its type, as a JSON object.
func (w *jsonWriter) object(n int32) {
	w.out = append(w.out, '{')
	first := true
	if v := &w.nodes[n]; v.flags&isResource != 0 {
		w.out = append(w.out, `"resourceType":"`...)
		w.out = append(w.out, v.typ.Name...)
		w.out = append(w.out, '"')
		first = false
	}
	for c := w.nodes[n].child; c != 0; c = w.nodes[c].next {
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		if w.nodes[c].typ.Primitive() {
			w.primitives(c)
		} else {
			w.complexes(c)
		}
	}
	w.out = append(w.out, '}')
}

func (w *jsonWriter) name(prefix, name string) {
	w.out = append(w.out, '"')
	w.out = append(w.out, prefix...)
	w.out = append(w.out, name...)
	w.out = append(w.out, '"', ':')
}

// complexes writes a member of complex type, or the list of all elements with its name.
func (w *jsonWriter) complexes(n int32) {
	w.name("", w.nodes[n].name)
	if !w.nodes[n].element.List() {
		w.object(n)
		return
	}
	w.out = append(w.out, '[')
	for c := n; c != 0; c = w.nodes[c].same {
		if c != n {
			w.out = append(w.out, ',')
		}
		w.object(c)
	}
	w.out = append(w.out, ']')
}

// primitives writes values as the member name, ids and extensions as _name; in lists both have
// the same length, with null where there is nothing (https://hl7.org/fhir/R4/json.html#primitive).
func (w *jsonWriter) primitives(n int32) {
	values, shadows := false, false
	for c := n; c != 0; c = w.nodes[c].same {
		values = values || w.nodes[c].flags&hasValue != 0
		shadows = shadows || w.nodes[c].child != 0
	}
	if values {
		w.name("", w.nodes[n].name)
		w.items(n, hasValue, w.value)
	}
	if shadows {
		if values {
			w.out = append(w.out, ',')
		}
		w.name("_", w.nodes[n].name)
		w.items(n, hasChildren, w.object)
	}
}

func (w *jsonWriter) items(n int32, present flags, write func(int32)) {
	if !w.nodes[n].element.List() {
		write(n)
		return
	}
	w.out = append(w.out, '[')
	for c := n; c != 0; c = w.nodes[c].same {
		if c != n {
			w.out = append(w.out, ',')
		}
		if w.nodes[c].flags&present != 0 {
			write(c)
		} else {
			w.out = append(w.out, "null"...)
		}
	}
	w.out = append(w.out, ']')
}

func (w *jsonWriter) value(n int32) {
	v := &w.nodes[n]
	if w.kinds[v.typ] != resources.String {
		w.out = append(w.out, v.value...)
		return
	}
	w.out = appendQuoted(w.out, v.value)
}

const hex = "0123456789abcdef"

var escapes = func() (t [256]string) {
	for c := range 0x20 {
		t[c] = `\u00` + string(hex[c>>4]) + string(hex[c&15])
	}
	t['"'], t['\\'], t['\n'], t['\t'], t['\r'] = `\"`, `\\`, `\n`, `\t`, `\r`
	return t
}()

// appendQuoted appends s as a JSON string that escapes nothing but what JSON demands.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		if to := escapes[s[i]]; to != "" {
			b = append(append(b, s[from:i]...), to...)
			from = i + 1
		}
	}
	return append(append(b, s[from:]...), '"')
}
