package fhir

import (
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
)

// elementTree are elements by name, with those within them; a nil tree has none.
type elementTree struct {
	whole bool // all that is within, too
	parts map[string]*elementTree
}

var wholeElement = &elementTree{whole: true}

// child is what the tree has of an element.
func (t *elementTree) child(name string) *elementTree {
	switch {
	case t == nil:
		return nil
	case t.whole:
		return t
	}
	return t.parts[name]
}

// add puts a path such as contact.gender into the tree.
func (t *elementTree) add(path string) {
	for name := range strings.SplitSeq(path, ".") {
		if t.parts == nil {
			t.parts = map[string]*elementTree{}
		}
		if t.parts[name] == nil {
			t.parts[name] = &elementTree{}
		}
		t = t.parts[name]
	}
	t.whole = true
}

// selection is what _elements asks for: what is wanted, less what is not.
type selection struct{ wanted, unwanted *elementTree }

// newSelection reads the names: those with "-" before them are left out, of what the others name or,
// without others, of all.
func newSelection(names []string) selection {
	wanted, unwanted := &elementTree{}, &elementTree{}
	for _, name := range names {
		if without, ok := strings.CutPrefix(name, "-"); ok {
			unwanted.add(without)
		} else {
			wanted.add(name)
		}
	}
	if wanted.parts == nil {
		wanted = wholeElement
	}
	return selection{wanted, unwanted}
}

// of is the selection within an element; ok is false for one that is left out. Mandatory elements and
// modifiers stay, whole where they are not selected.
// https://hl7.org/fhir/R4/search.html#elements
func (s selection) of(e *definitions.Element) (within selection, ok bool) {
	within = selection{s.wanted.child(e.Name), s.unwanted.child(e.Name)}
	ok = within.wanted != nil && (within.unwanted == nil || !within.unwanted.whole)
	if !ok && (e.Min > 0 || e.Modifier) {
		return selection{wanted: wholeElement}, true
	}
	return within, ok
}

func (s selection) isWhole() bool { return s.wanted.whole && s.unwanted == nil }

// cut removes the members of an object that are not selected; empty tells that it has none left.
func (s selection) cut(doc *resources.Document, typ *definitions.Type, n resources.Node, root bool, edits *[]resources.Edit) (empty bool) {
	empty = true
	for c := range doc.Children(n) {
		name := doc.Name(c)
		if name == "resourceType" || root && (name == "id" || name == "meta") {
			empty = false
			continue
		}
		member, known := typ.Member(name)
		if !known {
			*edits = append(*edits, resources.Edit{Node: c})
			continue
		}
		within, ok := s.of(member.Element)
		if ok && !within.isWhole() && !member.Shadow { // what belongs to primitives keeps its places in a list
			ok = !within.below(doc, member.Type, c, edits)
		} else if !ok {
			*edits = append(*edits, resources.Edit{Node: c})
		}
		empty = empty && !ok
	}
	return empty
}

// below cuts the objects of a member, and removes those that are empty then, the member too.
func (s selection) below(doc *resources.Document, typ *definitions.Type, n resources.Node, edits *[]resources.Edit) (empty bool) {
	before := len(*edits)
	switch doc.Kind(n) {
	case resources.Object:
		empty = typ != nil && s.cut(doc, typ, n, false, edits)
	case resources.Array:
		empty = true
		for item := range doc.Children(n) {
			empty = s.below(doc, typ, item, edits) && empty
		}
	}
	if empty {
		*edits = append((*edits)[:before], resources.Edit{Node: n})
	}
	return empty
}
