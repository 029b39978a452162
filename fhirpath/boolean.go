package fhirpath

// Boolean logic over three values: http://hl7.org/fhirpath/N1/#boolean-logic

// truth is a boolean that may be unknown.
type truth uint8

const (
	unknown truth = iota
	isFalse
	isTrue
)

// connective computes an operator; settled tells which left operand decides it alone.
type connective struct {
	settled truth
	apply   func(a, b truth) truth
}

var connectives = map[string]connective{
	"and": {settled: isFalse, apply: func(a, b truth) truth {
		switch {
		case a == isFalse || b == isFalse:
			return isFalse
		case a == isTrue && b == isTrue:
			return isTrue
		}
		return unknown
	}},
	"or": {settled: isTrue, apply: or},
	"xor": {apply: func(a, b truth) truth {
		switch {
		case a == unknown || b == unknown:
			return unknown
		case a != b:
			return isTrue
		}
		return isFalse
	}},
	"implies": {settled: isFalse, apply: func(a, b truth) truth { return or(inverse[a], b) }},
}

var inverse = [...]truth{unknown: unknown, isFalse: isTrue, isTrue: isFalse}

func or(a, b truth) truth {
	switch {
	case a == isTrue || b == isTrue:
		return isTrue
	case a == isFalse && b == isFalse:
		return isFalse
	}
	return unknown
}

// logicNode is and, or, xor, implies. The right operand is not evaluated where the left one
// decides.
type logicNode struct {
	binaryNode
	connective
}

func (n *logicNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	left, err := n.truth(e, f, n.left)
	if err != nil {
		return out, err
	}
	right := unknown
	if left == unknown || left != n.settled {
		if right, err = n.truth(e, f, n.right); err != nil {
			return out, err
		}
	}
	if result := n.apply(left, right); result != unknown {
		out = append(out, FromBoolean(result == isTrue))
	}
	return out, e.step(1)
}

func (n *logicNode) truth(e *evaluation, f *frame, operand node) (truth, error) {
	c, err := e.operand(operand, f)
	if err != nil {
		return unknown, err
	}
	defer e.release(c)
	if len(c) > 1 {
		return unknown, e.fail(n.pos, "A logical operator needs single booleans, found %d items.", len(c))
	}
	value, ok := c.Truth()
	switch {
	case !ok:
		return unknown, nil
	case value:
		return isTrue, nil
	}
	return isFalse, nil
}
