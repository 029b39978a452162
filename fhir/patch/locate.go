package patch

import (
	"slices"

	"kiln/resources/xmlformat/markup"
)

// located is the one thing that a selector found: a node, or an attribute or namespace
// declaration of an element by its place.
type located struct {
	node  *xmlNode
	kind  stepKind // stepAttribute, stepNamespace; else node itself is meant
	index int
}

// locate finds what s selects, which must be exactly one thing (RFC 5261 section 4.1).
func (b *budget) locate(document *xmlNode, s *selector) (located, error) {
	set := []*xmlNode{document}
	for _, step := range s.steps {
		if step.kind == stepAttribute || step.kind == stepNamespace {
			return b.part(set, step)
		}
		var err error
		if set, err = b.step(set, step); err != nil {
			return located{}, err
		}
	}
	if len(set) != 1 {
		return located{}, found(len(set))
	}
	return located{node: set[0]}, nil
}

func found(count int) error {
	if count == 0 {
		return unfit("the resource has nothing that the selector finds.")
	}
	return unfit("the selector finds %d places; it must find exactly one.", count)
}

// part finds the attribute or namespace declaration of a last step.
func (b *budget) part(set []*xmlNode, step selectorStep) (located, error) {
	var all []located
	for _, n := range set {
		if err := b.spend(1 + len(n.attributes)); err != nil {
			return located{}, err
		}
		for i, a := range n.attributes {
			if step.kind == stepAttribute && step.matches(a.Name) {
				all = append(all, located{n, stepAttribute, i})
			}
		}
		for i, space := range n.spaces {
			if step.kind == stepNamespace && space.prefix == step.local {
				all = append(all, located{n, stepNamespace, i})
			}
		}
	}
	if len(all) != 1 {
		return located{}, found(len(all))
	}
	return all[0], nil
}

func (s *selectorStep) matches(name markup.Name) bool {
	return (s.local == "*" || s.local == name.Local) && (s.spaces == nil || slices.Contains(s.spaces, name.Space))
}

var stepNodes = map[stepKind]markup.Kind{
	stepElement: markup.StartTag, stepText: markup.Text, stepComment: markup.Comment, stepInstruction: markup.Instruction,
}

// childCost is what looking at a child costs: they lie scattered in memory.
const childCost = 8

// step goes from each node to those of its children that match.
func (b *budget) step(set []*xmlNode, step selectorStep) ([]*xmlNode, error) {
	var next []*xmlNode
	for _, n := range set {
		if err := b.spend(childCost * (1 + len(n.children))); err != nil {
			return nil, err
		}
		matching := step.children(n)
		for _, test := range step.tests {
			var err error
			if matching, err = b.filter(matching, test); err != nil {
				return nil, err
			}
		}
		next = append(next, matching...)
	}
	return next, nil
}

func (s *selectorStep) children(n *xmlNode) []*xmlNode {
	var matching []*xmlNode
	for _, c := range n.children {
		if c.kind == stepNodes[s.kind] && s.matches(c.name) {
			matching = append(matching, c)
		}
	}
	return matching
}

// filter keeps the nodes for which a test holds.
func (b *budget) filter(nodes []*xmlNode, t selectorTest) ([]*xmlNode, error) {
	if t.position != 0 {
		i := t.position - 1
		if t.position < 0 {
			i = len(nodes) - 1
		}
		if i < 0 || i >= len(nodes) {
			return nil, nil
		}
		return nodes[i : i+1], nil
	}
	var kept []*xmlNode
	for _, n := range nodes {
		holds, err := b.holds(n, t)
		if err != nil {
			return nil, err
		}
		if holds {
			kept = append(kept, n)
		}
	}
	return kept, nil
}

// holds reports whether the inner path of a test finds anything, and with a comparison,
// anything of the value.
func (b *budget) holds(n *xmlNode, t selectorTest) (bool, error) {
	set := []*xmlNode{n}
	for _, step := range t.inner {
		switch step.kind {
		case stepSelf:
		case stepAttribute:
			return b.attribute(set, step, t)
		default:
			var err error
			if set, err = b.step(set, step); err != nil {
				return false, err
			}
		}
	}
	for _, n := range set {
		if !t.compare {
			return true, nil
		}
		value := n.value()
		if err := b.spend(1 + len(value)); err != nil {
			return false, err
		}
		if value == t.value {
			return true, nil
		}
	}
	return false, nil
}

func (b *budget) attribute(set []*xmlNode, step selectorStep, t selectorTest) (bool, error) {
	for _, n := range set {
		if err := b.spend(1 + len(n.attributes)); err != nil {
			return false, err
		}
		for _, a := range n.attributes {
			if step.matches(a.Name) && (!t.compare || a.Value == t.value) {
				return true, nil
			}
		}
	}
	return false, nil
}
