package patch

import (
	"slices"
	"strings"

	"kiln/resources/xmlformat/markup"
)

// The operations of https://www.rfc-editor.org/rfc/rfc5261#section-4

// addXML adds an attribute, a namespace declaration, or nodes in or beside what was located.
func (b *budget) addXML(_ *xmlNode, at located, o xmlOperation) error {
	n := at.node
	if at.kind == stepAttribute || at.kind == stepNamespace {
		return unfit("nothing can be added to an attribute.")
	}
	if o.addition != nil {
		return n.addPart(o)
	}
	nodes := make([]*xmlNode, len(o.content))
	for i, c := range o.content {
		nodes[i] = c.clone()
	}
	if err := b.spend(len(nodes)); err != nil {
		return err
	}
	switch o.pos {
	case "before", "after":
		p := n.parent
		if p.kind == markup.None && hasContent(nodes) {
			return unfit("beside the root element there is no place for elements or text.")
		}
		i := slices.Index(p.children, n)
		if o.pos == "after" {
			i++
		}
		if err := b.spend(len(p.children)); err != nil {
			return err
		}
		p.insert(i, nodes)
		return nil
	}
	if n.kind != markup.StartTag {
		return unfit("the selected %s has no content to add to.", n.what())
	}
	if err := b.spend(len(n.children)); err != nil {
		return err
	}
	i := len(n.children)
	if o.pos == "prepend" {
		i = 0
	}
	n.insert(i, nodes)
	return nil
}

func hasContent(nodes []*xmlNode) bool {
	for _, n := range nodes {
		if n.kind == markup.StartTag || n.kind == markup.Text && strings.Trim(n.text, " \t\r\n") != "" {
			return true
		}
	}
	return false
}

// addPart adds an attribute or namespace declaration, which must not be there yet.
func (n *xmlNode) addPart(o xmlOperation) error {
	if n.kind != markup.StartTag {
		return unfit("the selected %s has no attributes.", n.what())
	}
	if o.contentXML.root() != nil {
		return unfit("the value of an attribute holds no elements.")
	}
	value := o.contentXML.value()
	if o.addition.kind == stepNamespace {
		for _, s := range n.spaces {
			if s.prefix == o.qualifier.Local {
				return unfit("the prefix %q is declared already.", clip(s.prefix))
			}
		}
		n.spaces = append(n.spaces, xmlSpace{o.qualifier.Local, value})
	} else {
		for _, a := range n.attributes {
			if a.Local == o.qualifier.Local && a.Space == o.qualifier.Space {
				return unfit("the element has an attribute %q already.", clip(a.Local))
			}
		}
		n.attributes = append(n.attributes, markup.Attribute{Name: o.qualifier, Value: value})
	}
	n.touch()
	return nil
}

// replaceXML puts the content of the operation in the place of a node of the same kind.
func (b *budget) replaceXML(_ *xmlNode, at located, o xmlOperation) error {
	n := at.node
	switch at.kind {
	case stepAttribute, stepNamespace:
		if o.contentXML.root() != nil {
			return unfit("the value of an attribute holds no elements.")
		}
		if at.kind == stepAttribute {
			n.attributes[at.index].Value = o.contentXML.value()
		} else {
			n.spaces[at.index].uri = o.contentXML.value()
		}
		n.touch()
		return nil
	}
	if err := b.spend(len(n.parent.children)); err != nil {
		return err
	}
	if n.kind == markup.Text {
		if o.contentXML.root() != nil {
			return unfit("a text can be replaced by text alone.")
		}
		if n.text = o.contentXML.value(); n.text == "" {
			n.remove()
			return nil
		}
		n.touch()
		return nil
	}
	substitute := only(o.content, n.kind)
	if substitute == nil {
		return unfit("the operation must hold exactly one %s to take the place of the other.", n.what())
	}
	p := n.parent
	i := slices.Index(p.children, n)
	p.children[i] = substitute.clone()
	p.children[i].parent = p
	p.touch()
	return nil
}

// only is the one node of a kind among nodes that are else white space; nil if it is not so.
func only(nodes []*xmlNode, kind markup.Kind) *xmlNode {
	var one *xmlNode
	for _, n := range nodes {
		switch {
		case n.kind == kind && one == nil:
			one = n
		case n.kind == markup.Text && strings.Trim(n.text, " \t\r\n") == "":
		default:
			return nil
		}
	}
	return one
}

// removeXML takes out a node, and white space beside it where ws says so.
func (b *budget) removeXML(_ *xmlNode, at located, o xmlOperation) error {
	n := at.node
	switch at.kind {
	case stepAttribute:
		n.attributes = slices.Delete(n.attributes, at.index, at.index+1)
		n.lost = true
		n.touch()
		return nil
	case stepNamespace:
		n.spaces = slices.Delete(n.spaces, at.index, at.index+1)
		n.touch()
		return nil
	}
	p := n.parent
	if err := b.spend(len(p.children)); err != nil {
		return err
	}
	if p.kind == markup.None && n.kind == markup.StartTag {
		return unfit("the root element cannot be removed.")
	}
	if err := n.removeSpace(o.ws); err != nil {
		return err
	}
	n.remove()
	return nil
}

// removeSpace removes the white space before and after n that ws names; it must be there and be
// nothing else (RFC 5261 section 4.5).
func (n *xmlNode) removeSpace(ws string) error {
	i := slices.Index(n.parent.children, n)
	for _, side := range []struct {
		name  string
		place int
	}{{"after", i + 1}, {"before", i - 1}} {
		if ws != side.name && ws != "both" {
			continue
		}
		siblings := n.parent.children
		if n.kind == markup.Text || side.place < 0 || side.place >= len(siblings) ||
			siblings[side.place].kind != markup.Text || strings.Trim(siblings[side.place].text, " \t\r\n") != "" {
			return unfit("there is no white space %s the node to remove.", side.name)
		}
		n.parent.children = slices.Delete(siblings, side.place, side.place+1)
	}
	return nil
}
