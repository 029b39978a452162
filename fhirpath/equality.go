package fhirpath

import (
	"strings"
	"unicode"

	"github.com/cockroachdb/apd/v3"

	"kiln/resources"
)

// Equality and equivalence: http://hl7.org/fhirpath/N1/#equality

// binaryNode is what all binary operators have.
type binaryNode struct {
	pos         int
	left, right node
}

// operands evaluates both sides; the caller releases them.
func (n *binaryNode) operands(e *evaluation, f *frame) (left, right Collection, err error) {
	if err = e.step(1); err != nil {
		return nil, nil, err
	}
	if left, err = e.operand(n.left, f); err != nil {
		return nil, nil, err
	}
	right, err = e.operand(n.right, f)
	return left, right, err
}

// equalNode is = and !=.
type equalNode struct {
	binaryNode
	negated bool
}

func (n *equalNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	left, right, err := n.operands(e, f)
	if err != nil {
		return out, err
	}
	if len(left) > 0 && len(right) > 0 {
		equal, known, err := e.equalCollections(left, right)
		if err != nil {
			return out, err
		}
		if known {
			out = append(out, FromBoolean(equal != n.negated))
		}
	}
	e.release(left)
	e.release(right)
	return out, nil
}

// equalCollections compares item by item in order.
func (e *evaluation) equalCollections(a, b Collection) (equal, known bool, err error) {
	if len(a) != len(b) {
		return false, true, nil
	}
	allKnown := true
	for i := range a {
		equal, known, err := e.equal(a[i], b[i])
		if err != nil || known && !equal {
			return false, true, err
		}
		allKnown = allKnown && known
	}
	return allKnown, allKnown, e.step(len(a))
}

// equal compares two values; known is false where precision or units leave it open.
func (e *evaluation) equal(a, b Value) (equal, known bool, err error) {
	x, xok := a.system()
	return e.equalTo(a, x, xok, b)
}

// equalTo is equal where a was read as a System value already.
func (e *evaluation) equalTo(a, x Value, xok bool, b Value) (equal, known bool, err error) {
	y, yok := b.system()
	switch {
	case xok && yok:
		equal, known = equalSystem(x, y)
		return equal, known, nil
	case xok != yok:
		return false, true, nil
	}
	return e.equalChildren(a, b)
}

// equalSystem compares values of System types: http://hl7.org/fhirpath/N1/#equals
func equalSystem(a, b Value) (equal, known bool) {
	switch {
	case a.kind == kindString && b.kind == kindString:
		return a.text == b.text, true
	case a.kind == kindBoolean && b.kind == kindBoolean:
		return a.number == b.number, true
	case a.kind == kindType && b.kind == kindType:
		return *a.boxed.(*typeInfo) == *b.boxed.(*typeInfo), true
	}
	if order, known, ok := compare(a, b); ok {
		return order == 0, known
	}
	return false, true
}

// equalChildren compares elements by all they hold, ids and extensions included; the order of
// members does not count.
func (e *evaluation) equalChildren(a, b Value) (equal, known bool, err error) {
	if a.kind != b.kind || a.kind == kindElement && a.element.Type() != b.element.Type() {
		return false, true, nil
	}
	if a.kind != kindElement && a.kind != kindJSON {
		return false, true, nil
	}
	d, o := a.element.Document(), b.element.Document()
	m, n := a.place(), b.place()
	if d == o && m == n {
		return true, true, e.step(1)
	}
	if err := e.step(d.Size(m)); err != nil {
		return false, true, err
	}
	return sameNodes(d, m, o, n, sameText), true, nil
}

// place is the node with what v holds: its value, or its _name object.
func (v Value) place() resources.Node {
	if n := v.element.Node(); n != resources.None {
		return n
	}
	if v.kind == kindJSON {
		return v.shadow
	}
	return v.element.Shadow()
}

// sameText compares numbers by value and everything else as written.
func sameText(a, b string, number bool) bool {
	if a == b {
		return true
	}
	if !number {
		return false
	}
	x, _, err := apd.NewFromString(a)
	y, _, err2 := apd.NewFromString(b)
	return err == nil && err2 == nil && x.Cmp(y) == 0
}

