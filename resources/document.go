package resources

import (
	"bytes"
	"iter"
	"unsafe"
)

// Limits of a document: https://hl7.org/fhir/R4/json.html does not set any, the contract does.
const (
	// MaxDepth is how deep arrays and objects may nest.
	MaxDepth = 64
	// MaxSize is the longest text that is read, in bytes.
	MaxSize = 1 << 30
)

// Kind is the JSON type of a node.
type Kind uint8

// The kinds of JSON value.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

func (k Kind) String() string {
	return [...]string{"null", "boolean", "number", "string", "array", "object"}[k]
}

// Node is the position of a JSON value in its Document; the root is node 0.
type Node int32

// None is no node.
const None Node = -1

const (
	flagEscaped     = 1 << iota // string has a backslash
	flagNameEscaped             // member name has a backslash
	flagShadows                 // object has members that begin with an underscore
)

// node is 24 bytes, so a document costs about its own size again.
type node struct {
	start, end uint32 // the value; for strings without the quotes
	name       uint32 // start of the member name; 0 outside objects
	next       uint32 // the node after this subtree
	parent     int32  // -1 at the root
	nameLen    uint16
	kind       Kind
	flags      uint8
}

// Document is a parsed JSON text.
type Document struct {
	src   []byte
	nodes []node
}

// Source is the text that the document was parsed from; it must not be changed.
func (d *Document) Source() []byte { return d.src }

// Len is the number of nodes; every Node from 0 to Len()-1 is valid, and parents come before
// their children.
func (d *Document) Len() int { return len(d.nodes) }

// Kind is the JSON type of n; Null for None.
func (d *Document) Kind(n Node) Kind {
	if n == None {
		return Null
	}
	return d.nodes[n].kind
}

// Raw is the exact text of n, quotes included.
func (d *Document) Raw(n Node) []byte {
	v := &d.nodes[n]
	if v.kind == String {
		return d.src[v.start-1 : v.end+1]
	}
	return d.src[v.start:v.end]
}

// Text is the value of a string without quotes and escapes, or the exact text of any other
// kind; empty for None. It shares memory with the document unless the string has escapes.
func (d *Document) Text(n Node) string {
	if n == None {
		return ""
	}
	v := &d.nodes[n]
	if v.flags&flagEscaped != 0 {
		return unescape(d.src[v.start:v.end])
	}
	return view(d.src[v.start:v.end])
}

// Name is the member name of n; empty for items of arrays, the root and None.
func (d *Document) Name(n Node) string {
	if n == None {
		return ""
	}
	v := &d.nodes[n]
	name := d.src[v.name : v.name+uint32(v.nameLen)]
	if v.flags&flagNameEscaped != 0 {
		return unescape(name)
	}
	return view(name)
}

// Parent is the object or array that holds n; None for the root.
func (d *Document) Parent(n Node) Node {
	if n == None {
		return None
	}
	return Node(d.nodes[n].parent)
}

// Children yields the members of an object or the items of an array, in order.
func (d *Document) Children(n Node) iter.Seq[Node] {
	return func(yield func(Node) bool) {
		if n == None || d.nodes[n].kind < Array {
			return
		}
		for c, end := n+1, Node(d.nodes[n].next); c < end; c = Node(d.nodes[c].next) {
			if !yield(c) {
				return
			}
		}
	}
}

// Count is the number of members or items of n.
func (d *Document) Count(n Node) int {
	count := 0
	for range d.Children(n) {
		count++
	}
	return count
}

// Member is the member of an object by name; None if n is no object or has no such member.
func (d *Document) Member(n Node, name string) Node {
	if n == None || d.nodes[n].kind != Object {
		return None
	}
	for c, end := n+1, Node(d.nodes[n].next); c < end; c = Node(d.nodes[c].next) {
		v := &d.nodes[c]
		if int(v.nameLen) == len(name) && v.flags&flagNameEscaped == 0 {
			if view(d.src[v.name:v.name+uint32(v.nameLen)]) == name {
				return c
			}
		} else if v.flags&flagNameEscaped != 0 && d.Name(c) == name {
			return c
		}
	}
	return None
}

// Item is item i of an array; None if n is no array or is shorter.
func (d *Document) Item(n Node, i int) Node {
	if d.Kind(n) != Array {
		return None
	}
	for c := range d.Children(n) {
		if i == 0 {
			return c
		}
		i--
	}
	return None
}

// Next is the member or item after n in the object or array that holds both; None after the
// last one, and for None.
func (d *Document) Next(n Node) Node {
	if n <= 0 {
		return None
	}
	next := d.nodes[n].next
	if next >= d.nodes[d.nodes[n].parent].next {
		return None
	}
	return Node(next)
}

// At follows member names from n: At(0, "meta", "versionId").
func (d *Document) At(n Node, names ...string) Node {
	for _, name := range names {
		n = d.Member(n, name)
	}
	return n
}

// Position is the line and column (in bytes) where n begins in the source, both from 1.
func (d *Document) Position(n Node) (line, column int) {
	return position(d.src, d.Offset(n))
}

// Offset is where n begins in the source, in bytes; a string begins with its quote.
func (d *Document) Offset(n Node) int {
	v := &d.nodes[n]
	if v.kind == String {
		return int(v.start) - 1
	}
	return int(v.start)
}

func position(src []byte, offset int) (line, column int) {
	before := src[:offset]
	line = 1 + bytes.Count(before, []byte{'\n'})
	return line, offset - bytes.LastIndexByte(before, '\n')
}

// view makes a string of bytes that are never changed.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
