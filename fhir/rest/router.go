package rest

import (
	"net/http"
	"strings"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
)

// router finds the route of a request: a tree over the parts of the address. Every part of a
// pattern is a word ("_history"), "$[name]", or a place for a type, an id or a version.
type router struct {
	root  node
	types *definitions.Definitions
}

type node struct {
	words     []branch
	operation *node // $[name]
	typ       *node // [type]
	other     *node // [id] or [vid]
	routes    []*route
	allow     string // of OPTIONS and 405
}

type branch struct {
	word string
	next *node
}

func newRouter(table []*route) *router {
	r := &router{types: definitions.R4()}
	for _, to := range table {
		r.root.add(strings.Split(to.path, "/"), to)
	}
	r.root.finish()
	return r
}

func (n *node) add(parts []string, to *route) {
	if len(parts) == 0 || parts[0] == "" {
		n.routes = append(n.routes, to)
		return
	}
	n.child(parts[0]).add(parts[1:], to)
}

func (n *node) child(part string) *node {
	var place **node
	switch part {
	case "[type]", "[member]":
		place = &n.typ
	case "[id]", "[vid]":
		place = &n.other
	case "$[name]":
		place = &n.operation
	default:
		for _, b := range n.words {
			if b.word == part {
				return b.next
			}
		}
		n.words = append(n.words, branch{part, &node{}})
		return n.words[len(n.words)-1].next
	}
	if *place == nil {
		*place = &node{}
	}
	return *place
}

// finish lists the methods of every address, in the order of the table; GET brings HEAD.
func (n *node) finish() {
	if n == nil {
		return
	}
	var methods []string
	for _, r := range n.routes {
		if methods = append(methods, r.method); r.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	if len(methods) > 0 {
		n.allow = strings.Join(append(methods, http.MethodOptions), ", ")
	}
	for _, b := range n.words {
		b.next.finish()
	}
	n.operation.finish()
	n.typ.finish()
	n.other.finish()
}

// find walks the address. The error is 404: an unknown type (not-supported) or an address that
// no interaction has (not-found).
func (r *router) find(s *segments) (*node, error) {
	n := &r.root
	for _, part := range s.all() {
		next, err := r.step(n, part)
		if err != nil {
			return nil, err
		}
		n = next
	}
	if n.allow == "" {
		return nil, noSuchAddress()
	}
	return n, nil
}

func (r *router) step(n *node, part string) (*node, error) {
	for i := range n.words {
		if n.words[i].word == part {
			return n.words[i].next, nil
		}
	}
	switch {
	case part[0] == '$' && n.operation != nil && len(part) > 1:
		return n.operation, nil
	case n.typ != nil:
		if r.types.Resource(part) != nil {
			return n.typ, nil
		}
		if !strings.ContainsAny(part[:1], "_.$") {
			return nil, outcome.New(outcome.NotSupported, "%q is not a resource type of FHIR R4.", clip(part))
		}
	case n.other != nil:
		return n.other, nil
	}
	return nil, noSuchAddress()
}

func noSuchAddress() error {
	return outcome.New(outcome.NotFound, "There is nothing at this address: no interaction of FHIR has such a path.")
}

// method finds the route for a method; HEAD is GET without the body. nil when there is none.
func (n *node) method(method string) *route {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, r := range n.routes {
		if r.method == method {
			return r
		}
	}
	return nil
}
