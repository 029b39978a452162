package markup

// namespacesOf declares the namespaces of a start tag and resolves the prefixes of its
// attributes: https://www.w3.org/TR/xml-names/#scoping
func (r *Reader) namespacesOf(prefixed bool) error {
	if !prefixed {
		return nil
	}
	for i := range r.Attributes {
		if err := r.declare(&r.Attributes[i]); err != nil {
			return err
		}
	}
	for i := range r.Attributes {
		a := &r.Attributes[i]
		if a.Prefix == "" || a.Space == XMLNS {
			continue
		}
		var err error
		if a.Space, err = r.resolvePrefix(a.Start, a.Prefix); err != nil {
			return err
		}
		for _, other := range r.Attributes[:i] {
			if other.Local == a.Local && other.Space == a.Space {
				return r.Fail(a.Start, "The attribute %q appears twice in the same tag, under two prefixes.", clip(a.Local))
			}
		}
	}
	return nil
}

// declare puts a into scope if it is a namespace declaration.
func (r *Reader) declare(a *Attribute) error {
	prefix := ""
	switch {
	case a.Prefix == "xmlns":
		prefix = a.Local
	case a.Prefix != "" || a.Local != "xmlns":
		return nil
	}
	a.Space = XMLNS
	switch {
	case prefix == "xmlns" || a.Value == XMLNS || (prefix == "xml") != (a.Value == XML):
		return r.Fail(a.Start, "The namespaces of xml and xmlns are fixed and must not be declared otherwise.")
	case prefix != "" && a.Value == "":
		return r.Fail(a.Start, "The prefix %q is declared without a namespace.", clip(prefix))
	case len(r.namespaces) == MaxNamespaces:
		return r.Fail(a.Start, "More than %d namespace declarations are in scope.", MaxNamespaces)
	}
	r.namespaces = append(r.namespaces, namespace{prefix, a.Value})
	return nil
}

// Namespace is the namespace that a prefix stands for at the last start tag; the empty prefix
// is the default namespace, which needs no declaration.
func (r *Reader) Namespace(prefix string) (uri string, declared bool) {
	for i := len(r.namespaces) - 1; i >= 0; i-- {
		if r.namespaces[i].prefix == prefix {
			return r.namespaces[i].uri, true
		}
	}
	return "", prefix == ""
}

func (r *Reader) resolvePrefix(at int, prefix string) (string, error) {
	uri, declared := r.Namespace(prefix)
	if !declared {
		return "", r.Fail(at, "The namespace prefix %q is not declared.", clip(prefix))
	}
	return uri, nil
}
