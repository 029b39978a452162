package patch

import (
	"strconv"
	"strings"

	"kiln/resources"
)

// same compares two values as the operation "test" does: numbers by what they stand for, so
// that 1.0 is 1.00, members in any order. https://www.rfc-editor.org/rfc/rfc6902#section-4.6
func (b *budget) same(v, w *value) (bool, error) {
	if v.kind != w.kind {
		return false, nil
	}
	if !v.container() {
		return sameScalar(v, w), nil
	}
	for _, x := range []*value{v, w} {
		if err := b.open(x); err != nil {
			return false, err
		}
	}
	if len(v.items) != len(w.items) {
		return false, nil
	}
	if err := b.spend(len(v.items)); err != nil {
		return false, err
	}
	for i, item := range v.items {
		j := i
		if v.kind == resources.Object && v.names[i] != w.names[i] {
			if err := b.spend(len(w.items)); err != nil {
				return false, err
			}
			if j = w.member(v.names[i]); j < 0 {
				return false, nil
			}
		}
		if equal, err := b.same(item, w.items[j]); err != nil || !equal {
			return false, err
		}
	}
	return true, nil
}

func sameScalar(v, w *value) bool {
	if v.kind == resources.Null {
		return true
	}
	a, b := v.doc.Text(v.node), w.doc.Text(w.node)
	if a == b || v.kind != resources.Number {
		return a == b
	}
	x, okX := readNumber(a)
	y, okY := readNumber(b)
	return okX && okY && x == y
}

// number is a JSON number as digits × 10^exponent, with neither leading nor trailing zeros, so
// that equal numbers are equal.
type number struct {
	negative bool
	digits   string
	exponent int
}

// readNumber is false for an exponent beyond reach, which only the same text equals.
func readNumber(text string) (number, bool) {
	var n number
	text, n.negative = strings.CutPrefix(text, "-")
	mantissa, power := text, ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, power = text[:i], text[i+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	n.digits = strings.TrimRight(digits, "0")
	if n.digits == "" {
		return number{}, true
	}
	n.exponent = len(digits) - len(n.digits) - len(fraction)
	if power != "" {
		e, err := strconv.ParseInt(power, 10, 32)
		if err != nil {
			return number{}, false
		}
		n.exponent += int(e)
	}
	return n, true
}
