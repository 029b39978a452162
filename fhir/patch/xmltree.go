package patch

import (
	"slices"
	"strconv"

	"kiln/resources/xmlformat/markup"
)

// xmlNode is a node of an XML document that can be changed. The document itself is a node of
// kind markup.None.
type xmlNode struct {
	kind       markup.Kind
	name       markup.Name
	attributes []markup.Attribute // without namespace declarations
	spaces     []xmlSpace
	text       string // of texts, comments and instructions
	parent     *xmlNode
	children   []*xmlNode

	source     string // verbatim text of an element, while it is untouched
	start, end int
	lost       bool // something was taken out of it
}

// xmlSpace is a namespace declaration; the prefix of a default namespace is empty.
type xmlSpace struct{ prefix, uri string }

// readXML builds the tree of an XML text; texts that stand side by side become one.
func readXML(src []byte) (*xmlNode, error) {
	r := markup.NewReader(src)
	document := &xmlNode{}
	at := document
	for r.Next() {
		switch r.Kind {
		case markup.StartTag:
			n := &xmlNode{kind: markup.StartTag, name: r.Name, parent: at, source: r.Source(), start: r.Start}
			for _, a := range r.Attributes {
				switch {
				case a.Space != markup.XMLNS:
					n.attributes = append(n.attributes, a)
				case a.Prefix == "":
					n.spaces = append(n.spaces, xmlSpace{"", a.Value})
				default:
					n.spaces = append(n.spaces, xmlSpace{a.Local, a.Value})
				}
			}
			at.children = append(at.children, n)
			at = n
		case markup.EndTag:
			at.end = r.End
			at = at.parent
		case markup.Text:
			if last := at.last(); last != nil && last.kind == markup.Text {
				last.text += r.Text
			} else if at != document {
				at.children = append(at.children, &xmlNode{kind: markup.Text, text: r.Text, parent: at})
			}
		default:
			at.children = append(at.children, &xmlNode{kind: r.Kind, name: r.Name, text: r.Text, parent: at})
		}
	}
	return document, r.Err()
}

// what names the kind of n in sentences.
func (n *xmlNode) what() string {
	if n.kind == markup.StartTag {
		return "element"
	}
	return n.kind.String()
}

func (n *xmlNode) last() *xmlNode {
	if len(n.children) == 0 {
		return nil
	}
	return n.children[len(n.children)-1]
}

// root is the element of a document; nil if it has none.
func (n *xmlNode) root() *xmlNode {
	for _, c := range n.children {
		if c.kind == markup.StartTag {
			return c
		}
	}
	return nil
}

// touch marks n and what holds it as changed.
func (n *xmlNode) touch() {
	for ; n != nil; n = n.parent {
		n.source = ""
	}
}

// value is the text in n and below it.
func (n *xmlNode) value() string {
	if n.kind != markup.StartTag {
		return n.text
	}
	if len(n.children) == 1 && n.children[0].kind == markup.Text {
		return n.children[0].text
	}
	var b []byte
	n.appendValue(&b)
	return string(b)
}

func (n *xmlNode) appendValue(b *[]byte) {
	for _, c := range n.children {
		switch c.kind {
		case markup.Text:
			*b = append(*b, c.text...)
		case markup.StartTag:
			c.appendValue(b)
		}
	}
}

// namespace is what a prefix stands for at n; false if it is not declared.
func (n *xmlNode) namespace(prefix string) (string, bool) {
	for ; n != nil; n = n.parent {
		for _, s := range n.spaces {
			if s.prefix == prefix {
				return s.uri, true
			}
		}
	}
	return "", false
}

// clone is a copy of n for another document.
func (n *xmlNode) clone() *xmlNode {
	c := &xmlNode{kind: n.kind, name: n.name, attributes: slices.Clone(n.attributes), spaces: slices.Clone(n.spaces), text: n.text}
	for _, child := range n.children {
		inner := child.clone()
		inner.parent = c
		c.children = append(c.children, inner)
	}
	return c
}

// insert puts nodes at place i of the children; texts that meet become one.
func (n *xmlNode) insert(i int, nodes []*xmlNode) {
	for _, c := range nodes {
		c.parent = n
	}
	n.children = slices.Insert(n.children, i, nodes...)
	n.touch()
	n.join()
}

// remove takes a node out of its parent.
func (n *xmlNode) remove() {
	p := n.parent
	p.children = slices.DeleteFunc(p.children, func(c *xmlNode) bool { return c == n })
	p.lost = true
	p.touch()
	p.join()
}

// join makes one text of those that stand side by side.
func (n *xmlNode) join() {
	kept := n.children[:0]
	for _, c := range n.children {
		if len(kept) > 0 && c.kind == markup.Text && kept[len(kept)-1].kind == markup.Text {
			kept[len(kept)-1].text += c.text
			continue
		}
		kept = append(kept, c)
	}
	clear(n.children[len(kept):])
	n.children = kept
}

// append writes n; space is the default namespace where it is written. What is untouched keeps
// its text.
func (n *xmlNode) append(b []byte, space string) []byte {
	switch n.kind {
	case markup.StartTag:
		if n.source != "" {
			return append(b, n.source[n.start:n.end]...)
		}
		return n.appendElement(b, space)
	case markup.Text:
		return markup.AppendText(b, n.text)
	case markup.Comment:
		return append(append(append(b, "<!--"...), n.text...), "-->"...)
	case markup.Instruction:
		b = append(append(append(b, "<?"...), n.name.Local...), ' ')
		return append(append(b, n.text...), "?>"...)
	}
	for _, c := range n.children {
		b = c.append(b, space)
	}
	return b
}

// appendElement writes an element without a prefix, declaring its namespace where it differs
// from that outside.
func (n *xmlNode) appendElement(b []byte, space string) []byte {
	b = append(append(b, '<'), n.name.Local...)
	if n.name.Space != space {
		b = appendAttribute(b, "xmlns", n.name.Space)
	}
	for _, s := range n.spaces {
		if s.prefix != "" {
			b = appendAttribute(b, "xmlns:"+s.prefix, s.uri)
		}
	}
	for i, a := range n.attributes {
		name := a.Local
		switch a.Space {
		case "":
		case markup.XML:
			name = "xml:" + name
		default:
			prefix := a.Prefix
			if uri, declared := n.namespace(prefix); !declared || uri != a.Space {
				prefix = "ns" + strconv.Itoa(i)
				b = appendAttribute(b, "xmlns:"+prefix, a.Space)
			}
			name = prefix + ":" + name
		}
		b = appendAttribute(b, name, a.Value)
	}
	if len(n.children) == 0 {
		return append(b, "/>"...)
	}
	b = append(b, '>')
	for _, c := range n.children {
		b = c.append(b, n.name.Space)
	}
	b = append(append(b, "</"...), n.name.Local...)
	return append(b, '>')
}

func appendAttribute(b []byte, name, value string) []byte {
	b = append(append(append(b, ' '), name...), `="`...)
	return append(markup.AppendAttribute(b, value), '"')
}
