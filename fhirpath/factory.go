package fhirpath

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"kiln/resources"
	"kiln/resources/definitions"
)

// %factory makes elements, for trial use: https://build.fhir.org/fhirpath.html#factory. What it
// makes is a small document of its own, so that it behaves like any other element.

// factoryNode is %factory.name(args).
type factoryNode struct {
	pos   int
	name  string
	args  []node
	build builder
	typ   *definitions.Type // of a primitive, and of create()
}

// builder makes an element of the evaluated arguments.
type builder func(n *factoryNode, e *evaluation, args []Collection) (Value, error)

// factoryFields are the parameters of the constructors of complex types, in order.
var factoryFields = map[string][]string{
	"Identifier":   {"system", "value", "use", "type"},
	"HumanName":    {"family", "given*", "prefix*", "suffix*", "text", "use"},
	"ContactPoint": {"system", "value", "use"},
	"Address":      {"line*", "city", "state", "postalCode", "country", "use", "type"},
	"Quantity":     {"system", "code", "value", "unit"},
	"Coding":       {"system", "code", "display", "version"},
}

// factory compiles a call on %factory.
func (c *compiler) factory(x *call) (node, error) {
	n := &factoryNode{pos: x.pos, name: x.name}
	least, most := 0, 0
	switch t := definitions.R4().Type(x.name); {
	case x.name == "create":
		return c.create(x, n)
	case x.name == "withExtension":
		n.build, least, most = (*factoryNode).withExtension, 3, 3
	case x.name == "withProperty":
		n.build, least, most = (*factoryNode).withProperty, 3, 3
	case x.name == "Extension":
		n.build, least, most = (*factoryNode).extension, 2, 2
	case x.name == "CodeableConcept":
		n.build, least, most = (*factoryNode).codeableConcept, 1, 2
	case factoryFields[x.name] != nil:
		n.build, most = (*factoryNode).complex, len(factoryFields[x.name])
	case t != nil && t.Primitive():
		n.build, n.typ, least, most = (*factoryNode).primitive, t, 1, 2
	default:
		return nil, c.fail(x.pos, "%%factory makes no %q.", clip(x.name))
	}
	if len(x.args) < least || len(x.args) > most {
		return nil, c.fail(x.pos, "%%factory.%s() takes %s, found %d.", x.name, function{min: least, max: most}.arity(), len(x.args))
	}
	for _, arg := range x.args {
		a, err := c.compile(arg)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, a)
	}
	return n, nil
}

// create is %factory.create(Type): an element without content.
func (c *compiler) create(x *call, n *factoryNode) (node, error) {
	if len(x.args) == 1 {
		if name, ok := asType(x.args[0]); ok && name.space != "System" {
			n.typ = definitions.R4().Type(name.name)
		}
	}
	if n.typ == nil || n.typ.Abstract || n.typ.Kind == definitions.KindBackbone {
		return nil, c.fail(x.pos, "%%factory.create() takes the name of a concrete FHIR type.")
	}
	n.build = (*factoryNode).empty
	return n, nil
}

func (n *factoryNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	args := make([]Collection, len(n.args))
	for i, arg := range n.args {
		c, err := e.operand(arg, f)
		if err != nil {
			return out, err
		}
		args[i] = slices.Clone(c)
		e.release(c)
	}
	v, err := n.build(n, e, args)
	if err != nil {
		return out, err
	}
	return append(out, v), e.step(100)
}

func (n *factoryNode) fail(e *evaluation, format string, args ...any) error {
	return e.fail(n.pos, "%%factory."+n.name+"() "+format, args...)
}

// parsed reads JSON that the factory wrote as an element of type t.
func (n *factoryNode) parsed(e *evaluation, t *definitions.Type, src []byte) (Value, error) {
	if err := e.produced(len(src)); err != nil {
		return Value{}, err
	}
	d, err := resources.Parse(src)
	if err != nil {
		return Value{}, n.fail(e, "made an element that cannot be: %s", err)
	}
	return FromElement(d.As(0, t)), nil
}

