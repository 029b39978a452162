package fhirpath

import (
	"math/bits"
	"slices"
)

// sort() of the release after N1: by its keys, a leading minus for descending order. Items
// without a key come first. https://build.fhir.org/ig/HL7/FHIRPath/#sort

// sortNode is source.sort(keys).
type sortNode struct {
	call       *callNode
	keys       []node
	descending []bool
}

// prepareSort takes the leading minus off the keys: it turns the order around and needs no
// number.
func prepareSort(c *compiler, x *call, n *callNode) (node, error) {
	s := &sortNode{call: n}
	for i, arg := range x.args {
		u, isUnary := arg.(*unary)
		if !isUnary || u.op != "-" {
			s.keys, s.descending = append(s.keys, n.args[i]), append(s.descending, false)
			continue
		}
		key, err := c.compile(u.operand)
		if err != nil {
			return nil, err
		}
		s.keys, s.descending = append(s.keys, key), append(s.descending, true)
	}
	if len(s.keys) == 0 {
		s.keys, s.descending = []node{variableNodes["$this"]}, []bool{false}
	}
	n.apply = s.apply
	return n, nil
}

// sortItems stands in the table; prepareSort replaces it.
func sortItems(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return append(out, in...), nil
}

type sortItem struct {
	value Value
	keys  []Value // kindNone where empty
}

func (s *sortNode) apply(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	items := make([]sortItem, len(in))
	for i := range in {
		items[i] = sortItem{value: in[i], keys: make([]Value, len(s.keys))}
	}
	for k, key := range s.keys {
		err := n.each(e, f, key, in, func(i int, c Collection) (bool, error) {
			if len(c) > 1 {
				return false, n.fail(e, "takes keys of a single value, found %d.", len(c))
			}
			if len(c) == 1 {
				items[i].keys[k], _ = c[0].system()
			}
			return true, nil
		})
		if err != nil {
			return out, err
		}
	}
	if err := e.step(len(items) * (1 + bits.Len(uint(len(items)))) * len(s.keys)); err != nil {
		return out, err
	}
	var failure error
	slices.SortStableFunc(items, func(a, b sortItem) int {
		order, err := s.order(e, a, b)
		if err != nil {
			failure = err
		}
		return order
	})
	for _, item := range items {
		out = append(out, item.value)
	}
	return out, failure
}

func (s *sortNode) order(e *evaluation, a, b sortItem) (int, error) {
	for k := range s.keys {
		order, err := s.orderKeys(e, a.keys[k], b.keys[k])
		if order != 0 || err != nil {
			if s.descending[k] {
				order = -order
			}
			return order, err
		}
	}
	return 0, nil
}

func (s *sortNode) orderKeys(e *evaluation, a, b Value) (int, error) {
	if a.kind == kindNone || b.kind == kindNone {
		return compareIntegers(min(int64(a.kind), 1), min(int64(b.kind), 1)), nil
	}
	order, _, comparable := compare(a, b)
	if !comparable {
		return 0, s.call.fail(e, "cannot put a %s and a %s in order.", a.TypeName(), b.TypeName())
	}
	return order, nil
}
