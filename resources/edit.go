package resources

import (
	"encoding/json"
	"slices"
)

// Edit replaces a node with other JSON text.
type Edit struct {
	Node Node
	Raw  []byte // valid JSON; nil removes the member or item
}

// AppendCompact appends the text of n to b without insignificant white space and with the
// edits done. Edits must be of nodes inside n and must not overlap; their order is free.
func (d *Document) AppendCompact(b []byte, n Node, edits ...Edit) []byte {
	if len(edits) > 1 {
		slices.SortFunc(edits, func(a, b Edit) int { return int(a.Node) - int(b.Node) })
	}
	w := editor{d: d, out: b, edits: edits}
	w.write(n)
	return w.out
}

type editor struct {
	d     *Document
	out   []byte
	edits []Edit
}

func (w *editor) write(n Node) {
	if len(w.edits) > 0 && w.edits[0].Node == n {
		w.out = append(w.out, w.edits[0].Raw...)
		w.edits = w.edits[1:]
		return
	}
	v := &w.d.nodes[n]
	switch v.kind {
	case Object:
		w.out = append(w.out, '{')
		w.list(n, true)
		w.out = append(w.out, '}')
	case Array:
		w.out = append(w.out, '[')
		w.list(n, false)
		w.out = append(w.out, ']')
	default:
		w.out = append(w.out, w.d.Raw(n)...)
	}
}

func (w *editor) list(n Node, named bool) {
	first := true
	for c := range w.d.Children(n) {
		if len(w.edits) > 0 && w.edits[0].Node == c && w.edits[0].Raw == nil {
			w.edits = w.edits[1:]
			continue
		}
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		if named {
			w.name(c)
		}
		w.write(c)
	}
}

func (w *editor) name(n Node) {
	v := &w.d.nodes[n]
	w.out = append(w.out, w.d.src[v.name-1:v.name+uint32(v.nameLen)+1]...)
	w.out = append(w.out, ':')
}

// Quote is s as a JSON string.
func Quote(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil { // a string always marshals
		panic(err)
	}
	return b
}

// Equal reports whether two nodes have the same content: white space and the order of members
// do not count, the order of items and the digits of numbers do.
func Equal(a *Document, m Node, b *Document, n Node) bool {
	if a.Kind(m) != b.Kind(n) {
		return false
	}
	switch a.Kind(m) {
	case Array:
		if a.Count(m) != b.Count(n) {
			return false
		}
		i, end := b.span(n)
		for c := range a.Children(m) {
			if i >= end || !Equal(a, c, b, i) {
				return false
			}
			i = Node(b.nodes[i].next)
		}
		return true
	case Object:
		return equalObjects(a, m, b, n)
	}
	return a.Text(m) == b.Text(n)
}

// equalObjects compares members at the same place first, since most objects have them in the
// same order, and looks up the others; many of them by a table, so that the time stays linear.
func equalObjects(a *Document, m Node, b *Document, n Node) bool {
	count := a.Count(m)
	if count != b.Count(n) {
		return false
	}
	var table map[string]Node
	beside := n + 1
	for c := range a.Children(m) {
		name, o := a.Name(c), beside
		beside = Node(b.nodes[beside].next)
		switch {
		case b.Name(o) == name:
		case count <= fewNames:
			o = b.Member(n, name)
		default:
			if table == nil {
				table = make(map[string]Node, count)
				for d := range b.Children(n) {
					table[b.Name(d)] = d
				}
			}
			var found bool
			if o, found = table[name]; !found {
				o = None
			}
		}
		if o == None || !Equal(a, c, b, o) {
			return false
		}
	}
	return true
}
