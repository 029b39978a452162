package xmlformat

import (
	"errors"
	"fmt"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/resources/xmlformat/markup"
)

type typ = definitions.Type

// node is an element of the XML, or an attribute that is an element to FHIR, with its meaning.
// Nodes are linked by their places in the reader's list; 0 (the root) ends a chain.
type node struct {
	element     *definitions.Element // nil for the root
	typ         *typ
	name        string // the JSON member
	value       string // of a primitive
	start       int32  // in the source
	parent      int32
	child, last int32 // first and last child, of those that are the first of their name
	recent      int32 // the first child of the name that was read last
	next        int32 // sibling that is the first of its name
	same        int32 // sibling of the same name
	tail        int32 // last sibling of the same name; kept at the first one
	depth       uint8 // of the JSON object that holds the children
	flags       flags
}

type flags uint8

const (
	hasValue    flags = 1 << iota
	hasChildren       // children, id or url
	isResource
)

// reader builds the tree of one resource from tokens.
type reader struct {
	r      *markup.Reader
	nodes  []node
	issues []outcome.Issue
}

// maxIssues bounds how many problems are reported at once.
const maxIssues = 100

var errTooMany = errors.New("too many problems")

// report notes a problem of the content at a place in the source; path is of the element that
// it speaks of. The error ends the reading after maxIssues problems.
func (x *reader) report(at int, path, format string, args ...any) error {
	line, column := x.r.Position(at)
	x.issues = append(x.issues, outcome.Issue{
		Severity: outcome.SeverityError, Code: outcome.Structure, Diagnostics: fmt.Sprintf(format, args...),
		Expression: []string{path}, Line: line, Column: column,
	})
	if len(x.issues) == maxIssues {
		return errTooMany
	}
	return nil
}

// document reads the root and expects nothing but comments around it.
func (x *reader) document() error {
	for x.r.Next() {
		if x.r.Kind != markup.StartTag {
			continue
		}
		t, err := x.rootType()
		if err != nil {
			return err
		}
		x.nodes = append(x.nodes, node{typ: t, name: t.Name, start: int32(x.r.Start), depth: 1, flags: isResource})
		if err := x.resource(0); err != nil {
			return err
		}
	}
	return x.r.Err()
}

func (x *reader) rootType() (*typ, error) {
	name := x.r.Name
	if name.Space != FHIR {
		return nil, x.r.Fail(x.r.Start, "The root element <%s> is in the namespace %q; resources are in %q.", clip(name.Local), clip(name.Space), FHIR)
	}
	t := definitions.R4().Resource(name.Local)
	if t == nil {
		line, column := x.r.Position(x.r.Start)
		return nil, outcome.New(outcome.NotSupported, "%q is not a resource type of FHIR R4.", clip(name.Local)).
			AtPosition(line, column).In(outcome.StageSyntax)
	}
	return t, nil
}

// resource reads the attributes and children of the start tag of a resource.
func (x *reader) resource(n int32) error {
	for _, a := range x.r.Attributes {
		if a.Space == markup.XMLNS || n == 0 && a.Space == schemaInstance {
			continue
		}
		if err := x.unknownAttribute(n, a); err != nil {
			return err
		}
	}
	return x.children(n)
}

// children reads up to the end tag of n.
func (x *reader) children(n int32) error {
	for x.r.Next() {
		var err error
		switch x.r.Kind {
		case markup.EndTag:
			return nil
		case markup.StartTag:
			err = x.element(n)
		case markup.Text:
			if !x.r.Blank {
				err = x.report(x.r.Start, x.path(n), "The element holds text; FHIR writes values in the attribute \"value\".")
			}
		}
		if err != nil {
			return err
		}
	}
	return x.r.Err()
}

// element reads the element at a start tag as a child of parent.
func (x *reader) element(parent int32) error {
	start, name := x.r.Start, x.r.Name
	m, ok := x.nodes[parent].typ.Member(name.Local)
	space := FHIR
	if ok && m.Type == xhtml() {
		space = XHTML
	}
	switch {
	case name.Space != space && (ok || name.Space != FHIR):
		return x.refuseElement(parent, "The element <%s> is in the namespace %q; expected %q.", clip(name.Local), clip(name.Space), space)
	case !ok || m.Shadow:
		return x.refuseElement(parent, "%s has no element %q.", x.nodes[parent].typ.Name, clip(name.Local))
	case m.Element.Attribute:
		return x.refuseElement(parent, "%q is not an element but an attribute: %s=\"…\".", name.Local, name.Local)
	}
	n, err := x.add(parent, m, name.Local, start)
	if err != nil {
		return err
	}
	switch {
	case n == 0:
		return x.skip()
	case m.Type == xhtml():
		return x.narrative(n)
	case m.Type.Kind == definitions.KindResource:
		return x.contained(n)
	}
	before := len(x.issues)
	if err := x.attributes(n); err != nil {
		return err
	}
	if err := x.children(n); err != nil {
		return err
	}
	if v := &x.nodes[n]; v.typ.Primitive() && v.flags&(hasValue|hasChildren) == 0 && len(x.issues) == before {
		return x.report(start, x.path(n), "The element <%s> has neither a value nor extensions.", name.Local)
	}
	return nil
}

