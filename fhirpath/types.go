package fhirpath

import (
	"slices"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
)

// Types: http://hl7.org/fhirpath/N1/#types-and-reflection and
// https://hl7.org/fhir/R4/fhirpath.html#types. A bare name is looked for in FHIR and then in
// System; Quantity is both.

// typeSpec is a type specifier that was looked up.
type typeSpec struct {
	fhir   *definitions.Type // nil: not a FHIR type
	system kind              // kindNone: not a System type
	// loose lets a bare System name match FHIR primitives of that kind. R4's own que-7 asks
	// "answer is Boolean" of a FHIR boolean.
	loose bool
}

// lookUp finds a type. A name that System does not have matches nothing there (it is no error:
// x is System.Patient is false); a FHIR name must exist.
func (c *compiler) lookUp(n typeName, at int) (typeSpec, error) {
	t := typeSpec{loose: c.asOfType && n.space == ""}
	if n.space != "System" {
		t.fhir = definitions.R4().Type(n.name)
	}
	if n.space != "FHIR" {
		if i := slices.Index(systemNames[:], n.name); i > 0 {
			t.system = kind(i)
		}
	}
	if t.fhir == nil && t.system == kindNone && n.space != "System" {
		return t, syntaxError(c.source, at, "There is no type %q; the types are those of FHIR R4, such as Patient and code, and System.String, Boolean, Integer, Decimal, Date, DateTime, Time and Quantity.", clip(n.name))
	}
	return t, nil
}

// asType reads an argument as a type specifier: Patient, FHIR.Patient, System.String.
func asType(x expr) (typeName, bool) {
	m, ok := x.(*member)
	if !ok {
		return typeName{}, false
	}
	if m.left == nil {
		return typeName{name: m.name}, true
	}
	space, ok := m.left.(*member)
	if !ok || space.left != nil || space.name != "FHIR" && space.name != "System" {
		return typeName{}, false
	}
	return typeName{space: space.name, name: m.name}, true
}

// is reports whether v is of the type or one derived from it.
func (t typeSpec) is(v Value) bool {
	switch v.kind {
	case kindElement:
		if t.fhir != nil && v.element.Type().Is(t.fhir.Name) {
			return true
		}
		if t.loose && t.fhir == nil {
			return t.system == primitiveKind(v.element.Type())
		}
		return t.system == kindString && isSystemString(v.element)
	case kindPending:
		return t.fhir != nil && v.boxed.(*pending).typ.Is(t.fhir.Name)
	case kindJSON:
		if s, ok := v.system(); ok {
			return t.system == s.kind
		}
		r := definitions.R4().Resource(v.jsonType())
		return t.fhir != nil && r != nil && r.Is(t.fhir.Name)
	}
	return t.system == v.kind
}

// exactly is what as and ofType ask: derived types match too, but of primitives only the very
// type. The official suite has it so: Patient.gender.as(string) is empty, for a code.
func (t typeSpec) exactly(v Value) bool {
	if v.kind == kindElement && t.fhir != nil && t.fhir.Primitive() {
		return v.element.Type() == t.fhir
	}
	return t.is(v)
}

// isSystemString tells the elements that R4 types with System.String instead of string: the ids
// of elements and Extension.url.
func isSystemString(el resources.Element) bool {
	def := el.Definition()
	if def == nil {
		return false
	}
	return def.Path == "Extension.url" || strings.HasSuffix(def.Path, ".id") && el.Type().Name == "string"
}

// typeTestNode is x is T.
type typeTestNode struct {
	pos     int
	operand node
	typ     typeSpec
}

func (n *typeTestNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	c, err := evalTyped(e, n.operand, f)
	if err != nil {
		return out, err
	}
	defer e.release(c)
	if len(c) > 1 {
		return out, e.fail(n.pos, "'is' needs a single item, found %d.", len(c))
	}
	if len(c) == 1 {
		out = append(out, FromBoolean(n.typ.is(c[0])))
	}
	return out, nil
}

// typeFilterNode is x as T and x.ofType(T). single: more than one item is an error. derived:
// primitives of derived types match too.
type typeFilterNode struct {
	pos     int
	operand node
	typ     typeSpec
	single  bool
	derived bool
}

func (n *typeFilterNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	c, err := evalTyped(e, n.operand, f)
	if err != nil {
		return out, err
	}
	defer e.release(c)
	if n.single && len(c) > 1 {
		return out, e.fail(n.pos, "'as' needs a single item, found %d; ofType() filters a list.", len(c))
	}
	for i := range c {
		if n.typ.exactly(c[i]) || n.derived && n.typ.is(c[i]) {
			if out, err = e.follow(c[i], out); err != nil {
				return out, err
			}
		}
	}
	return out, e.step(len(c))
}

// typeInfo is what type() gives for one item.
type typeInfo struct{ space, name string }

func (t *typeInfo) String() string { return t.space + "." + t.name }

func (t *typeInfo) member(out Collection, name string) Collection {
	switch name {
	case "namespace":
		return append(out, FromString(t.space))
	case "name":
		return append(out, FromString(t.name))
	}
	return out
}

func typeOf(v Value) *typeInfo {
	switch v.kind {
	case kindElement:
		t := v.element.Type()
		if t.Kind == definitions.KindBackbone && t.Base != nil {
			return &typeInfo{"FHIR", t.Base.Name}
		}
		return &typeInfo{"FHIR", t.Name}
	case kindJSON:
		if s, ok := v.system(); ok {
			return typeOf(s)
		}
		return &typeInfo{"System", "Object"}
	}
	return &typeInfo{"System", systemNames[v.kind]}
}

func typesOf(e *evaluation, c *callNode, f *frame, in, out Collection) (Collection, error) {
	for _, v := range in {
		out = append(out, Value{kind: kindType, boxed: typeOf(v)})
	}
	return out, nil
}
