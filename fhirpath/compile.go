package fhirpath

import (
	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// compiler makes nodes of a syntax tree.
type compiler struct {
	source string
	options
}

func (c *compiler) fail(at int, format string, args ...any) error {
	return syntaxError(c.source, at, format, args...)
}

// compile makes the node of x; nil x is a nil node, which stands for $this.
func (c *compiler) compile(x expr) (node, error) {
	switch x := x.(type) {
	case nil:
		return nil, nil
	case *literal:
		return &constant{value: x.value}, nil
	case *member:
		return c.member(x)
	case *call:
		return c.call(x)
	case *index:
		return c.index(x)
	case *variable:
		return variableNodes[x.name], nil
	case *external:
		return &externalNode{pos: x.pos, name: x.name}, nil
	case *unary:
		return c.unary(x)
	case *binary:
		return c.binary(x)
	case *union:
		return c.union(x)
	case *typeTest:
		return c.typeTest(x)
	case *sortKey:
		return c.compile(x.operand)
	}
	return nil, outcome.New(outcome.Exception, "The expression has a part of an unknown kind.")
}

// member joins a chain of names into one path.
func (c *compiler) member(x *member) (node, error) {
	if x.left == nil {
		p := &path{pos: x.pos, strict: c.strict}
		if x.name != "" && x.name[0] >= 'A' && x.name[0] <= 'Z' {
			p.head, p.headType = x.name, definitions.R4().Type(x.name) != nil
		} else {
			p.names = []string{x.name}
		}
		return p, nil
	}
	left, err := c.compile(x.left)
	if err != nil {
		return nil, err
	}
	if err := c.known(left, x); err != nil {
		return nil, err
	}
	if p, ok := left.(*path); ok {
		p.names = append(p.names, x.name)
		return p, nil
	}
	return &path{pos: x.pos, source: left, names: []string{x.name}, strict: c.strict}, nil
}

func (c *compiler) index(x *index) (node, error) {
	left, err := c.compile(x.left)
	if err != nil {
		return nil, err
	}
	item, err := c.compile(x.item)
	if err != nil {
		return nil, err
	}
	if err := c.ordered(x.left, x.pos, "an index"); err != nil {
		return nil, err
	}
	return &indexNode{pos: x.pos, source: left, item: item}, nil
}

func (c *compiler) unary(x *unary) (node, error) {
	operand, err := c.compile(x.operand)
	if err != nil {
		return nil, err
	}
	if k, ok := operand.(*constant); ok && x.op == "-" {
		if v, ok := negate(k.value); ok {
			return &constant{value: v}, nil
		}
	}
	return &unaryNode{pos: x.pos, negative: x.op == "-", operand: operand}, nil
}

func (c *compiler) binary(x *binary) (node, error) {
	left, err := c.compile(x.left)
	if err != nil {
		return nil, err
	}
	right, err := c.compile(x.right)
	if err != nil {
		return nil, err
	}
	b := binaryNode{pos: x.pos, left: left, right: right}
	if logic, ok := connectives[x.op]; ok {
		return &logicNode{binaryNode: b, connective: logic}, nil
	}
	if test, ok := comparisons[x.op]; ok {
		return &comparisonNode{binaryNode: b, op: x.op, test: test}, nil
	}
	if apply, ok := arithmetic[x.op]; ok {
		return &arithmeticNode{binaryNode: b, op: x.op, apply: apply}, nil
	}
	switch x.op {
	case "=", "!=":
		return &equalNode{binaryNode: b, negated: x.op == "!="}, nil
	case "~", "!~":
		return &equivalentNode{binaryNode: b, negated: x.op == "!~"}, nil
	case "in":
		return &membershipNode{pos: x.pos, item: left, list: right, op: "in"}, nil
	case "contains":
		return &membershipNode{pos: x.pos, item: right, list: left, op: "contains"}, nil
	}
	return nil, c.fail(x.pos, "There is no operator %q.", x.op)
}

func (c *compiler) union(x *union) (node, error) {
	u := &unionNode{operands: make([]node, len(x.operands))}
	for i, operand := range x.operands {
		n, err := c.compile(operand)
		if err != nil {
			return nil, err
		}
		u.operands[i] = n
	}
	return u, nil
}

func (c *compiler) typeTest(x *typeTest) (node, error) {
	operand, err := c.compile(x.operand)
	if err != nil {
		return nil, err
	}
	return c.typed(x.op, operand, x.typ, x.pos)
}

// typed makes the node of is, as and ofType, in operator or function form.
func (c *compiler) typed(op string, operand node, name typeName, at int) (node, error) {
	t, err := c.lookUp(name, at)
	if err != nil {
		return nil, err
	}
	if op == "is" {
		return &typeTestNode{pos: at, operand: operand, typ: t}, nil
	}
	return &typeFilterNode{pos: at, operand: operand, typ: t, single: op == "as" && !c.asOfType, derived: c.asOfType}, nil
}

// call makes the node of a function call.
func (c *compiler) call(x *call) (node, error) {
	left, err := c.compile(x.left)
	if err != nil {
		return nil, err
	}
	if x.name == "is" || x.name == "as" || x.name == "ofType" {
		return c.typeCall(x, left)
	}
	if x.name == "resolve" && len(x.args) == 0 {
		return &resolveNode{pos: x.pos, source: left}, nil
	}
	if v, ok := x.left.(*external); ok && v.name == "factory" {
		return c.factory(x)
	}
	if c.lasting && passing[x.name] {
		return nil, c.fail(x.pos, "The result of %s() does not depend on the resource alone, as it must here.", x.name)
	}
	f, ok := functions[x.name]
	if !ok {
		return nil, c.fail(x.pos, "There is no function %q.", clip(x.name))
	}
	if len(x.args) < f.min || len(x.args) > f.max {
		return nil, c.fail(x.pos, "%s() takes %s, found %d.", x.name, f.arity(), len(x.args))
	}
	n := &callNode{pos: x.pos, name: x.name, source: left, apply: f.apply}
	for _, arg := range x.args {
		a, err := c.compile(arg)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, a)
	}
	if f.ordered {
		if err := c.ordered(x.left, x.pos, x.name+"()"); err != nil {
			return nil, err
		}
	}
	if f.prepare != nil {
		return f.prepare(c, x, n)
	}
	return n, nil
}

// passing are the functions that Lasting refuses.
var passing = map[string]bool{"now": true, "today": true, "timeOfDay": true, "memberOf": true}

func (c *compiler) typeCall(x *call, left node) (node, error) {
	if len(x.args) != 1 {
		return nil, c.fail(x.pos, "%s() takes the name of a type, found %d arguments.", x.name, len(x.args))
	}
	name, ok := asType(x.args[0])
	if !ok {
		return nil, c.fail(x.pos, "%s() takes the name of a type, such as Patient or System.String.", x.name)
	}
	return c.typed(x.name, left, name, x.pos)
}

// ordered refuses, in strict mode, what depends on an order that children() and descendants()
// do not have: http://hl7.org/fhirpath/N1/#tree-navigation
func (c *compiler) ordered(left expr, at int, what string) error {
	if x, ok := left.(*call); c.strict && ok && (x.name == "children" || x.name == "descendants") {
		return c.fail(at, "%s depends on an order, which the result of %s() does not have.", what, x.name)
	}
	return nil
}

// constant is a literal; {} where value is none.
type constant struct{ value Value }

func (n *constant) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	if n.value.kind == kindNone {
		return out, nil
	}
	return append(out, n.value), nil
}
