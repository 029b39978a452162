package fhirpath

import "github.com/cockroachdb/apd/v3"

// set finds equal values. Small ones compare with each; beyond that, values whose equality is
// that of a text are found by it, so that sets of many strings and numbers take linear time.
type set struct {
	e     *evaluation
	items Collection
	byKey map[string]struct{}
	rest  Collection // those without a key, if byKey is used
}

const smallSet = 16

func (e *evaluation) setOf(items Collection) *set {
	s := &set{e: e, items: items}
	if len(items) > smallSet {
		s.index()
	}
	return s
}

func (s *set) index() {
	s.byKey = make(map[string]struct{}, 2*len(s.items))
	for _, v := range s.items {
		s.keep(v)
	}
}

func (s *set) keep(v Value) {
	if key, ok := v.key(); ok {
		s.byKey[key] = struct{}{}
	} else {
		s.rest = append(s.rest, v)
	}
}

// has reports whether an equal value is in the set; what is not known to be equal is not.
func (s *set) has(v Value) (bool, error) {
	candidates := s.items
	if s.byKey != nil {
		key, ok := v.key()
		if _, found := s.byKey[key]; ok && found {
			return true, nil
		}
		if ok || v.isComplex() { // 1 = 1 '1' is true, so what has a key may equal what has none
			candidates = s.rest
		}
	}
	x, ok := v.system()
	for i := range candidates {
		if err := s.e.step(1); err != nil {
			return false, err
		}
		if equal, known, err := s.e.equalTo(v, x, ok, candidates[i]); equal && known || err != nil {
			return equal && known, err
		}
	}
	return false, nil
}

// add puts v into the set unless it is there; the set's items must be those of out[start:].
func (s *set) add(v Value) {
	if s.byKey == nil && len(s.items) > smallSet {
		s.index()
	} else if s.byKey != nil {
		s.keep(v)
	}
}

// key is a text that equal values share and others do not; false for values whose equality has
// rules of its own.
func (v Value) key() (string, bool) {
	s, ok := v.system()
	if !ok || v.isComplex() {
		return "", false
	}
	switch s.kind {
	case kindString:
		return "s" + s.text, true
	case kindBoolean:
		return "b" + s.Text(), true
	case kindInteger, kindLong:
		return "n" + s.Text(), true
	case kindDecimal:
		var d apd.Decimal
		d.Reduce(s.decimal())
		return "n" + d.Text('f'), true
	}
	return "", false
}

// appendDistinct appends the items that are not yet in out[start:].
func (e *evaluation) appendDistinct(out Collection, start int, items Collection) (Collection, error) {
	s := set{e: e, items: out[start:]}
	if len(s.items) > smallSet {
		s.index()
	}
	for _, v := range items {
		found, err := s.has(v)
		if err != nil {
			return out, err
		}
		if found {
			continue
		}
		before := len(out)
		out = append(out, v)
		s.items = out[start:]
		s.add(v)
		if err := e.grown(out, before); err != nil {
			return out, err
		}
	}
	return out, nil
}
