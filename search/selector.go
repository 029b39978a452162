package search

import (
	"strconv"
	"strings"

	"kiln/resources/definitions"
)

// selector is one path of an expression, as nearly all of R4's are written: members, narrowing to
// a type, a filter on a member or on the type that a reference points to. All selectors of a
// type are walked together (see plan), which costs a fraction of evaluating each expression.
type selector struct {
	head  string // the type that the path begins with, "%resource", or empty
	steps []step
	// target is the type of "where(resolve() is X)". It is told from the reference, not fetched.
	target string
}

// step is one part of a path; just one of child, narrow and where is set.
type step struct {
	child  string // member name, as FHIRPath has it
	item   int    // of the child: [item], or every
	narrow string // as(Type), ofType(Type)
	where  string // where(where = 'equals')
	equals string
}

const every = -1

// readSelectors reads an expression as the union of selectors; ok is false when it says more than
// selectors can.
func readSelectors(expression string) (selectors []*selector, ok bool) {
	r := selectorReader{tokens: tokenize(expression)}
	for {
		s := r.term()
		if s == nil {
			return nil, false
		}
		selectors = append(selectors, s)
		if r.done() {
			return selectors, true
		}
		if !r.skip("|") {
			return nil, false
		}
	}
}

// tokenize parts names, quoted texts and single signs; %name is one token.
func tokenize(s string) []string {
	var tokens []string
	for i := 0; i < len(s); {
		start := i
		switch c := s[i]; {
		case c == ' ' || c == '\n' || c == '\t':
			i++
			continue
		case c == '\'':
			i = len(s)
			if end := strings.IndexByte(s[start+1:], '\''); end >= 0 {
				i = start + end + 2
			}
		case isNameByte(c) || c == '%':
			for i++; i < len(s) && isNameByte(s[i]); i++ {
			}
		default:
			i++
		}
		tokens = append(tokens, s[start:i])
	}
	return tokens
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

type selectorReader struct {
	tokens []string
	at     int
}

func (r *selectorReader) done() bool { return r.at >= len(r.tokens) }

func (r *selectorReader) peek() string {
	if r.done() {
		return ""
	}
	return r.tokens[r.at]
}

func (r *selectorReader) next() string {
	t := r.peek()
	r.at++
	return t
}

// skip takes the tokens if they come next.
func (r *selectorReader) skip(tokens ...string) bool {
	for i, t := range tokens {
		if r.at+i >= len(r.tokens) || r.tokens[r.at+i] != t {
			return false
		}
	}
	r.at += len(tokens)
	return true
}

// name takes a name; empty if there is none.
func (r *selectorReader) name() string {
	t := r.peek()
	if t == "" || !isNameByte(t[len(t)-1]) || t[0] >= '0' && t[0] <= '9' {
		return ""
	}
	r.at++
	return t
}

// term reads a path or "(path as Type).more"; nil if it is neither.
func (r *selectorReader) term() *selector {
	s := &selector{}
	if r.skip("(") {
		if !r.path(s) || !r.skip("as") || !r.narrow(s) || !r.skip(")") {
			return nil
		}
		if !r.steps(s) {
			return nil
		}
		return s
	}
	if !r.path(s) {
		return nil
	}
	return s
}

// path reads a head (a type begins with a capital) and the steps after it.
func (r *selectorReader) path(s *selector) bool {
	first := r.name()
	switch {
	case first == "":
		return false
	case first[0] == '%' || first[0] >= 'A' && first[0] <= 'Z':
		s.head = first
	default:
		r.at--
		return r.step(s) && r.steps(s)
	}
	return r.steps(s)
}

func (r *selectorReader) steps(s *selector) bool {
	for r.skip(".") {
		if s.target != "" || !r.step(s) {
			return false // "where(resolve() is X)" only at the end
		}
	}
	return true
}

func (r *selectorReader) step(s *selector) bool {
	name := r.name()
	if r.peek() != "(" {
		if name == "" || name[0] == '%' {
			return false
		}
		item, ok := r.item()
		s.steps = append(s.steps, step{child: name, item: item})
		return ok
	}
	r.at++
	switch name {
	case "extension":
		return r.extension(s) && r.skip(")")
	case "as", "ofType":
		return r.narrow(s) && r.skip(")")
	case "where":
		return r.where(s) && r.skip(")")
	}
	return false
}

// item reads "[n]", if it is there.
func (r *selectorReader) item() (int, bool) {
	if !r.skip("[") {
		return every, true
	}
	n, err := strconv.Atoi(r.next())
	return n, err == nil && n >= 0 && r.skip("]")
}

func (r *selectorReader) narrow(s *selector) bool {
	name := r.name()
	s.steps = append(s.steps, step{narrow: name})
	return name != ""
}

func (r *selectorReader) where(s *selector) bool {
	if r.skip("resolve", "(", ")", "is") {
		s.target = r.name()
		return s.target != ""
	}
	name := r.name()
	if name == "" || !r.skip("=") {
		return false
	}
	text, ok := r.text()
	s.steps = append(s.steps, step{where: name, equals: text})
	return ok
}

// extension reads 'url', short for extension.where(url = 'url'):
// https://hl7.org/fhir/R4/fhirpath.html#functions
func (r *selectorReader) extension(s *selector) bool {
	url, ok := r.text()
	s.steps = append(s.steps, step{child: "extension", item: every}, step{where: "url", equals: url})
	return ok
}

// text takes a quoted text without escapes.
func (r *selectorReader) text() (string, bool) {
	text := r.next()
	if len(text) < 2 || text[0] != '\'' || text[len(text)-1] != '\'' || strings.ContainsRune(text, '\\') {
		return "", false
	}
	return text[1 : len(text)-1], true
}

// content is a type that a selector may lead to, with the binding of its element.
type content struct {
	content *definitions.Type
	binding definitions.Binding
}

// content follows the selector from a type by the element table.
func (s *selector) content(from *definitions.Type) []content {
	at := []content{{content: from}}
	for _, step := range s.steps {
		var next []content
		for _, c := range at {
			next = append(next, step.from(c)...)
		}
		at = next
	}
	return at
}

func (s step) from(c content) []content {
	switch {
	case s.narrow != "":
		switch t := fhirType(s.narrow); {
		case t == nil:
			return nil
		case c.content.Is(t.Name):
			return []content{c}
		case t.Is(c.content.Name): // Bundle.entry.resource as Composition
			return []content{{t, c.binding}}
		}
		return nil
	case s.where != "":
		return []content{c}
	}
	e := c.content.Element(s.child)
	if e == nil {
		return nil
	}
	var list []content
	for _, ref := range e.Types {
		list = append(list, content{ref.Type, e.Binding})
	}
	return list
}
