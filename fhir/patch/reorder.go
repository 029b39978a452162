package patch

import (
	"kiln/resources"
)

// reorder writes node n of a patched document with the members in the order of node m of the
// original, where that has them; new ones come last. What is equal keeps the text of the
// original. XML has an order of its own, so without this an XML Patch would shuffle every
// member of the resource.
func reorder(b []byte, old *resources.Document, m resources.Node, doc *resources.Document, n resources.Node) []byte {
	switch {
	case resources.Equal(old, m, doc, n):
		return old.AppendCompact(b, m)
	case old.Kind(m) == resources.Object && doc.Kind(n) == resources.Object:
		return reorderObject(b, old, m, doc, n)
	case old.Kind(m) == resources.Array && doc.Kind(n) == resources.Array:
		return reorderArray(b, old, m, doc, n)
	}
	return doc.AppendCompact(b, n)
}

func reorderObject(b []byte, old *resources.Document, m resources.Node, doc *resources.Document, n resources.Node) []byte {
	b = append(b, '{')
	start := len(b)
	name := func(text string) {
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(append(b, resources.Quote(text)...), ':')
	}
	for c := range old.Children(m) {
		if kept := doc.Member(n, old.Name(c)); kept != resources.None {
			name(old.Name(c))
			b = reorder(b, old, c, doc, kept)
		}
	}
	for c := range doc.Children(n) {
		if old.Member(m, doc.Name(c)) == resources.None {
			name(doc.Name(c))
			b = doc.AppendCompact(b, c)
		}
	}
	return append(b, '}')
}

// reorderArray pairs the items that are equal at the beginning and at the end, and those
// between by their place.
func reorderArray(b []byte, old *resources.Document, m resources.Node, doc *resources.Document, n resources.Node) []byte {
	before, after := items(old, m), items(doc, n)
	head := 0
	for head < min(len(before), len(after)) && resources.Equal(old, before[head], doc, after[head]) {
		head++
	}
	tail := 0
	for tail < min(len(before), len(after))-head && resources.Equal(old, before[len(before)-1-tail], doc, after[len(after)-1-tail]) {
		tail++
	}
	b = append(b, '[')
	for i, c := range after {
		if i > 0 {
			b = append(b, ',')
		}
		pair := i
		if i >= len(after)-tail {
			pair = i + len(before) - len(after)
		} else if i >= len(before)-tail {
			b = doc.AppendCompact(b, c)
			continue
		}
		b = reorder(b, old, before[pair], doc, c)
	}
	return append(b, ']')
}

func items(doc *resources.Document, n resources.Node) []resources.Node {
	var all []resources.Node
	for c := range doc.Children(n) {
		all = append(all, c)
	}
	return all
}
