package definitions

import "slices"

// Kind tells the four kinds of type apart.
type Kind uint8

// The kinds of type: https://hl7.org/fhir/R4/datatypes.html. KindBackbone is the content
// of an element that is defined in place, such as Patient.contact.
const (
	KindPrimitive Kind = iota
	KindComplex
	KindResource
	KindBackbone
)

// Unbounded is the Max of an element with cardinality "*".
const Unbounded = -1

// Type is one FHIR type with its elements.
type Type struct {
	Name     string // "Patient", "HumanName", "code", "Patient.contact"
	Kind     Kind
	Abstract bool
	Base     *Type  // nil for Element and Resource
	URL      string // canonical URL; empty for backbone types
	Regex    string // lexical form of a primitive, unanchored; empty if R4 gives none
	Elements []*Element
	// MaxLength of a primitive's value in bytes; 0 if unlimited.
	MaxLength int
	// Constraints are the invariants of the type as a whole (inherited ones included);
	// ele-1 and ext-1 hold everywhere and are not repeated.
	Constraints []*Constraint

	members map[string]Member
	byName  map[string]*Element
}

// Element is one row of the element table.
type Element struct {
	Path       string // "Observation.value[x]"
	Name       string // the name FHIRPath uses: "value"
	Index      int    // place among the elements of its type, which is the order of XML
	Choice     bool   // name[x]
	Min, Max   int    // Max is Unbounded for "*"
	Types      []TypeRef
	Content    *Type // of the content where there is just one type; nil for a choice
	Binding    Binding
	Summary    bool // isSummary
	Modifier   bool // isModifier
	Attribute  bool // XML attribute: https://hl7.org/fhir/R4/xml.html
	XHTML      bool // XML form is an XHTML div
	Ordered    bool
	Constraint []*Constraint

	contentReference string
	maxLength        int
}

// List reports whether the element repeats, so that JSON writes an array.
func (e *Element) List() bool { return e.Max == Unbounded || e.Max > 1 }

// TypeRef is one allowed type of an element.
type TypeRef struct {
	Type     *Type
	Targets  []string // resource type names a Reference or canonical may point to; "Resource" is any
	Profiles []string // the type's profiles, such as SimpleQuantity
}

// Binding is the binding of a coded element.
type Binding struct {
	Strength string // required, extensible, preferred, example; empty without binding
	ValueSet string // canonical URL, with |version where the definition has it
}

// Member is what a JSON member name means inside a type.
type Member struct {
	Element *Element
	Type    *Type // of the content: for valueQuantity it is Quantity
	Shadow  bool  // "_name": id and extensions of a primitive
}

// Member finds the meaning of a JSON member name; choice types appear under their
// full names (valueQuantity) and primitives also as _name.
// https://hl7.org/fhir/R4/json.html
func (t *Type) Member(name string) (Member, bool) {
	m, ok := t.members[name]
	return m, ok
}

// MemberBytes is Member for a name in a buffer; it does not allocate.
func (t *Type) MemberBytes(name []byte) (Member, bool) {
	m, ok := t.members[string(name)]
	return m, ok
}

// Element finds an element by the name that FHIRPath uses ("value" for value[x]), nil
// if the type has none.
func (t *Type) Element(name string) *Element { return t.byName[name] }

// Is reports whether t is the type named name or derives from it.
func (t *Type) Is(name string) bool {
	for ; t != nil; t = t.Base {
		if t.Name == name {
			return true
		}
	}
	return false
}

// Primitive reports whether values of the type are JSON primitives.
func (t *Type) Primitive() bool { return t.Kind == KindPrimitive }

// Ref returns the type reference for type name, false if the element does not allow it.
func (e *Element) Ref(name string) (TypeRef, bool) {
	i := slices.IndexFunc(e.Types, func(r TypeRef) bool { return r.Type.Name == name })
	if i < 0 {
		return TypeRef{}, false
	}
	return e.Types[i], true
}

// JSONName is the member name of the element with content of type t: value[x] with
// Quantity gives valueQuantity.
func (e *Element) JSONName(t *Type) string {
	if !e.Choice {
		return e.Name
	}
	return e.Name + upperFirst(t.Name)
}

func upperFirst(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
