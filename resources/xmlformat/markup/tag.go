package markup

// startTag reads a start tag or an empty-element tag: https://www.w3.org/TR/xml/#sec-starttags
func (r *Reader) startTag() error {
	start := r.at
	if r.rooted && len(r.open) == 0 {
		return r.Fail(start, "There is a second root element.")
	}
	if len(r.open) == MaxDepth {
		return r.Fail(start, "Elements nest deeper than %d levels.", MaxDepth)
	}
	r.at++
	name, err := r.qualifiedName("the name of an element")
	if err != nil {
		return err
	}
	r.open = append(r.open, element{name: name, start: start, namespaces: len(r.namespaces)})
	if err := r.attributes(); err != nil {
		return err
	}
	if name.Space, err = r.resolvePrefix(start+1, name.Prefix); err != nil {
		return err
	}
	r.open[len(r.open)-1].name.Space = name.Space
	r.Kind, r.Name, r.rooted = StartTag, name, true
	return nil
}

// attributes reads the rest of a start tag.
func (r *Reader) attributes() error {
	r.Attributes = r.Attributes[:0]
	prefixed := false
	for {
		spaced := r.space()
		if r.at >= len(r.src) {
			return r.unexpected(`the end of a tag`)
		}
		switch r.src[r.at] {
		case '>':
			r.at++
			return r.namespacesOf(prefixed)
		case '/':
			if r.at++; r.at >= len(r.src) || r.src[r.at] != '>' {
				return r.unexpected(`">"`)
			}
			r.at++
			r.Empty = true
			return r.namespacesOf(prefixed)
		}
		if !spaced {
			return r.unexpected(`white space, ">" or "/>"`)
		}
		if err := r.attribute(); err != nil {
			return err
		}
		a := &r.Attributes[len(r.Attributes)-1]
		prefixed = prefixed || a.Prefix != "" || a.Local == "xmlns"
	}
}

func (r *Reader) attribute() error {
	if len(r.Attributes) == MaxAttributes {
		return r.Fail(r.at, "A tag has more than %d attributes.", MaxAttributes)
	}
	start := r.at
	name, err := r.qualifiedName("the name of an attribute")
	if err != nil {
		return err
	}
	for i := range r.Attributes {
		if r.Attributes[i].Local == name.Local && r.Attributes[i].Prefix == name.Prefix {
			return r.Fail(start, "The attribute %q appears twice in the same tag.", clip(name.qualified()))
		}
	}
	value, err := r.equals()
	if err != nil {
		return err
	}
	if value, err = r.normalize(r.at-1-len(value), value); err != nil {
		return err
	}
	r.Attributes = append(r.Attributes, Attribute{Name: name, Value: value, Start: start})
	return nil
}

func (r *Reader) endTag() error {
	start := r.at
	r.at += len("</")
	name, err := r.qualifiedName("the name of an element")
	if err != nil {
		return err
	}
	r.space()
	if r.at >= len(r.src) || r.src[r.at] != '>' {
		return r.unexpected(`">"`)
	}
	r.at++
	if len(r.open) == 0 {
		return r.Fail(start, "The end tag </%s> has no start tag.", clip(name.qualified()))
	}
	last := r.open[len(r.open)-1]
	if last.name.Local != name.Local || last.name.Prefix != name.Prefix {
		return r.Fail(start, "The end tag </%s> was found where </%s> was expected.", clip(name.qualified()), clip(last.name.qualified()))
	}
	r.Kind, r.Name = EndTag, last.name
	r.close()
	return nil
}

// close leaves the innermost element and its namespaces.
func (r *Reader) close() {
	last := r.open[len(r.open)-1]
	r.open = r.open[:len(r.open)-1]
	r.namespaces = r.namespaces[:last.namespaces]
}

// qualifiedName reads prefix:local; the namespace is found later.
func (r *Reader) qualifiedName(what string) (Name, error) {
	start := r.at
	text, err := r.name(what)
	if err != nil {
		return Name{}, err
	}
	colon := -1
	for i := range len(text) {
		if text[i] != ':' {
			continue
		}
		if colon >= 0 || i == 0 || i == len(text)-1 || !startsName(text[i+1:]) {
			return Name{}, r.Fail(start, "%q is not a name with at most one prefix.", clip(text))
		}
		colon = i
	}
	if colon < 0 {
		return Name{Local: text}, nil
	}
	return Name{Prefix: text[:colon], Local: text[colon+1:]}, nil
}

func (n Name) qualified() string {
	if n.Prefix == "" {
		return n.Local
	}
	return n.Prefix + ":" + n.Local
}
