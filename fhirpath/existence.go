package fhirpath

// Existence: http://hl7.org/fhirpath/N1/#existence

var existenceFunctions = map[string]function{
	"empty":      {apply: isEmpty},
	"exists":     {max: 1, apply: exists},
	"all":        {min: 1, max: 1, apply: all},
	"allTrue":    {apply: quantified(true, true)},
	"anyTrue":    {apply: quantified(true, false)},
	"allFalse":   {apply: quantified(false, true)},
	"anyFalse":   {apply: quantified(false, false)},
	"subsetOf":   {min: 1, max: 1, apply: subsetOf},
	"supersetOf": {min: 1, max: 1, apply: supersetOf},
	"count":      {apply: count},
	"distinct":   {apply: distinct},
	"isDistinct": {apply: isDistinct},
	"not":        {apply: not},
}

func isEmpty(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return append(out, FromBoolean(len(in) == 0)), nil
}

func count(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return append(out, FromInteger(int64(len(in)))), nil
}

func not(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	if len(in) > 1 {
		return out, n.fail(e, "is called on a single item, found %d.", len(in))
	}
	if value, ok := in.Truth(); ok {
		out = append(out, FromBoolean(!value))
	}
	return out, nil
}

func exists(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	found := len(in) > 0
	if len(n.args) == 1 {
		found = false
		if err := n.each(e, f, n.args[0], in, func(_ int, c Collection) (bool, error) {
			ok, err := n.condition(e, c)
			found = ok
			return !ok, err
		}); err != nil {
			return out, err
		}
	}
	return append(out, FromBoolean(found)), nil
}

func all(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	held := true
	err := n.each(e, f, n.args[0], in, func(_ int, c Collection) (bool, error) {
		ok, err := n.condition(e, c)
		held = ok
		return ok, err
	})
	return append(out, FromBoolean(held)), err
}

// quantified makes allTrue and its like: every (or any) item is the wanted boolean.
func quantified(wanted, every bool) apply {
	return func(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
		result := every
		for _, v := range in {
			b, ok := v.Boolean()
			if !ok {
				return out, n.fail(e, "takes booleans, found a %s.", v.TypeName())
			}
			if (b == wanted) != every {
				result = !every
			}
		}
		return append(out, FromBoolean(result)), nil
	}
}

func subsetOf(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	other, err := e.operand(n.args[0], f)
	if err != nil {
		return out, err
	}
	is, err := e.subset(in, other)
	e.release(other)
	return append(out, FromBoolean(is)), err
}

func supersetOf(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	other, err := e.operand(n.args[0], f)
	if err != nil {
		return out, err
	}
	is, err := e.subset(other, in)
	e.release(other)
	return append(out, FromBoolean(is)), err
}

func (e *evaluation) subset(part, whole Collection) (bool, error) {
	s := e.setOf(whole)
	for _, v := range part {
		found, err := s.has(v)
		if err != nil || !found {
			return false, err
		}
	}
	return true, nil
}

func distinct(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	return e.appendDistinct(out, len(out), in)
}

func isDistinct(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	unique, err := e.appendDistinct(e.take(), 0, in)
	same := len(unique) == len(in)
	e.release(unique)
	return append(out, FromBoolean(same)), err
}
