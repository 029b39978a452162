package resources

import "kiln/resources/definitions"

// Cursor walks children one at a time without allocating; [Element.Child] and
// [Element.Children] are the same walk as iterators.
//
//	for c := patient.Named("name"); c.Next(); {
//		fmt.Println(c.Element.Path())
//	}
type Cursor struct {
	Element Element // the child that Next moved to

	doc     *Document
	typ     *definitions.Type
	only    *definitions.Element // its members alone; nil for all
	object  Node
	at, end Node // members to look at
	shadows bool

	member           definitions.Member // of the list under way
	value, valueEnd  Node
	shadow, spareEnd Node
}

// Named is a cursor over the children named name, as FHIRPath names them: "value" for value[x].
func (e Element) Named(name string) Cursor {
	object := e.object()
	if object == None {
		return Cursor{}
	}
	def := e.typ.Element(name)
	if def == nil {
		return Cursor{}
	}
	d := e.doc
	c := Cursor{doc: d, typ: e.typ, only: def, object: object, shadows: d.nodes[object].flags&flagShadows != 0}
	if def.Choice {
		c.at, c.end = object+1, Node(d.nodes[object].next)
		return c
	}
	value, shadow := d.Member(object, name), None
	content := def.Types[0].Type
	if c.shadows && content.Primitive() {
		shadow = d.shadowNamed(object, name)
	}
	c.member = definitions.Member{Element: def, Type: content}
	c.list(value, shadow)
	return c
}

// All is a cursor over all children in document order, as Children yields them.
func (e Element) All() Cursor {
	object := e.object()
	if object == None {
		return Cursor{}
	}
	d := e.doc
	return Cursor{
		doc: d, typ: e.typ, object: object, shadows: d.nodes[object].flags&flagShadows != 0,
		at: object + 1, end: Node(d.nodes[object].next),
	}
}

// Next moves to the next child; false when there is none.
func (c *Cursor) Next() bool {
	for {
		for c.value < c.valueEnd || c.shadow < c.spareEnd {
			value, shadow := None, None
			if c.value < c.valueEnd {
				value, c.value = c.value, Node(c.doc.nodes[c.value].next)
			}
			if c.shadow < c.spareEnd {
				shadow, c.shadow = c.shadow, Node(c.doc.nodes[c.shadow].next)
			}
			if c.take(value, shadow) {
				return true
			}
		}
		if c.at >= c.end {
			return false
		}
		n := c.at
		c.at = Node(c.doc.nodes[n].next)
		c.enter(n)
	}
}

// enter begins the member at n if the cursor is to visit it.
func (c *Cursor) enter(n Node) {
	d := c.doc
	name := d.nameBytes(n)
	if c.only != nil && !startsWithName(name, c.only.Name) {
		return
	}
	m, ok := c.typ.MemberBytes(name)
	if !ok || c.only != nil && m.Element != c.only {
		return
	}
	value, shadow := n, None
	if m.Shadow {
		if d.Member(c.object, view(name[1:])) != None {
			return // joined with the plain member
		}
		value, shadow = None, n
	} else if c.shadows && m.Type.Primitive() {
		shadow = d.shadowOf(c.object, n)
	}
	c.member = m
	c.list(value, shadow)
}

func startsWithName(member []byte, name string) bool {
	if len(member) > 0 && member[0] == '_' {
		member = member[1:]
	}
	return len(member) > len(name) && string(member[:len(name)]) == name
}

// list sets the spans to walk: those of arrays, or the single node itself.
func (c *Cursor) list(value, shadow Node) {
	d := c.doc
	if d.Kind(value) != Array && d.Kind(shadow) != Array {
		c.value, c.valueEnd = d.self(value)
		c.shadow, c.spareEnd = d.self(shadow)
		return
	}
	c.value, c.valueEnd = d.span(value)
	c.shadow, c.spareEnd = d.span(shadow)
}

// self is the span of one node, or of nothing.
func (d *Document) self(n Node) (first, end Node) {
	if n == None {
		return 0, 0
	}
	return n, Node(d.nodes[n].next)
}

// take makes the element of a place in a list; false where JSON has null on both sides.
func (c *Cursor) take(value, shadow Node) bool {
	d := c.doc
	if d.Kind(value) == Null {
		value = None
	}
	if d.Kind(shadow) == Null {
		shadow = None
	}
	if value == None && shadow == None {
		return false
	}
	c.Element = Element{doc: d, value: value, shadow: shadow, typ: c.member.Type, def: c.member.Element}
	if t := c.member.Type; t.Abstract && t.Kind == definitions.KindResource {
		if t := definitions.R4().Resource(d.Text(d.Member(value, "resourceType"))); t != nil {
			c.Element.typ = t
		}
	}
	return true
}

// shadowNamed finds the member _name.
func (d *Document) shadowNamed(object Node, name string) Node {
	for c, end := object+1, Node(d.nodes[object].next); c < end; c = Node(d.nodes[c].next) {
		if raw := d.nameBytes(c); len(raw) == len(name)+1 && raw[0] == '_' && string(raw[1:]) == name {
			return c
		}
	}
	return None
}

// After is the node behind the subtree of n: its next sibling, if it has one.
func (d *Document) After(n Node) Node { return Node(d.nodes[n].next) }

// Size is the number of nodes of the subtree of n, itself included; 0 for None.
func (d *Document) Size(n Node) int {
	if n == None {
		return 0
	}
	return int(d.nodes[n].next) - int(n)
}
