package fhir

import (
	"strconv"
	"strings"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/store"
)

// linkKind tells the places apart that may hold a link to a resource.
type linkKind uint8

const (
	notLink       linkKind = iota
	linkReference          // Reference.reference
	linkURL                // uri, url, oid, uuid; never canonical
	linkNarrative          // href and src in XHTML
)

// linkTypes are the primitive types whose values are links:
// https://hl7.org/fhir/R4/http.html#trules
var linkTypes = map[string]linkKind{
	"uri": linkURL, "url": linkURL, "oid": linkURL, "uuid": linkURL, "xhtml": linkNarrative,
}

// walkLinks visits everything in e that may hold a link. A Bundle in it is a world of its own and
// is not entered.
func walkLinks(e resources.Element, visit func(kind linkKind, e resources.Element)) {
	inReference := e.Type() != nil && e.Type().Name == "Reference"
	for c := e.All(); c.Next(); {
		child := c.Element
		typ := child.Type()
		if typ == nil {
			continue
		}
		if typ.Kind == definitions.KindPrimitive {
			kind := linkTypes[typ.Name]
			if inReference && child.Definition().Name == "reference" {
				kind = linkReference
			}
			if kind != notLink && child.HasValue() {
				visit(kind, child)
			}
			if child.Shadow() == resources.None {
				continue
			}
		}
		if typ.Name != "Bundle" {
			walkLinks(child, visit)
		}
	}
}

// local reads a reference to a resource of this server: Type/id, with /_history/v or without, below
// the base URL or relative. ok is false for any other.
func (s *Service) local(reference string) (key store.Key, version int64, ok bool) {
	if rest, below := strings.CutPrefix(reference, s.options.BaseURL+"/"); below {
		reference = rest
	}
	return splitReference(reference)
}

// splitReference reads Type/id or Type/id/_history/v.
func splitReference(reference string) (key store.Key, version int64, ok bool) {
	typ, rest, more := strings.Cut(reference, "/")
	id, history, versioned := strings.Cut(rest, "/")
	if !more || definitions.R4().Resource(typ) == nil || checkID(id) != nil {
		return key, 0, false
	}
	if versioned {
		text, isHistory := strings.CutPrefix(history, "_history/")
		v, err := strconv.ParseInt(text, 10, 64)
		if !isHistory || err != nil {
			return key, 0, false
		}
		version = v
	}
	return store.Key{Type: typ, ID: id}, version, true
}