// primitiveOf makes a primitive: it lies in an Extension, which can hold any of them with
// its id and extensions.
func (n *factoryNode) primitiveOf(e *evaluation, t *definitions.Type, value, shadow []byte) (Value, error) {
	holder := definitions.R4().Type("Extension")
	name := holder.Element("value").JSONName(t)
	if _, ok := holder.Member(name); !ok {
		return Value{}, n.fail(e, "makes no %s.", t.Name)
	}
	src := []byte("{")
	if value != nil {
		src = append(append(append(src, `"`+name+`":`...), value...), ',')
	}
	if shadow == nil {
		shadow = []byte("{}")
	}
	src = append(append(append(src, `"_`+name+`":`...), shadow...), '}')
	v, err := n.parsed(e, holder, src)
	if err != nil {
		return v, err
	}
	return FromElement(v.element.First("value")), nil
}

// empty is create().
func (n *factoryNode) empty(e *evaluation, args []Collection) (Value, error) {
	switch {
	case n.typ.Primitive():
		return n.primitiveOf(e, n.typ, nil, nil)
	case n.typ.Kind == definitions.KindResource:
		return n.parsed(e, n.typ, []byte(`{"resourceType":"`+n.typ.Name+`"}`))
	}
	return n.parsed(e, n.typ, []byte("{}"))
}

// primitive is %factory.code('x', extensions).
func (n *factoryNode) primitive(e *evaluation, args []Collection) (Value, error) {
	value, err := n.content(e, n.typ, args[0], len(args) > 1)
	if err != nil {
		return Value{}, err
	}
	var shadow []byte
	if len(args) > 1 && len(args[1]) > 0 {
		if shadow, err = n.list(e, []byte(`{"extension":`), "Extension", args[1]); err != nil {
			return Value{}, err
		}
		shadow = append(shadow, '}')
	}
	return n.primitiveOf(e, n.typ, value, shadow)
}

// content is the JSON of a single value as a primitive of type t; nil where it is empty.
func (n *factoryNode) content(e *evaluation, t *definitions.Type, c Collection, mayBeBlank bool) ([]byte, error) {
	if len(c) == 0 {
		return nil, nil
	}
	v, ok := c[0].system()
	if len(c) > 1 || !ok {
		return nil, n.fail(e, "takes a single plain value.")
	}
	k := primitiveKind(t)
	text := v.Text()
	fits := v.kind == k || v.kind == kindString && k != kindString || v.kind == kindInteger && k == kindDecimal || v.kind == kindDate && k == kindDateTime
	if !fits || readAs(k, text).kind != k && k != kindDateTime || !lexical(t).MatchString(text) || text == "" && !mayBeBlank {
		return nil, n.fail(e, "cannot make a %s of %s.", t.Name, quote(clip(text), '\''))
	}
	if k == kindBoolean || k == kindInteger || k == kindDecimal {
		return []byte(text), nil
	}
	return []byte(quoted(text)), nil
}

var lexicalForms sync.Map // by type: *regexp.Regexp

// lexical is the form that R4 gives the type.
func lexical(t *definitions.Type) *regexp.Regexp {
	if re, ok := lexicalForms.Load(t); ok {
		return re.(*regexp.Regexp)
	}
	form := t.Regex
	if form == "" {
		form = `[\s\S]*`
	}
	re := regexp.MustCompile(`\A(?:` + form + `)\z`)
	lexicalForms.Store(t, re)
	return re
}

