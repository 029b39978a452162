package fhirpath

import (
	"math/bits"
	"slices"
)

// sort(), for trial use: by its keys, each with asc or desc behind it, or with a minus in front
// as the official suite writes it. https://build.fhir.org/ig/HL7/FHIRPath/#fn-sort

// direction is how a key orders. An empty key is lower than all others, so it comes last in
// descending order; with a minus the official suite has it first.
type direction uint8

const (
	ascending direction = iota
	descending
	minusSign
)

// directions are what stands before or behind a key.
var directions = map[string]direction{"-": minusSign, "desc": descending}

// sortNode is source.sort(keys).
type sortNode struct {
	call       *callNode
	keys       []node
	directions []direction
}

// prepareSort takes the directions off the keys.
func prepareSort(c *compiler, x *call, n *callNode) (node, error) {
	s := &sortNode{call: n}
	for i, arg := range x.args {
		key, direction := n.args[i], ascending
		switch a := arg.(type) {
		case *sortKey: // n.args has the key without its direction
			direction = directions[a.direction]
		case *unary:
			if direction = directions[a.op]; direction == ascending {
				break
			}
			var err error
			if key, err = c.compile(a.operand); err != nil {
				return nil, err
			}
		}
		s.keys, s.directions = append(s.keys, key), append(s.directions, direction)
	}
	if len(s.keys) == 0 {
		s.keys, s.directions = []node{variableNodes["$this"]}, []direction{ascending}
	}
	n.apply = s.apply
	return n, nil
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
		x, y := a.keys[k], b.keys[k]
		if x.kind == kindNone || y.kind == kindNone {
			if x.kind == y.kind {
				continue
			}
			order := compareIntegers(int64(x.kind), int64(y.kind))
			if s.directions[k] == descending {
				order = -order
			}
			return order, nil
		}
		order, _, ok := compare(x, y)
		if !ok {
			return 0, s.call.fail(e, "cannot put a %s and a %s in order.", x.TypeName(), y.TypeName())
		}
		if s.directions[k] != ascending {
			order = -order
		}
		if order != 0 {
			return order, nil
		}
	}
	return 0, nil
}
