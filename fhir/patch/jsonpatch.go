package patch

import (
	"context"

	"kiln/resources"
	"kiln/resources/outcome"
)

// jsonPatch is a JSON Patch: https://www.rfc-editor.org/rfc/rfc6902
type jsonPatch struct {
	doc        *resources.Document
	operations []jsonOperation
}

type jsonOperation struct {
	name       string
	path, from pointer
	value      resources.Node // in the document of the patch
}

// jsonOperations are the operations and what they need besides a path.
var jsonOperations = map[string]struct {
	from, value bool
	apply       func(b *budget, root *value, o jsonOperation, given *value) (*value, error)
}{
	"add":     {value: true, apply: (*budget).add},
	"remove":  {apply: (*budget).remove},
	"replace": {value: true, apply: (*budget).replace},
	"move":    {from: true, apply: (*budget).move},
	"copy":    {from: true, apply: (*budget).copy},
	"test":    {value: true, apply: (*budget).test},
}

// parseJSON reads a JSON Patch. Members that the RFC does not name are left alone, as it asks.
func parseJSON(body []byte) (Patch, error) {
	doc, err := resources.Parse(body)
	if err != nil {
		return nil, err
	}
	p := &jsonPatch{doc: doc}
	wrong := problems{doc: doc}
	if doc.Kind(0) != resources.Array {
		wrong.add(0, "A JSON Patch is an array of operations; found %s.", doc.Kind(0))
		return nil, wrong.err()
	}
	if count := doc.Count(0); count > MaxOperations {
		return nil, tooMany(count)
	}
	for n := range doc.Children(0) {
		p.operations = append(p.operations, readJSONOperation(&wrong, n))
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return p, nil
}

func readJSONOperation(wrong *problems, n resources.Node) jsonOperation {
	doc := wrong.doc
	o := jsonOperation{value: doc.Member(n, "value")}
	if doc.Kind(n) != resources.Object {
		wrong.add(n, "An operation is a JSON object; found %s.", doc.Kind(n))
		return o
	}
	name := doc.Member(n, "op")
	if doc.Kind(name) != resources.String {
		wrong.add(n, "The operation has no \"op\".")
		return o
	}
	o.name = doc.Text(name)
	needs, known := jsonOperations[o.name]
	if !known {
		wrong.add(name, "The operation %q is not one of add, remove, replace, move, copy and test.", clip(o.name))
		return o
	}
	o.path = memberPointer(wrong, n, "path")
	if needs.from {
		o.from = memberPointer(wrong, n, "from")
	}
	if needs.value && o.value == resources.None {
		wrong.add(n, "The operation %s has no \"value\".", o.name)
	}
	return o
}

func memberPointer(wrong *problems, n resources.Node, name string) pointer {
	member := wrong.doc.Member(n, name)
	if wrong.doc.Kind(member) != resources.String {
		wrong.add(n, "The operation has no %q with a JSON Pointer.", name)
		return pointer{}
	}
	p, err := readPointer(wrong.doc.Text(member))
	if err != nil {
		wrong.add(member, "In %q %s.", name, err)
	}
	return p
}

// Apply implements Patch.
func (p *jsonPatch) Apply(ctx context.Context, target *resources.Document) (*resources.Document, error) {
	root, err := p.apply(ctx, of(target, 0))
	if err != nil {
		return nil, err
	}
	return finish(target, root)
}

func (p *jsonPatch) apply(ctx context.Context, root *value) (*value, error) {
	b := newBudget(ctx)
	for i, o := range p.operations {
		if err := b.live(); err != nil {
			return nil, err
		}
		var given *value
		if o.value != resources.None {
			given = of(p.doc, o.value)
		}
		changed, err := jsonOperations[o.name].apply(b, root, o, given)
		if err == nil && changed.size > MaxSize {
			err = tooLarge()
		}
		if err != nil {
			return nil, inOperation(err, i+1, o.name+" "+o.path.text)
		}
		root = changed
	}
	return root, nil
}

func tooLarge() error {
	return outcome.New(outcome.TooCostly, "the resource becomes larger than %d MiB.", MaxSize>>20).In(outcome.StageContent)
}

func (b *budget) add(root *value, o jsonOperation, given *value) (*value, error) {
	deep, err := b.depth(given)
	if err != nil {
		return nil, err
	}
	if len(o.path.tokens)+deep > resources.MaxDepth {
		return nil, unfit("the resource nests deeper than %d levels.", resources.MaxDepth)
	}
	if len(o.path.tokens) == 0 {
		return given, nil
	}
	return b.change(root, o.path, 0, func(v *value, token string) (*value, error) {
		switch v.kind {
		case resources.Object:
			return v.set(token, given), nil
		case resources.Array:
			i, ok := readIndex(token)
			if token == "-" {
				i, ok = len(v.items), true
			}
			if !ok || i > len(v.items) {
				return nil, unfit("%q is not a place in a list of %d items.", clip(token), len(v.items))
			}
			return v.insert(i, "", given), nil
		}
		return nil, unfit("%s is neither a list nor an object.", o.path.upTo(len(o.path.tokens)-1))
	})
}

func (b *budget) remove(root *value, o jsonOperation, _ *value) (*value, error) {
	if len(o.path.tokens) == 0 {
		return nil, unfit("the resource itself cannot be removed.")
	}
	return b.change(root, o.path, 0, func(v *value, token string) (*value, error) {
		i, err := b.existing(v, o.path, token)
		if err != nil {
			return nil, err
		}
		return v.without(i), nil
	})
}

func (b *budget) existing(v *value, p pointer, token string) (int, error) {
	i, err := b.child(v, token)
	if err == nil && i < 0 {
		err = unfit("there is no %s in the resource.", clip(p.text))
	}
	return i, err
}

func (b *budget) replace(root *value, o jsonOperation, given *value) (*value, error) {
	if len(o.path.tokens) == 0 {
		return given, nil
	}
	deep, err := b.depth(given)
	if err != nil {
		return nil, err
	}
	if len(o.path.tokens)+deep > resources.MaxDepth {
		return nil, unfit("the resource nests deeper than %d levels.", resources.MaxDepth)
	}
	return b.change(root, o.path, 0, func(v *value, token string) (*value, error) {
		i, err := b.existing(v, o.path, token)
		if err != nil {
			return nil, err
		}
		return v.with(i, given), nil
	})
}

func (b *budget) move(root *value, o jsonOperation, _ *value) (*value, error) {
	moved, err := b.get(root, o.from)
	if err != nil {
		return nil, err
	}
	if o.path.text == o.from.text {
		return root, nil
	}
	if o.path.inside(o.from) {
		return nil, unfit("%s cannot be moved into itself.", clip(o.from.text))
	}
	if root, err = b.remove(root, jsonOperation{path: o.from}, nil); err != nil {
		return nil, err
	}
	return b.add(root, o, moved)
}

func (b *budget) copy(root *value, o jsonOperation, _ *value) (*value, error) {
	copied, err := b.get(root, o.from)
	if err != nil {
		return nil, err
	}
	return b.add(root, o, copied)
}

func (b *budget) test(root *value, o jsonOperation, given *value) (*value, error) {
	found, err := b.get(root, o.path)
	if err != nil {
		return nil, err
	}
	equal, err := b.same(found, given)
	if err == nil && !equal {
		err = unfit("the test fails: the resource has another value there.")
	}
	return root, err
}
