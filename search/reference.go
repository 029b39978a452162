package search

import (
	"cmp"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
)

// Match reports whether v meets c. Without a Type the ID may be of any type; without a Version
// any version does, with one only a reference to that version. An engine lowers it to equality on
// type and id (one for each of the parameter's targets without a Type) or on URL.
// https://hl7.org/fhir/R4/search.html#reference
func (c ReferenceCriterion) Match(v ReferenceValue) bool {
	if c.Version != "" && c.Version != v.Version {
		return false
	}
	if c.URL != "" {
		return c.URL == v.URL
	}
	return v.ID != "" && c.ID == v.ID && (c.Type == "" || c.Type == v.Type)
}

// To reports whether v points to the resource of this server.
func (v ReferenceValue) To(typ, id string) bool { return v.ID != "" && v.ID == id && v.Type == typ }

// String is what references are sorted by: Type/ID, else the URL, else system|value of the
// identifier.
func (v ReferenceValue) String() string {
	switch {
	case v.ID != "":
		return v.Type + "/" + v.ID
	case v.URL != "":
		return v.URL
	}
	return v.Identifier.System + "|" + v.Identifier.Code
}

func compareReferences(a, b ReferenceValue) int { return strings.Compare(a.String(), b.String()) }

var referenceConverters = map[string]func(*extraction, resources.Element){
	"Reference": (*extraction).reference,
	"canonical": (*extraction).canonical,
	"uri":       (*extraction).canonical,
	"url":       (*extraction).canonical,
	"string":    (*extraction).canonical,
}

func (x *extraction) reference(e resources.Element) {
	v := ReferenceValue{}
	if text := e.First("reference").Text(); text != "" {
		v = x.parseReference(text)
	}
	if identifier := e.First("identifier"); !identifier.IsZero() {
		identifierTokens(identifier, func(t TokenValue) { v.Identifier = t })
	}
	if v.ID != "" || v.URL != "" || v.Identifier.Code != "" {
		x.add(v)
	}
}

func (x *extraction) canonical(e resources.Element) {
	if text := e.Text(); text != "" {
		x.add(x.parseCanonical(text))
	}
}

// inline adds a resource that stands where a reference could: Bundle.entry[0].resource.
func (x *extraction) inline(e resources.Element) {
	if id := e.First("id").Text(); id != "" && isID(id) {
		x.add(ReferenceValue{Type: e.Type().Name, ID: id})
	}
}

// leadsTo decides "where(resolve() is X)" by what the reference itself tells: its address, the
// contained resource, Reference.type.
func (x *extraction) leadsTo(value Value, e resources.Element, target string) bool {
	v, _ := value.(ReferenceValue)
	typ := v.Type
	if id, ok := strings.CutPrefix(v.URL, "#"); ok {
		typ = x.containedType(id)
	} else if typ == "" {
		typ = typeInURL(v.URL)
	}
	if typ == "" {
		declared := e.First("type").Text()
		typ = declared[strings.LastIndexByte(declared, '/')+1:]
	}
	return typ == target
}

func (x *extraction) containedType(id string) string {
	if x.contained == nil {
		x.contained = map[string]string{"": x.container.Type().Name} // "#" is the container
		for c := range x.container.Child("contained") {
			if local := c.First("id").Text(); local != "" {
				x.contained[local] = c.Type().Name
			}
		}
	}
	return x.contained[id]
}

// typeInURL finds the type in http://elsewhere/fhir/Patient/1.
func typeInURL(url string) string {
	head, id := cutLast(url)
	_, typ := cutLast(head)
	if !strings.Contains(url, "://") || !isID(id) || definitions.R4().Resource(typ) == nil {
		return ""
	}
	return typ
}

// parseReference reads Reference.reference: https://hl7.org/fhir/R4/references.html#literal
func (p *Parameters) parseReference(text string) ReferenceValue {
	local, version := cutVersion(p.local(text))
	if typ, id, ok := strings.Cut(local, "/"); ok && isID(id) && definitions.R4().Resource(typ) != nil {
		return ReferenceValue{Type: typ, ID: id, Version: version}
	}
	if version != "" {
		text = text[:len(text)-len(historyMark)-len(version)]
	}
	return ReferenceValue{URL: text, Version: version}
}

// parseCanonical reads url|version: https://hl7.org/fhir/R4/references.html#canonical
func (p *Parameters) parseCanonical(text string) ReferenceValue {
	url, version, _ := strings.Cut(text, "|")
	v := p.parseReference(url)
	if v.Version == "" {
		v.Version = version
	}
	return v
}

// local cuts the server's own base off a URL.
func (p *Parameters) local(url string) string {
	base := p.options.BaseURL
	if base != "" && len(url) > len(base) && url[len(base)] == '/' && url[:len(base)] == base {
		return url[len(base)+1:]
	}
	return url
}

const historyMark = "/_history/"

// cutVersion cuts /_history/version off the end.
func cutVersion(url string) (rest, version string) {
	i := strings.LastIndex(url, historyMark)
	if i < 0 || !isID(url[i+len(historyMark):]) {
		return url, ""
	}
	return url[:i], url[i+len(historyMark):]
}

func cutLast(url string) (head, last string) {
	i := strings.LastIndexByte(url, '/')
	if i < 0 {
		return "", url
	}
	return url[:i], url[i+1:]
}

// isID reports whether s has the form of a logical id: https://hl7.org/fhir/R4/datatypes.html#id
func isID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}

// readReference reads "id", "Type/id", an absolute URL or a canonical, each with a version if need
// be. With :identifier it is a token, with :[type] the id of that type.
func readReference(r *reader, text string) (Criterion, *refusal) {
	if r.modifier == Identifier {
		return readToken(&reader{Parameters: r.Parameters, param: r.param}, text)
	}
	text, bad := unescape(text)
	if bad != nil {
		return nil, bad
	}
	if isID(text) {
		return ReferenceCriterion{Type: cmp.Or(r.target, r.param.target()), ID: text}, nil
	}
	v := r.parseCanonical(text)
	if v.ID == "" && !isAbsolute(v.URL) {
		return nil, refuse("%q is not a reference; expected an id, Type/id or an absolute URL", clip(text))
	}
	if r.target != "" && v.Type != r.target {
		return nil, refuse("%q does not name a %s", clip(text), r.target)
	}
	return ReferenceCriterion{Type: v.Type, ID: v.ID, URL: v.URL, Version: v.Version}, nil
}

// target is the type that all references of the parameter are to; "" where they may be to several.
func (p *Parameter) target() string {
	if len(p.Targets) == 1 && p.Targets[0] != "Resource" {
		return p.Targets[0]
	}
	return ""
}

// isAbsolute reports whether a URI begins with a scheme.
func isAbsolute(uri string) bool {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || scheme == "" || rest == "" {
		return false
	}
	for _, c := range []byte(scheme) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}
