package fhirpath

import (
	"strconv"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources"
	"kiln/resources/datatypes"
	"kiln/resources/definitions"
)

// kind tells what a Value is.
type kind uint8

const (
	kindNone    kind = iota // the zero Value
	kindElement             // of a FHIR document
	kindJSON                // of a document without types
	kindBoolean
	kindString
	kindInteger
	kindLong
	kindDecimal
	kindDate
	kindDateTime
	kindTime
	kindQuantity
	kindType    // what type() gives
	kindFactory // %factory
	kindPending // a reference that was not followed yet; never leaves resolve.go and types.go
)

// systemNames are the names of the System types: http://hl7.org/fhirpath/N1/#literals
var systemNames = [...]string{
	kindBoolean: "Boolean", kindString: "String", kindInteger: "Integer", kindLong: "Long", kindDecimal: "Decimal",
	kindDate: "Date", kindDateTime: "DateTime", kindTime: "Time", kindQuantity: "Quantity", kindType: "TypeInfo", kindFactory: "Factory",
}

// Value is one item of a collection: an element of a document, or a value of a System type that
// was computed. The zero Value is none.
type Value struct {
	element resources.Element
	shadow  resources.Node // the _name object, of kindJSON
	kind    kind
	number  int64  // Integer, Long; Boolean: 0 or 1
	text    string // String
	boxed   any    // *apd.Decimal, *datatypes.DateTime, *datatypes.Time, *quantity, *typeInfo
}

// FromElement is an element of a document as a value; none for the zero element. One without a
// type is plain JSON.
func FromElement(e resources.Element) Value {
	switch {
	case e.IsZero():
		return Value{}
	case e.Type() == nil:
		return FromJSON(e.Document(), e.Node())
	}
	return Value{kind: kindElement, element: e}
}

// FromJSON is a node of a document that FHIR has no type for: its members are the children,
// strings, numbers and booleans are System values, and members named _name are read as FHIR
// reads them.
func FromJSON(d *resources.Document, n resources.Node) Value {
	return Value{kind: kindJSON, element: d.As(n, nil), shadow: resources.None}
}

// FromBoolean is a System.Boolean.
func FromBoolean(b bool) Value {
	if b {
		return Value{kind: kindBoolean, number: 1}
	}
	return Value{kind: kindBoolean}
}

// FromInteger is a System.Integer, or a Long beyond 32 bits.
func FromInteger(i int64) Value {
	if i != int64(int32(i)) {
		return Value{kind: kindLong, number: i}
	}
	return Value{kind: kindInteger, number: i}
}

// FromString is a System.String.
func FromString(s string) Value { return Value{kind: kindString, text: s} }

// FromDecimal is a System.Decimal; d must not be changed afterwards.
func FromDecimal(d *apd.Decimal) Value { return Value{kind: kindDecimal, boxed: d} }

// FromDate is a System.Date.
func FromDate(t datatypes.DateTime) Value { return Value{kind: kindDate, boxed: &t} }

// FromDateTime is a System.DateTime.
func FromDateTime(t datatypes.DateTime) Value { return Value{kind: kindDateTime, boxed: &t} }

// FromTime is a System.Time.
func FromTime(t datatypes.Time) Value { return Value{kind: kindTime, boxed: &t} }

// FromQuantity is a System.Quantity with a UCUM unit; empty is the unit '1'.
func FromQuantity(value *apd.Decimal, unit string) Value {
	if unit == "" {
		unit = "1"
	}
	return Value{kind: kindQuantity, boxed: &quantity{value: value, unit: unit}}
}

// FromDuration is a System.Quantity with a calendar duration, singular or plural: 3 days.
func FromDuration(value *apd.Decimal, unit string) Value {
	return Value{kind: kindQuantity, boxed: &quantity{value: value, unit: singular(unit), calendar: true}}
}

// Element is the element of the document that v is; false for computed values.
func (v Value) Element() (resources.Element, bool) { return v.element, v.kind == kindElement }

// IsZero reports whether v is no value.
func (v Value) IsZero() bool { return v.kind == kindNone }

// TypeName is the type as type() names it, with its namespace for System types:
// "HumanName", "code", "System.Integer". A backbone element is named by its path: "Patient.contact".
func (v Value) TypeName() string {
	switch v.kind {
	case kindNone:
		return ""
	case kindElement:
		return v.element.Type().Name
	case kindJSON:
		if s, ok := v.system(); ok {
			return s.TypeName()
		}
		return "Object"
	}
	return "System." + systemNames[v.kind]
}

