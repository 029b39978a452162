package fhirpath

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"kiln/resources/datatypes"
	"kiln/resources/outcome"
)

// Limits of an expression. R4's longest has 2,300 bytes and nests a dozen levels.
const (
	maxSource = 1 << 20
	maxDepth  = 1000
)

// parser reads the grammar of http://hl7.org/fhirpath/N1/grammar.html by precedence climbing.
// Its recursion, and the depth of the tree it makes, are bounded by maxDepth.
type parser struct {
	lexer lexer
	token token // the next one
	last  int   // where the token before it ended
	depth int
}

func parse(source string) (expr, error) {
	if len(source) > maxSource {
		return nil, outcome.New(outcome.TooCostly, "The expression has %d bytes; at most %d are read.", len(source), maxSource)
	}
	if !utf8.ValidString(source) {
		return nil, syntaxError(source, validPrefix(source), "The expression holds bytes that are not UTF-8.")
	}
	p := parser{lexer: lexer{src: source}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.token.kind == tokenEnd {
		return nil, p.fail("The expression is empty.")
	}
	x, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.fail("Found %s where the expression should end or go on with an operator.", p.token.shown())
	}
	return x, nil
}

func (p *parser) fail(format string, args ...any) error {
	return p.lexer.fail(p.token.at, format, args...)
}

func (p *parser) advance() (err error) {
	p.last = p.token.end
	p.token, err = p.lexer.next()
	return err
}

// expect steps over a symbol.
func (p *parser) expect(symbol, why string) error {
	if !p.token.is(symbol) {
		return p.fail("Found %s where '%s' %s was expected.", p.token.shown(), symbol, why)
	}
	return p.advance()
}

// deeper counts a level of nesting; the caller takes it back.
func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		line, column := position(p.lexer.src, p.token.at)
		return outcome.New(outcome.TooCostly, "The expression nests deeper than %d levels.", maxDepth).AtPosition(line, column)
	}
	return nil
}

// operator is the binary operator at the position and its precedence; 0 if there is none.
func (p *parser) operator() (string, int) {
	if p.token.kind == tokenSymbol || p.token.kind == tokenName {
		return p.token.text, precedences[p.token.text]
	}
	return "", 0
}

// expression reads operators that bind at least as tightly as minimum. Chains of one operator
// count as nesting, because the tree grows deeper to the left; unions do not, they are flat.
func (p *parser) expression(minimum int) (expr, error) {
	before := p.depth
	defer func() { p.depth = before }()
	if err := p.deeper(); err != nil {
		return nil, err
	}
	left, err := p.polarity()
	if err != nil {
		return nil, err
	}
	for {
		op, precedence := p.operator()
		if precedence == 0 || precedence < minimum {
			return left, nil
		}
		at := p.token.at
		if err := p.advance(); err != nil {
			return nil, err
		}
		if op != "|" {
			if err := p.deeper(); err != nil {
				return nil, err
			}
		}
		if left, err = p.operand(left, op, precedence, at); err != nil {
			return nil, err
		}
	}
}

func (p *parser) operand(left expr, op string, precedence, at int) (expr, error) {
	if precedence == precedenceType {
		typ, err := p.typeName()
		return &typeTest{pos: at, op: op, operand: left, typ: typ}, err
	}
	right, err := p.expression(precedence + 1)
	if op != "|" {
		return &binary{pos: at, op: op, left: left, right: right}, err
	}
	if u, ok := left.(*union); ok {
		u.operands = append(u.operands, right)
		return u, err
	}
	return &union{pos: at, operands: []expr{left, right}}, err
}

func (p *parser) typeName() (typeName, error) {
	name, err := p.name("the name of a type")
	if err != nil {
		return typeName{}, err
	}
	if !p.token.is(".") {
		return typeName{name: name}, nil
	}
	// A dot belongs to the type only behind a namespace: x is Patient.name is not a thing.
	if name != "FHIR" && name != "System" {
		return typeName{name: name}, nil
	}
	if err := p.advance(); err != nil {
		return typeName{}, err
	}
	local, err := p.name("the name of a type")
	return typeName{space: name, name: local}, err
}

// name reads an identifier; the words is, as, in and contains are ones where a name is due.
func (p *parser) name(what string) (string, error) {
	t := p.token
	if t.kind != tokenName && t.kind != tokenQuotedName {
		return "", p.fail("Found %s where %s was expected.", t.shown(), what)
	}
	return t.text, p.advance()
}

// polarity reads + and -, which bind looser than a dot: -1.abs() is -(1.abs()).
func (p *parser) polarity() (expr, error) {
	if !p.token.is("-") && !p.token.is("+") {
		return p.invocations()
	}
	op, at := p.token.text, p.token.at
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	operand, err := p.polarity()
	return &unary{pos: at, op: op, operand: operand}, err
}

// invocations reads a term and what is invoked on it.
func (p *parser) invocations() (expr, error) {
	x, err := p.term()
	for err == nil {
		at := p.token.at
		dot := p.token.is(".")
		if !dot && !p.token.is("[") {
			return x, nil
		}
		if err = p.deeper(); err != nil {
			return nil, err
		}
		if err = p.advance(); err != nil {
			return nil, err
		}
		if dot {
			x, err = p.invocation(x)
		} else {
			x, err = p.index(x, at)
		}
	}
	return nil, err
}

