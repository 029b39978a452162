package patch

import (
	"slices"
	"strings"

	"kiln/resources"
	"kiln/resources/outcome"
)

// value is a JSON value of a patched document. Values are never changed once they are part of a
// tree: an edit makes new containers on the way from the root, and everything else is shared.
// So a copy costs nothing, and bombs are found by adding up sizes before anything is written.
type value struct {
	kind   resources.Kind
	opened bool // names and items are set; else the value is the node of doc
	node   resources.Node
	doc    *resources.Document
	names  []string // of an object
	items  []*value
	size   int // bytes that append writes, or a few more
	height int // levels of arrays and objects and one more; 0 until it is asked for
}

// maxItems is how many items or members a container may have for a patch to reach into it.
const maxItems = 1 << 20

// of is the value at a node of a document.
func of(doc *resources.Document, n resources.Node) *value {
	return &value{kind: doc.Kind(n), doc: doc, node: n, size: len(doc.Raw(n))}
}

// null is shared, so its height is set from the start.
var null = &value{kind: resources.Null, size: len("null"), opened: true, height: 1}

func emptyObject() *value { return &value{kind: resources.Object, opened: true, size: len("{}")} }

func newArray(items []*value) *value {
	v := &value{kind: resources.Array, opened: true, items: items, size: len("[]")}
	for _, item := range items {
		v.size += item.size + 1
	}
	return v
}

// isNode reports whether v is the untouched node of a document.
func (v *value) isNode(doc *resources.Document, n resources.Node) bool {
	return v.doc == doc && v.node == n && !v.opened
}

func (v *value) container() bool { return v.kind == resources.Object || v.kind == resources.Array }

// open makes the items of a container available. The value stays the same, only its form
// changes.
func (b *budget) open(v *value) error {
	if v.opened || !v.container() {
		return nil
	}
	count := v.doc.Count(v.node)
	if count > maxItems {
		return outcome.New(outcome.TooCostly, "A list or object with %d items is too large to be patched.", count).In(outcome.StageContent)
	}
	if err := b.spend(16 * count); err != nil {
		return err
	}
	v.items = make([]*value, 0, count)
	for c := range v.doc.Children(v.node) {
		v.items = append(v.items, of(v.doc, c))
		if v.kind == resources.Object {
			v.names = append(v.names, v.doc.Name(c))
		}
	}
	v.opened = true
	return nil
}

// member is the place of a member of an object that is open; -1 if there is none.
func (v *value) member(name string) int {
	if v.kind != resources.Object {
		return -1
	}
	return slices.Index(v.names, name)
}

// with is v with another item at place i.
func (v *value) with(i int, item *value) *value {
	items := slices.Clone(v.items)
	items[i] = item
	return &value{kind: v.kind, opened: true, names: v.names, items: items, size: v.size - v.items[i].size + item.size}
}

// without is v without the item at place i.
func (v *value) without(i int) *value {
	w := &value{kind: v.kind, opened: true, names: v.names, size: v.size - v.items[i].size}
	w.items = slices.Concat(v.items[:i], v.items[i+1:])
	if v.kind == resources.Object {
		w.names = slices.Concat(v.names[:i], v.names[i+1:])
	}
	return w
}

// insert is v with a further item at place i; name is of a member.
func (v *value) insert(i int, name string, item *value) *value {
	w := &value{kind: v.kind, opened: true, names: v.names, size: v.size + item.size + len(name) + len(`"":,`)}
	w.items = slices.Concat(v.items[:i], []*value{item}, v.items[i:])
	if v.kind == resources.Object {
		w.names = slices.Concat(v.names[:i], []string{name}, v.names[i:])
	}
	return w
}

// set is the object v with a member; a new one comes last.
func (v *value) set(name string, item *value) *value {
	if i := v.member(name); i >= 0 {
		return v.with(i, item)
	}
	return v.insert(len(v.items), name, item)
}

// delete is the object v without a member, if it has it.
func (v *value) delete(name string) *value {
	if i := v.member(name); i >= 0 {
		return v.without(i)
	}
	return v
}

// depth is how many levels of arrays and objects v has.
func (b *budget) depth(v *value) (int, error) {
	if v.height > 0 {
		return v.height - 1, nil
	}
	deepest := 0
	switch {
	case !v.opened:
		deepest = depthOf(v.doc, v.node)
		if err := b.spend(v.size / 2); err != nil {
			return 0, err
		}
	case v.container():
		if err := b.spend(len(v.items)); err != nil {
			return 0, err
		}
		deepest = 1
		for _, item := range v.items {
			inner, err := b.depth(item)
			if err != nil {
				return 0, err
			}
			deepest = max(deepest, 1+inner)
		}
	}
	v.height = deepest + 1
	return deepest, nil
}

func depthOf(doc *resources.Document, n resources.Node) int {
	if k := doc.Kind(n); k != resources.Array && k != resources.Object {
		return 0
	}
	deepest := 0
	for c := range doc.Children(n) {
		deepest = max(deepest, depthOf(doc, c))
	}
	return 1 + deepest
}

// append writes v as compact JSON; what was never opened keeps its text.
func (v *value) append(b []byte) []byte {
	switch {
	case !v.opened:
		return v.doc.AppendCompact(b, v.node)
	case v.kind == resources.Null:
		return append(b, "null"...)
	case v.kind == resources.Array:
		b = append(b, '[')
		for i, item := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.append(b)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i, item := range v.items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, resources.Quote(v.names[i])...)
		b = append(b, ':')
		b = item.append(b)
	}
	return append(b, '}')
}

// prune is v without the members and items that were emptied: FHIR has no empty lists or
// objects (https://hl7.org/fhir/R4/json.html). Only what was opened, and so may have been
// changed, is looked at. In lists of ids and extensions null keeps the place.
func prune(v *value) *value { return v.prune("") }

func (v *value) prune(name string) *value {
	if !v.opened || !v.container() {
		return v
	}
	shadows := strings.HasPrefix(name, "_")
	w := &value{kind: v.kind, opened: true, items: make([]*value, 0, len(v.items))}
	nulls := 0
	for i, item := range v.items {
		inner := name
		if v.kind == resources.Object {
			inner = v.names[i]
		}
		item = item.prune(inner)
		emptied := item.opened && item.container() && len(item.items) == 0
		switch {
		case emptied && v.kind == resources.Array && shadows:
			item = null
		case emptied:
			continue
		}
		if item.kind == resources.Null {
			nulls++
		}
		w.items = append(w.items, item)
		if v.kind == resources.Object {
			w.names = append(w.names, v.names[i])
		}
	}
	if v.kind == resources.Array && shadows && nulls == len(w.items) {
		w.items = nil
	}
	return w
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}
