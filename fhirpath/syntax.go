package fhirpath

import "strings"

// expr is a node of the syntax tree.
type expr interface {
	// write appends the expression in canonical form; parentheses are added where its
	// precedence is lower than the place demands.
	write(b *strings.Builder, precedence int)
}

type (
	// literal is a constant; {} is one without a value.
	literal struct {
		pos   int
		value Value
	}
	// member is left.name; left is nil at the head of a path.
	member struct {
		pos  int
		left expr
		name string
	}
	// call is left.name(args); left is nil at the head.
	call struct {
		pos  int
		left expr
		name string
		args []expr
	}
	// index is left[item].
	index struct {
		pos        int
		left, item expr
	}
	// variable is $this, $index or $total.
	variable struct {
		pos  int
		name string
	}
	// external is %name.
	external struct {
		pos  int
		name string
	}
	// unary is + or -.
	unary struct {
		pos     int
		op      string
		operand expr
	}
	// binary is left op right.
	binary struct {
		pos         int
		op          string
		left, right expr
	}
	// sortKey is an argument of sort() with asc or desc.
	sortKey struct {
		pos       int
		operand   expr
		direction string
	}
	// union is a | b | …, flat however many there are.
	union struct {
		pos      int
		operands []expr
	}
	// typeTest is operand is|as type.
	typeTest struct {
		pos     int
		op      string
		operand expr
		typ     typeName
	}
)

// typeName is a type specifier as written; space is FHIR, System or empty.
type typeName struct{ space, name string }

func (n typeName) String() string {
	if n.space == "" {
		return nameText(n.name)
	}
	return nameText(n.space) + "." + nameText(n.name)
}

// Precedences: http://hl7.org/fhirpath/N1/#operator-precedence, the loosest first.
const (
	precedenceImplies = iota + 1
	precedenceOr
	precedenceAnd
	precedenceMembership
	precedenceEquality
	precedenceInequality
	precedenceUnion
	precedenceType
	precedenceAdd
	precedenceMultiply
	precedenceUnary
	precedenceInvoke
)

// precedences of the binary operators.
var precedences = map[string]int{
	"implies": precedenceImplies, "or": precedenceOr, "xor": precedenceOr, "and": precedenceAnd,
	"in": precedenceMembership, "contains": precedenceMembership,
	"=": precedenceEquality, "~": precedenceEquality, "!=": precedenceEquality, "!~": precedenceEquality,
	"<": precedenceInequality, ">": precedenceInequality, "<=": precedenceInequality, ">=": precedenceInequality,
	"|": precedenceUnion, "is": precedenceType, "as": precedenceType,
	"+": precedenceAdd, "-": precedenceAdd, "&": precedenceAdd,
	"*": precedenceMultiply, "/": precedenceMultiply, "div": precedenceMultiply, "mod": precedenceMultiply,
}

func (x *literal) write(b *strings.Builder, place int) {
	switch v := x.value; v.kind {
	case kindNone:
		b.WriteString("{}")
	case kindString:
		b.WriteString(quote(v.text, '\''))
	case kindLong:
		b.WriteString(v.Text() + "L")
	case kindDate:
		b.WriteString("@" + v.Text())
	case kindDateTime:
		text := v.Text()
		if !strings.Contains(text, "T") {
			text += "T"
		}
		b.WriteString("@" + text)
	case kindTime:
		b.WriteString("@T" + v.Text())
	default:
		b.WriteString(v.Text())
	}
}

func (x *member) write(b *strings.Builder, place int) {
	writeLeft(b, x.left)
	b.WriteString(nameText(x.name))
}

func (x *call) write(b *strings.Builder, place int) {
	writeLeft(b, x.left)
	b.WriteString(nameText(x.name))
	b.WriteByte('(')
	for i, arg := range x.args {
		if i > 0 {
			b.WriteString(", ")
		}
		arg.write(b, 0)
	}
	b.WriteByte(')')
}

func writeLeft(b *strings.Builder, left expr) {
	if left == nil {
		return
	}
	left.write(b, precedenceInvoke)
	b.WriteByte('.')
}

func (x *index) write(b *strings.Builder, place int) {
	x.left.write(b, precedenceInvoke)
	b.WriteByte('[')
	x.item.write(b, 0)
	b.WriteByte(']')
}

func (x *variable) write(b *strings.Builder, place int) { b.WriteString(x.name) }

func (x *external) write(b *strings.Builder, place int) {
	b.WriteByte('%')
	b.WriteString(nameText(x.name))
}

func (x *unary) write(b *strings.Builder, place int) {
	closing := open(b, precedenceUnary, place)
	b.WriteString(x.op)
	x.operand.write(b, precedenceInvoke)
	b.WriteString(closing)
}

func (x *binary) write(b *strings.Builder, place int) {
	own := precedences[x.op]
	closing := open(b, own, place)
	x.left.write(b, own)
	b.WriteString(" " + x.op + " ")
	x.right.write(b, own+1)
	b.WriteString(closing)
}

func (x *union) write(b *strings.Builder, place int) {
	closing := open(b, precedenceUnion, place)
	for i, operand := range x.operands {
		if i > 0 {
			b.WriteString(" | ")
		}
		operand.write(b, precedenceUnion+1)
	}
	b.WriteString(closing)
}

func (x *sortKey) write(b *strings.Builder, place int) {
	x.operand.write(b, 0)
	b.WriteString(" " + x.direction)
}

func (x *typeTest) write(b *strings.Builder, place int) {
	closing := open(b, precedenceType, place)
	x.operand.write(b, precedenceType)
	b.WriteString(" " + x.op + " " + x.typ.String())
	b.WriteString(closing)
}

// open writes a parenthesis where an operator binds looser than its place, and gives the
// closing one.
func open(b *strings.Builder, own, place int) string {
	if own >= place {
		return ""
	}
	b.WriteByte('(')
	return ")"
}

// keywords cannot be names without backticks.
var keywords = map[string]bool{
	"and": true, "or": true, "xor": true, "implies": true, "div": true, "mod": true, "true": true, "false": true,
	"is": true, "as": true, "in": true, "contains": true,
}

func nameText(name string) string {
	if name == "" || !isLetter(name[0]) || keywords[name] {
		return quote(name, '`')
	}
	for i := range len(name) {
		if !isNamePart(name[i]) {
			return quote(name, '`')
		}
	}
	return name
}
