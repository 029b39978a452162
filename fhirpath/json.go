package fhirpath

import (
	"strconv"

	"kiln/resources"
)

// AppendJSON appends the collection as a JSON array: elements as their document has them,
// System values as JSON has them (booleans, numbers with their digits, strings; dates and times
// as strings, quantities as objects with value and unit).
func (c Collection) AppendJSON(b []byte) []byte {
	b = append(b, '[')
	for i, v := range c {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.AppendJSON(b)
	}
	return append(b, ']')
}

// JSONSize is at least the number of bytes that AppendJSON appends. A collection may hold one
// large element many times, so what is sent to others should be measured first.
func (c Collection) JSONSize() int {
	size := 2
	for _, v := range c {
		size += 1 + v.jsonSize()
	}
	return size
}

func (v Value) jsonSize() int {
	switch v.kind {
	case kindElement, kindJSON:
		if n := v.place(); n != resources.None {
			return len(v.element.Document().Raw(n))
		}
		return len("null")
	case kindString:
		return 2 + 6*len(v.text)
	}
	return len(`{"namespace":"","name":""}`) + 6*len(v.Text())
}

// AppendJSON appends one value as in Collection.AppendJSON. A primitive that has only an id or
// extensions is the object of its _name member.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case kindElement, kindJSON:
		if n := v.place(); n != resources.None {
			return v.element.Document().AppendCompact(b, n)
		}
		return append(b, "null"...)
	case kindNone:
		return append(b, "null"...)
	case kindBoolean:
		return strconv.AppendBool(b, v.number != 0)
	case kindInteger, kindLong, kindDecimal:
		return append(b, v.Text()...)
	case kindQuantity:
		q := v.quantity()
		b = append(append(b, `{"value":`...), q.value.Text('f')...)
		b = append(append(b, `,"unit":`...), quoted(q.unit)...)
		return append(b, '}')
	case kindType:
		t := v.boxed.(*typeInfo)
		b = append(append(b, `{"namespace":`...), quoted(t.space)...)
		b = append(append(b, `,"name":`...), quoted(t.name)...)
		return append(b, '}')
	}
	return append(b, quoted(v.Text())...)
}

// quoted is s as a JSON string, with < and & as they are.
func quoted(s string) string { return `"` + jsonEscaped(s) + `"` }
