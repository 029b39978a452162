package search

import (
	"strings"

	"kiln/resources"
)

// Match reports whether v meets c: equal as written; :below when v is c or lies under it in the
// hierarchy of the path, :above when c is v or lies under it. An engine lowers :below to the key
// range of the prefix and :above to equality on each prefix of c that ends before a separator.
// https://hl7.org/fhir/R4/search.html#uri
func (c URICriterion) Match(m Modifier, v URIValue) bool {
	switch m {
	case Below:
		return under(v.URI, c.URI)
	case Above:
		return under(c.URI, v.URI)
	}
	return v.URI == c.URI
}

// under reports whether uri is root or continues it at a separator: http://x/a/b is under
// http://x/a, http://x/ab is not.
func under(uri, root string) bool {
	if root == "" || !strings.HasPrefix(uri, root) {
		return false
	}
	return len(uri) == len(root) || isSeparator(root[len(root)-1]) || isSeparator(uri[len(root)])
}

// isSeparator tells the bytes that part the levels of a URL. The arcs of a URN are no levels: the
// specification keeps :above and :below to URLs.
func isSeparator(c byte) bool { return strings.IndexByte("/#?|", c) >= 0 }

func compareURIs(a, b URIValue) int { return strings.Compare(a.URI, b.URI) }

var uriConverters = map[string]func(*extraction, resources.Element){
	"uri":       (*extraction).uri,
	"url":       (*extraction).uri,
	"canonical": (*extraction).uri,
	"oid":       (*extraction).uri,
	"uuid":      (*extraction).uri,
}

func (x *extraction) uri(e resources.Element) {
	if text := e.Text(); text != "" {
		x.add(URIValue{URI: text})
	}
}

func readURI(_ *reader, text string) (Criterion, *refusal) {
	text, bad := unescape(text)
	if bad != nil {
		return nil, bad
	}
	return URICriterion{URI: text}, nil
}