// list appends the elements as a JSON array; each must be of the type.
func (n *factoryNode) list(e *evaluation, b []byte, typ string, c Collection) ([]byte, error) {
	b = append(b, '[')
	for i, v := range c {
		el, ok := v.Element()
		if !ok || !el.Type().Is(typ) {
			return nil, n.fail(e, "takes elements of type %s, found a %s.", typ, v.TypeName())
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = v.AppendJSON(b)
	}
	return append(b, ']'), nil
}

// complex is a constructor of factoryFields.
func (n *factoryNode) complex(e *evaluation, args []Collection) (Value, error) {
	t := definitions.R4().Type(n.name)
	b := []byte("{")
	for i, c := range args {
		if len(c) == 0 {
			continue
		}
		field, repeats := strings.CutSuffix(factoryFields[n.name][i], "*")
		if len(c) > 1 && !repeats {
			return Value{}, n.fail(e, "takes one %s, found %d.", field, len(c))
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, `"`+field+`":`...)
		var err error
		if b, err = n.field(e, b, t.Element(field).Content, c, repeats); err != nil {
			return Value{}, err
		}
	}
	return n.parsed(e, t, append(b, '}'))
}

func (n *factoryNode) field(e *evaluation, b []byte, t *definitions.Type, c Collection, repeats bool) ([]byte, error) {
	if !t.Primitive() {
		list, err := n.list(e, nil, t.Name, c)
		if err != nil || repeats {
			return append(b, list...), err
		}
		return append(b, list[1:len(list)-1]...), nil
	}
	for i := range c {
		value, err := n.content(e, t, c[i:i+1], false)
		if err != nil {
			return nil, err
		}
		switch {
		case i > 0:
			b = append(b, ',')
		case repeats:
			b = append(b, '[')
		}
		b = append(b, value...)
	}
	if repeats {
		b = append(b, ']')
	}
	return b, nil
}

func (n *factoryNode) codeableConcept(e *evaluation, args []Collection) (Value, error) {
	b, err := n.list(e, []byte(`{"coding":`), "Coding", args[0])
	if err != nil {
		return Value{}, err
	}
	if len(args[0]) == 0 {
		b = []byte("{")
	}
	if len(args) > 1 && len(args[1]) > 0 {
		text, err := n.content(e, definitions.R4().Type("string"), args[1], false)
		if err != nil {
			return Value{}, err
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(b, `"text":`...), text...)
	}
	return n.parsed(e, definitions.R4().Type("CodeableConcept"), append(b, '}'))
}

func (n *factoryNode) extension(e *evaluation, args []Collection) (Value, error) {
	src, err := n.extensionText(e, args[0], args[1])
	if err != nil {
		return Value{}, err
	}
	return n.parsed(e, definitions.R4().Type("Extension"), src)
}

// extensionText is the JSON of an extension with a url and a value.
func (n *factoryNode) extensionText(e *evaluation, url, value Collection) ([]byte, error) {
	address, err := n.content(e, definitions.R4().Type("uri"), url, false)
	if err != nil || address == nil || len(value) > 1 {
		return nil, n.fail(e, "takes a url and a single value.")
	}
	b := append([]byte(`{"url":`), address...)
	if len(value) == 1 {
		member, ok := typedMember("value", value[0])
		if !ok {
			return nil, n.fail(e, "cannot put a %s into an extension.", value[0].TypeName())
		}
		b = append(append(b, ','), member...)
	}
	return append(b, '}'), nil
}

// systemTypes are the FHIR types that System values become.
var systemTypes = map[kind]string{
	kindBoolean: "boolean", kindString: "string", kindInteger: "integer", kindDecimal: "decimal", kindDate: "date", kindDateTime: "dateTime", kindTime: "time",
}

// typedMember is the JSON member of a choice element: "valueCode":"x","_valueCode":{…}.
func typedMember(name string, v Value) ([]byte, bool) {
	t := definitions.R4().Type(systemTypes[v.kind])
	if v.kind == kindElement {
		t = v.element.Type()
	}
	if t == nil {
		return nil, false
	}
	choice := definitions.R4().Type("Extension").Element(name)
	if _, ok := choice.Ref(t.Name); !ok {
		return nil, false
	}
	return members(choice.JSONName(t), v), true
}

// members is the JSON member of v, and for a primitive that of its id and extensions.
func members(name string, v Value) []byte {
	if v.kind != kindElement || !v.element.Type().Primitive() {
		return v.AppendJSON([]byte(`"` + name + `":`))
	}
	d := v.element.Document()
	var b []byte
	if n := v.element.Node(); n != resources.None {
		b = d.AppendCompact([]byte(`"`+name+`":`), n)
	}
	if n := v.element.Shadow(); n != resources.None {
		if b != nil {
			b = append(b, ',')
		}
		b = d.AppendCompact(append(b, `"_`+name+`":`...), n)
	}
	return b
}