// Path is where an element is in its document ("Patient.name[0].given[1]"); empty for computed
// values.
func (v Value) Path() string {
	if v.kind == kindElement || v.kind == kindJSON {
		return v.element.Path()
	}
	return ""
}

// Text is the value of a primitive as text: true, 42, 1.50, 2024-05, 10 'mg'. Empty for
// elements with children and for primitives without a value.
func (v Value) Text() string {
	switch v.kind {
	case kindElement:
		return v.element.Text()
	case kindJSON:
		return v.jsonText()
	case kindBoolean:
		return strconv.FormatBool(v.number != 0)
	case kindString:
		return v.text
	case kindInteger, kindLong:
		return strconv.FormatInt(v.number, 10)
	case kindDecimal:
		return v.decimal().Text('f')
	case kindDate, kindDateTime:
		return v.dateTime().String()
	case kindTime:
		return v.time().String()
	case kindQuantity:
		return v.quantity().String()
	case kindType:
		return v.boxed.(*typeInfo).String()
	}
	return ""
}

// Boolean is the value of a System.Boolean or a FHIR boolean; false, false for anything else.
func (v Value) Boolean() (value, ok bool) {
	s, ok := v.system()
	if !ok || s.kind != kindBoolean {
		return false, false
	}
	return s.number != 0, true
}

// Integer is the value of a whole number of either kind.
func (v Value) Integer() (int64, bool) {
	s, ok := v.system()
	if !ok || s.kind != kindInteger && s.kind != kindLong {
		return 0, false
	}
	return s.number, true
}

// Decimal is the value of any number of either kind; it must not be changed.
func (v Value) Decimal() (*apd.Decimal, bool) {
	s, ok := v.system()
	if !ok {
		return nil, false
	}
	return s.asDecimal()
}

func (v Value) decimal() *apd.Decimal         { return v.boxed.(*apd.Decimal) }
func (v Value) dateTime() *datatypes.DateTime { return v.boxed.(*datatypes.DateTime) }
func (v Value) time() *datatypes.Time         { return v.boxed.(*datatypes.Time) }
func (v Value) quantity() *quantity           { return v.boxed.(*quantity) }

func (v Value) asDecimal() (*apd.Decimal, bool) {
	switch v.kind {
	case kindInteger, kindLong:
		return apd.New(v.number, 0), true
	case kindDecimal:
		return v.decimal(), true
	}
	return nil, false
}

// primitives maps the FHIR primitive types to System types:
// https://hl7.org/fhir/R4/fhirpath.html#types. Those derived from them are found by their base.
var primitives = map[string]kind{
	"boolean": kindBoolean, "string": kindString, "uri": kindString, "base64Binary": kindString, "xhtml": kindString,
	"integer": kindInteger, "decimal": kindDecimal, "date": kindDate, "dateTime": kindDateTime, "instant": kindDateTime, "time": kindTime,
}

func primitiveKind(t *definitions.Type) kind {
	for ; t != nil; t = t.Base {
		if k, ok := primitives[t.Name]; ok {
			return k
		}
	}
	return kindNone
}

// system is v as a value of a System type; false for a complex element and for a primitive
// without a value. A primitive whose text does not have the form of its type is read as a
// String. https://hl7.org/fhir/R4/fhirpath.html#types
func (v Value) system() (Value, bool) {
	switch v.kind {
	case kindElement:
		return fromPrimitive(v.element)
	case kindJSON:
		return v.fromJSON()
	case kindNone:
		return v, false
	}
	return v, true
}

func fromPrimitive(el resources.Element) (Value, bool) {
	t := el.Type()
	if t == nil || !t.Primitive() {
		if t != nil && t.Is("Quantity") {
			return fromQuantityElement(el)
		}
		return Value{}, false
	}
	if !el.HasValue() {
		return Value{}, false
	}
	return readAs(primitiveKind(t), el.Text()), true
}

// readAs reads a text as a System type; where it does not have the form, it is a String.
func readAs(k kind, text string) Value {
	switch k {
	case kindBoolean:
		if text == "true" || text == "false" {
			return FromBoolean(text == "true")
		}
	case kindInteger:
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return FromInteger(i)
		}
	case kindDecimal:
		if d, err := datatypes.ParseDecimal(text); err == nil {
			return FromDecimal(d)
		}
	case kindDate, kindDateTime:
		if t, err := datatypes.ParseDateTime(text); err == nil {
			if k == kindDate && t.Precision <= datatypes.Day {
				return FromDate(t)
			}
			return FromDateTime(t)
		}
	case kindTime:
		if t, err := datatypes.ParseTime(text); err == nil {
			return FromTime(t)
		}
	}
	return FromString(text)
}
