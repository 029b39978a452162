package fhirpath

// Filtering and projection: http://hl7.org/fhirpath/N1/#filtering-and-projection

var filterFunctions = map[string]function{
	"where":  {min: 1, max: 1, apply: where},
	"select": {min: 1, max: 1, apply: selectEach},
	"repeat": {min: 1, max: 1, apply: repeat},
	"sort":   {max: 16, prepare: prepareSort},

	// for trial use: https://build.fhir.org/ig/HL7/FHIRPath/#fn-repeatall
	"repeatAll": {min: 1, max: 1, apply: repeatAll},
	"coalesce":  {min: 1, max: 32, apply: coalesce},
}

func where(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	err := n.each(e, f, n.args[0], in, func(i int, c Collection) (bool, error) {
		ok, err := n.condition(e, c)
		if ok {
			out = append(out, in[i])
		}
		return true, err
	})
	return out, err
}

func selectEach(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	err := n.each(e, f, n.args[0], in, func(_ int, c Collection) (bool, error) {
		before := len(out)
		out = append(out, c...)
		return true, e.grown(out, before)
	})
	return out, err
}

// repeat adds what the projection gives for the input, then for that, until nothing new comes.
// Items equal to earlier ones are not new, so that it ends.
func repeat(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	start := len(out)
	found := set{e: e}
	queue := append(e.take(), in...)
	for len(queue) > 0 {
		next := e.take()
		err := n.each(e, f, n.args[0], queue, func(_ int, c Collection) (bool, error) {
			for _, v := range c {
				found.items = out[start:]
				known, err := found.has(v)
				if err != nil {
					return false, err
				}
				if known {
					continue
				}
				out, next = append(out, v), append(next, v)
				found.items = out[start:]
				found.add(v)
				if err := e.grown(out, len(out)-1); err != nil {
					return false, err
				}
			}
			return true, nil
		})
		if err != nil {
			return out, err
		}
		e.release(queue)
		queue = next
	}
	e.release(queue)
	return out, nil
}

// repeatAll is repeat without looking for duplicates; where it does not end by itself, the
// limits end it.
func repeatAll(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	queue := append(e.take(), in...)
	for len(queue) > 0 {
		next := e.take()
		err := n.each(e, f, n.args[0], queue, func(_ int, c Collection) (bool, error) {
			before := len(out)
			out, next = append(out, c...), append(next, c...)
			return true, e.grown(out, before)
		})
		if err != nil {
			return out, err
		}
		e.release(queue)
		queue = next
	}
	e.release(queue)
	return out, nil
}

// coalesce is the first argument that is not empty; those behind it are not evaluated. They see
// the input as $this, so that Patient.coalesce(name, …) reads as it looks.
func coalesce(e *evaluation, n *callNode, f *frame, in, out Collection) (Collection, error) {
	inner := e.enter(f)
	defer e.leave(inner)
	inner.this = in
	before := len(out)
	for _, arg := range n.args {
		inner.vars = f.vars
		var err error
		if out, err = arg.eval(e, inner, out); err != nil || len(out) > before {
			return out, err
		}
	}
	return out, nil
}
