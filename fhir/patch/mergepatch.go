package patch

import (
	"context"

	"kiln/resources"
)

// mergePatch is a JSON Merge Patch: https://www.rfc-editor.org/rfc/rfc7396
type mergePatch struct{ doc *resources.Document }

func parseMerge(body []byte) (Patch, error) {
	doc, err := resources.Parse(body)
	if err != nil {
		return nil, err
	}
	if doc.Kind(0) != resources.Object {
		wrong := problems{doc: doc}
		wrong.add(0, "A merge patch of a resource is a JSON object; found %s.", doc.Kind(0))
		return nil, wrong.err()
	}
	return mergePatch{doc}, nil
}

// Apply implements Patch.
func (p mergePatch) Apply(ctx context.Context, target *resources.Document) (*resources.Document, error) {
	b := newBudget(ctx)
	if err := b.live(); err != nil {
		return nil, err
	}
	root, err := b.merge(of(target, 0), p.doc, 0)
	if err != nil {
		return nil, err
	}
	return finish(target, root)
}

// merge is MergePatch of section 2: null removes a member, objects are merged, anything else
// takes the place of what was there. Members keep their order, new ones come last.
func (b *budget) merge(v *value, patch *resources.Document, n resources.Node) (*value, error) {
	if patch.Kind(n) != resources.Object {
		return of(patch, n), nil
	}
	merged := emptyObject()
	if v.kind == resources.Object {
		if err := b.open(v); err != nil {
			return nil, err
		}
		merged.names = append(merged.names, v.names...)
		merged.items = append(merged.items, v.items...)
	}
	if err := b.spend(len(merged.items) + patch.Count(n)); err != nil {
		return nil, err
	}
	places := make(map[string]int, len(merged.names))
	for i, name := range merged.names {
		places[name] = i
	}
	for c := range patch.Children(n) {
		name := patch.Name(c)
		i, found := places[name]
		switch {
		case patch.Kind(c) == resources.Null && found:
			merged.items[i] = nil
		case patch.Kind(c) == resources.Null:
		case found:
			item, err := b.merge(merged.items[i], patch, c)
			if err != nil {
				return nil, err
			}
			merged.items[i] = item
		default:
			item, err := b.merge(null, patch, c)
			if err != nil {
				return nil, err
			}
			merged.names, merged.items = append(merged.names, name), append(merged.items, item)
		}
	}
	return compact(merged), nil
}

// compact closes the gaps that removed members left.
func compact(v *value) *value {
	kept := 0
	for i, item := range v.items {
		if item != nil {
			v.names[kept], v.items[kept] = v.names[i], item
			v.size += item.size + len(v.names[kept]) + len(`"":,`)
			kept++
		}
	}
	v.names, v.items = v.names[:kept], v.items[:kept]
	return v
}
