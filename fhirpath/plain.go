package fhirpath

import (
	"slices"
	"strings"

	"kiln/resources"
)

// Plain JSON, for documents that FHIR has no type for: members are children, null is no value,
// and a member _name belongs to name as in https://hl7.org/fhir/R4/json.html#primitive.

// plain is a node of such a document with its _name object.
func plain(d *resources.Document, n, shadow resources.Node) Value {
	return Value{kind: kindJSON, element: d.As(n, nil), shadow: shadow}
}

func (v Value) jsonText() string {
	d, n := v.element.Document(), v.element.Node()
	if k := d.Kind(n); k == resources.Bool || k == resources.Number || k == resources.String {
		return d.Text(n)
	}
	return ""
}

func (v Value) fromJSON() (Value, bool) {
	d, n := v.element.Document(), v.element.Node()
	switch d.Kind(n) {
	case resources.Bool:
		return readAs(kindBoolean, d.Text(n)), true
	case resources.String:
		return FromString(d.Text(n)), true
	case resources.Number:
		text := d.Text(n)
		if strings.ContainsAny(text, ".eE") {
			return readAs(kindDecimal, text), true
		}
		if i := readAs(kindInteger, text); i.kind != kindString {
			return i, true
		}
		return readAs(kindDecimal, text), true
	}
	return Value{}, false
}

// object is the JSON object with v's children: itself, or its _name object.
func (v Value) object() resources.Node {
	d, n := v.element.Document(), v.element.Node()
	if d.Kind(n) == resources.Object {
		return n
	}
	if d.Kind(v.shadow) == resources.Object {
		return v.shadow
	}
	return resources.None
}

// jsonType is the resourceType of a plain object; empty without.
func (v Value) jsonType() string {
	return v.element.Document().Text(v.element.Document().Member(v.object(), "resourceType"))
}

func appendPlain(out Collection, v Value, name string) Collection {
	d, object := v.element.Document(), v.object()
	if object == resources.None {
		return out
	}
	value := d.Member(object, name)
	shadow := d.Member(object, "_"+name)
	if value == resources.None && shadow == resources.None {
		return out
	}
	return appendPlainItems(out, d, value, shadow)
}

func appendPlainChildren(out Collection, v Value) Collection {
	d, object := v.element.Document(), v.object()
	for n := range d.Children(object) {
		name := d.Name(n)
		if name == "resourceType" {
			continue
		}
		if base, isShadow := strings.CutPrefix(name, "_"); isShadow {
			if d.Member(object, base) == resources.None {
				out = appendPlainItems(out, d, resources.None, n)
			}
			continue
		}
		out = appendPlainItems(out, d, n, d.Member(object, "_"+name))
	}
	return out
}

func appendPlainItems(out Collection, d *resources.Document, value, shadow resources.Node) Collection {
	if d.Kind(value) != resources.Array && d.Kind(shadow) != resources.Array {
		return appendPlainItem(out, d, value, shadow)
	}
	values, shadows := slices.Collect(d.Children(value)), slices.Collect(d.Children(shadow))
	for i := range max(len(values), len(shadows)) {
		out = appendPlainItem(out, d, at(values, i), at(shadows, i))
	}
	return out
}

func at(nodes []resources.Node, i int) resources.Node {
	if i < len(nodes) {
		return nodes[i]
	}
	return resources.None
}

func appendPlainItem(out Collection, d *resources.Document, value, shadow resources.Node) Collection {
	if d.Kind(value) == resources.Null {
		value = resources.None
	}
	if d.Kind(shadow) == resources.Null {
		shadow = resources.None
	}
	if value == resources.None && shadow == resources.None {
		return out
	}
	return append(out, plain(d, value, shadow))
}