func (p *parser) index(left expr, at int) (expr, error) {
	item, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	return &index{pos: at, left: left, item: item}, p.expect("]", "after the index")
}

// invocation reads name, name(args) or $this after a dot, or at the head of an expression.
func (p *parser) invocation(left expr) (expr, error) {
	t := p.token
	if t.kind == tokenVariable && left == nil {
		return p.variable()
	}
	name, err := p.name("the name of an element or function")
	if err != nil {
		return nil, err
	}
	if !p.token.is("(") {
		return &member{pos: t.at, left: left, name: name}, nil
	}
	args, err := p.arguments(name)
	return &call{pos: t.at, left: left, name: name, args: args}, err
}

func (p *parser) arguments(function string) ([]expr, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	var args []expr
	for !p.token.is(")") {
		if len(args) > 0 {
			if err := p.expect(",", "or ')' after an argument"); err != nil {
				return nil, err
			}
		}
		arg, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		if function == "sort" && (p.token.keyword("asc") || p.token.keyword("desc")) {
			arg = &sortKey{pos: p.token.at, operand: arg, direction: p.token.text}
			if err := p.advance(); err != nil {
				return nil, err
			}
		}
		args = append(args, arg)
	}
	return args, p.advance()
}

var variables = map[string]bool{"$this": true, "$index": true, "$total": true}

func (p *parser) variable() (expr, error) {
	t := p.token
	if !variables[t.text] {
		return nil, p.fail("There is no %s; the variables are $this, $index and $total, others begin with %%.", clip(t.text))
	}
	return &variable{pos: t.at, name: t.text}, p.advance()
}

func (p *parser) term() (expr, error) {
	t := p.token
	switch {
	case t.is("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		x, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		return x, p.expect(")", "to close '('")
	case t.is("{"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		return &literal{pos: t.at}, p.expect("}", "to close '{'")
	case t.is("%"):
		return p.external()
	case t.kind == tokenNumber, t.kind == tokenLong:
		return p.number()
	case t.kind == tokenString:
		return &literal{pos: t.at, value: FromString(t.text)}, p.advance()
	case t.kind == tokenDate, t.kind == tokenDateTime, t.kind == tokenTime:
		return p.moment()
	case t.keyword("true"), t.keyword("false"):
		return &literal{pos: t.at, value: FromBoolean(t.text == "true")}, p.advance()
	case t.kind == tokenVariable, t.kind == tokenName, t.kind == tokenQuotedName:
		return p.invocation(nil)
	}
	return nil, p.fail("Found %s where a value, a path or a function was expected.", t.shown())
}

// external reads %name, %`name` and %'name'.
func (p *parser) external() (expr, error) {
	at := p.token.at
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.token.kind == tokenString {
		return &external{pos: at, name: p.token.text}, p.advance()
	}
	name, err := p.name("the name of a variable")
	return &external{pos: at, name: name}, err
}

// moment checks that the day and time of a literal exist.
func (p *parser) moment() (expr, error) {
	t := p.token
	if t.kind == tokenTime {
		clock, err := datatypes.ParseTime(t.text)
		if err != nil {
			return nil, p.fail("@T%s is not a time; expected @Thh, @Thh:mm or @Thh:mm:ss.fff.", clip(t.text))
		}
		return &literal{pos: t.at, value: FromTime(clock)}, p.advance()
	}
	moment, err := datatypes.ParseDateTime(strings.TrimSuffix(t.text, "T"))
	if err != nil {
		return nil, p.fail("@%s is not a date or time that exists; expected @YYYY, @YYYY-MM, @YYYY-MM-DD or @YYYY-MM-DDThh:mm:ss.fff+hh:mm.", clip(t.text))
	}
	if t.kind == tokenDate {
		return &literal{pos: t.at, value: FromDate(moment)}, p.advance()
	}
	return &literal{pos: t.at, value: FromDateTime(moment)}, p.advance()
}

// number reads a number, and the unit of a quantity: 5, 5.0, 5L, 5 'mg', 5 days.
func (p *parser) number() (expr, error) {
	t := p.token
	value, err := p.numberValue(t)
	if err != nil {
		return nil, err
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if t.kind == tokenLong {
		return &literal{pos: t.at, value: value}, nil
	}
	d, _ := value.asDecimal()
	switch {
	case p.token.kind == tokenString:
		value = FromQuantity(d, p.token.text)
	case p.token.kind == tokenName && isCalendar(p.token.text):
		value = FromDuration(d, p.token.text)
	default:
		return &literal{pos: t.at, value: value}, nil
	}
	return &literal{pos: t.at, value: value}, p.advance()
}

func (p *parser) numberValue(t token) (Value, error) {
	if strings.Contains(t.text, ".") {
		d, err := datatypes.ParseDecimal(t.text)
		if err != nil {
			return Value{}, p.fail("A decimal has at most 1,000 digits.")
		}
		return FromDecimal(d), nil
	}
	i, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil {
		return Value{}, p.fail("The number %s is too large for an integer; write %s.0 for a decimal.", clip(t.text), clip(t.text))
	}
	if t.kind == tokenLong {
		return Value{kind: kindLong, number: i}, nil
	}
	return FromInteger(i), nil
}

// validPrefix is how many bytes of a text are UTF-8 before the first that are not.
func validPrefix(text string) int {
	for i, r := range text {
		if _, size := utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && size == 1 {
			return i
		}
	}
	return len(text)
}