// add makes a node for a child of parent. Without node (0) the element was one too many, which
// is reported.
func (x *reader) add(parent int32, m definitions.Member, name string, start int) (int32, error) {
	p := &x.nodes[parent]
	depth := p.depth + 1
	if m.Element.List() {
		depth++
	}
	needed := depth
	if m.Type.Primitive() {
		needed--
	}
	if needed > resources.MaxDepth || p.depth > resources.MaxDepth {
		return 0, x.r.Fail(start, "Elements nest deeper than FHIR JSON may: %d levels of objects and arrays.", resources.MaxDepth)
	}
	first := x.sibling(parent, name)
	if first != 0 && !m.Element.List() {
		return 0, x.report(start, x.path(first), "The element <%s> appears twice; %s has at most one.", name, p.typ.Name)
	}
	n := int32(len(x.nodes))
	p.flags |= hasChildren
	switch {
	case first != 0:
		x.nodes[x.nodes[first].tail].same = n
		x.nodes[first].tail = n
		p.recent = first
	case p.child == 0:
		p.child, p.last, p.recent = n, n, n
	default:
		x.nodes[p.last].next = n
		p.last, p.recent = n, n
	}
	x.nodes = append(x.nodes, node{
		element: m.Element, typ: m.Type, name: name, start: int32(start), parent: parent, tail: n, depth: depth,
	})
	return n, nil
}

// sibling is the first child of parent with a name; 0 if there is none. It compares no more
// names than the type has.
func (x *reader) sibling(parent int32, name string) int32 {
	p := &x.nodes[parent]
	if p.recent != 0 && x.nodes[p.recent].name == name {
		return p.recent
	}
	for c := p.child; c != 0; c = x.nodes[c].next {
		if x.nodes[c].name == name {
			return c
		}
	}
	return 0
}

func (x *reader) refuseElement(parent int32, format string, args ...any) error {
	path := x.path(parent) + "." + clip(x.r.Name.Local)
	if err := x.report(x.r.Start, path, format, args...); err != nil {
		return err
	}
	return x.skip()
}

// skip reads to the end tag of the element whose start tag was read.
func (x *reader) skip() error {
	outside := x.r.Depth() - 1
	for x.r.Next() {
		if x.r.Kind == markup.EndTag && x.r.Depth() == outside {
			return nil
		}
	}
	return x.r.Err()
}

// contained reads the one resource inside an element such as Bundle.entry.resource.
func (x *reader) contained(n int32) error {
	for _, a := range x.r.Attributes {
		if a.Space != markup.XMLNS {
			if err := x.unknownAttribute(n, a); err != nil {
				return err
			}
		}
	}
	start, found := x.r.Start, false
	for x.r.Next() {
		var err error
		switch x.r.Kind {
		case markup.EndTag:
			if !found {
				return x.report(start, x.path(n), "The element <%s> holds no resource.", x.nodes[n].name)
			}
			return nil
		case markup.StartTag:
			err = x.inner(n, found)
			found = true
		case markup.Text:
			if !x.r.Blank {
				err = x.report(x.r.Start, x.path(n), "The element holds text where a resource was expected.")
			}
		}
		if err != nil {
			return err
		}
	}
	return x.r.Err()
}

func (x *reader) inner(n int32, second bool) error {
	name := x.r.Name
	t := definitions.R4().Resource(name.Local)
	switch {
	case second:
		return x.refuseElement(n, "The element <%s> holds a second resource; there is only one to each.", x.nodes[n].name)
	case name.Space != FHIR:
		return x.refuseElement(n, "The element <%s> is in the namespace %q; expected %q.", clip(name.Local), clip(name.Space), FHIR)
	case t == nil:
		return x.refuseElement(n, "%q is not a resource type of FHIR R4.", clip(name.Local))
	}
	x.nodes[n].typ = t
	x.nodes[n].flags |= isResource
	return x.resource(n)
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
