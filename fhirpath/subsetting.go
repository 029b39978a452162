package fhirpath

// Subsetting: http://hl7.org/fhirpath/N1/#subsetting

var subsetFunctions = map[string]function{
	"single":    {apply: single},
	"first":     {ordered: true, apply: first},
	"last":      {ordered: true, apply: last},
	"tail":      {ordered: true, apply: tail},
	"skip":      {min: 1, max: 1, ordered: true, apply: skip},
	"take":      {min: 1, max: 1, ordered: true, apply: take},
	"intersect": {min: 1, max: 1, apply: intersect},
	"exclude":   {min: 1, max: 1, apply: exclude},
}

func single(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	if len(in) > 1 {
		return out, n.fail(e, "is called on a single item, found %d.", len(in))
	}
	return append(out, in...), nil
}

func first(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return append(out, in[:min(1, len(in))]...), nil
}

func last(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return append(out, in[max(0, len(in)-1):]...), nil
}

func tail(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return append(out, in[min(1, len(in)):]...), nil
}

func skip(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	count, ok, err := n.integerArg(e, f, 0)
	if err != nil || !ok {
		return out, err
	}
	return append(out, in[bounded(count, len(in)):]...), nil
}

func take(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	count, ok, err := n.integerArg(e, f, 0)
	if err != nil || !ok {
		return out, err
	}
	return append(out, in[:bounded(count, len(in))]...), nil
}

// bounded brings i into 0 to length.
func bounded(i int64, length int) int {
	return int(max(0, min(i, int64(length))))
}

func intersect(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return n.partition(e, f, in, out, true)
}

func exclude(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return n.partition(e, f, in, out, false)
}

// partition keeps the items that are (or are not) in the argument. An intersection has no
// duplicates, an exclusion keeps them.
func (n *callNode) partition(e *evaluation, f *frame, in, out Collection, wanted bool) (Collection, error) {
	other, err := e.operand(n.args[0], f)
	if err != nil {
		return out, err
	}
	s := e.setOf(other)
	kept := e.take()
	for _, v := range in {
		found, err := s.has(v)
		if err != nil {
			return out, err
		}
		if found == wanted {
			kept = append(kept, v)
		}
	}
	if wanted {
		out, err = e.appendDistinct(out, len(out), kept)
	} else {
		out = append(out, kept...)
	}
	e.release(kept)
	e.release(other)
	return out, err
}

// indexNode is source[item].
type indexNode struct {
	pos          int
	source, item node
}

func (n *indexNode) eval(e *evaluation, f *frame, out Collection) (Collection, error) {
	source, owned, err := e.source(n.source, f)
	if err != nil {
		return out, err
	}
	item, err := e.operand(n.item, f)
	if err != nil {
		return out, err
	}
	if len(item) > 1 {
		return out, e.fail(n.pos, "An index is a single integer, found %d items.", len(item))
	}
	if len(item) == 1 {
		i, ok := item[0].Integer()
		if !ok {
			return out, e.fail(n.pos, "An index is an integer, found a %s.", item[0].TypeName())
		}
		if i >= 0 && i < int64(len(source)) {
			out = append(out, source[i])
		}
	}
	e.release(item)
	if owned {
		e.release(source)
	}
	return out, e.step(1)
}