// sameNodes compares two JSON values with a comparison for the plain ones.
func sameNodes(a *resources.Document, m resources.Node, b *resources.Document, n resources.Node, same func(a, b string, number bool) bool) bool {
	if a.Kind(m) != b.Kind(n) {
		return false
	}
	switch a.Kind(m) {
	case resources.Object:
		if a.Count(m) != b.Count(n) {
			return false
		}
		for c := range a.Children(m) {
			o := b.Member(n, a.Name(c))
			if o == resources.None || !sameNodes(a, c, b, o, same) {
				return false
			}
		}
		return true
	case resources.Array:
		if a.Count(m) != b.Count(n) {
			return false
		}
		other := n + 1
		for c := range a.Children(m) {
			if !sameNodes(a, c, b, other, same) {
				return false
			}
			other = b.After(other)
		}
		return true
	}
	return same(a.Text(m), b.Text(n), a.Kind(m) == resources.Number)
}

// equivalentNode is ~ and !~.
type equivalentNode struct {
	binaryNode
	negated bool
}

func (n *equivalentNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	left, right, err := n.operands(e, f)
	if err != nil {
		return out, err
	}
	same, err := e.equivalentCollections(left, right)
	e.release(left)
	e.release(right)
	return append(out, FromBoolean(same != n.negated)), err
}

// equivalentCollections compares without regard to order; each item must find a partner of
// its own.
func (e *evaluation) equivalentCollections(a, b Collection) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	used := make([]bool, len(b))
	for i := range a {
		found := false
		for j := range b {
			if used[j] {
				continue
			}
			if err := e.step(1); err != nil {
				return false, err
			}
			same, err := e.equivalent(a[i], b[j])
			if err != nil {
				return false, err
			}
			if same {
				used[j], found = true, true
				break
			}
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
}

func (e *evaluation) equivalent(a, b Value) (bool, error) {
	x, xok := a.system()
	y, yok := b.system()
	switch {
	case xok && yok:
		return equivalentSystem(x, y), nil
	case xok != yok || a.kind != b.kind || a.kind != kindElement && a.kind != kindJSON:
		return false, nil
	}
	d, m := a.element.Document(), a.place()
	if err := e.step(d.Size(m)); err != nil {
		return false, err
	}
	return sameNodes(d, m, b.element.Document(), b.place(), equivalentText), nil
}

func equivalentText(a, b string, number bool) bool {
	if number {
		return equivalentSystem(readAs(kindDecimal, a), readAs(kindDecimal, b))
	}
	return normalised(a) == normalised(b)
}

// equivalentSystem: http://hl7.org/fhirpath/N1/#equivalent
func equivalentSystem(a, b Value) bool {
	if a.kind == kindString && b.kind == kindString {
		return normalised(a.text) == normalised(b.text)
	}
	if x, ok := a.asDecimal(); ok {
		if y, ok := b.asDecimal(); ok {
			return equivalentDecimals(x, y)
		}
	}
	if p, q, ok := quantities(a, b); ok {
		return p.equivalent(q)
	}
	equal, known := equalSystem(a, b)
	return equal && known
}

// normalised is a string without its case, and with every kind of white space the same. White
// space is not collapsed: 'a  b' is not equivalent to 'a b'.
func normalised(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return unicode.ToLower(unicode.ToUpper(r))
	}, s)
}

// equivalentDecimals compares at the precision of the less precise one, where trailing zeros
// behind the point are no precision.
func equivalentDecimals(a, b *apd.Decimal) bool {
	exponent := max(scale(a), scale(b))
	return roundTo(a, exponent).Cmp(roundTo(b, exponent)) == 0
}

// scale is the exponent of the last digit that is not a trailing zero behind the point; 0 for
// whole numbers.
func scale(d *apd.Decimal) int32 {
	var r apd.Decimal
	r.Reduce(d)
	return min(r.Exponent, 0)
}

// membershipNode is item in list, and list contains item.
type membershipNode struct {
	pos        int
	item, list node
	op         string
}

func (n *membershipNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	item, err := e.operand(n.item, f)
	if err != nil {
		return out, err
	}
	list, err := e.operand(n.list, f)
	if err != nil {
		return out, err
	}
	if len(item) > 1 {
		return out, e.fail(n.pos, "'%s' looks for a single item, found %d.", n.op, len(item))
	}
	if len(item) == 1 {
		s := set{e: e, items: list}
		found, err := s.has(item[0])
		if err != nil {
			return out, err
		}
		out = append(out, FromBoolean(found))
	}
	e.release(item)
	e.release(list)
	return out, nil
}

// unionNode is a | b | …: all items once.
type unionNode struct{ operands []node }

func (n *unionNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	start := len(out)
	for _, operand := range n.operands {
		items, err := e.operand(operand, f)
		if err != nil {
			return out, err
		}
		if len(items) > 0 {
			if out, err = e.appendDistinct(out, start, items); err != nil {
				return out, err
			}
		}
		e.release(items)
	}
	return out, e.step(1)
}
