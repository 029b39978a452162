package fhir

import (
	"context"
	"net/url"
	"strings"

	"kiln/resources"
	"kiln/store"
)

// mostDefinitions is how many versions of a definition are looked through for the newest.
const mostDefinitions = 20

// Definition is the newest resource of a type that is stored under a canonical, with the version
// behind the bar if there is one, and that the caller in the context may see; a reference such as
// Questionnaire/a names it by its id. It is the hook that validation.Options ask for. False: there
// is none. https://hl7.org/fhir/R4/references.html#canonical
func (s *Service) Definition(ctx context.Context, typ, canonical string) (resources.Element, bool) {
	v, ok := s.defined(ctx, typ, canonical)
	if !ok {
		return resources.Element{}, false
	}
	doc, err := resources.Parse(v.Body)
	if err != nil {
		return resources.Element{}, false
	}
	e, err := doc.Resource()
	return e, err == nil
}

func (s *Service) defined(ctx context.Context, typ, canonical string) (store.Version, bool) {
	if id, ok := strings.CutPrefix(strings.TrimPrefix(canonical, s.options.BaseURL+"/"), typ+"/"); ok {
		v, err := s.Read(ctx, store.Key{Type: typ, ID: id})
		if err == nil {
			return v, true
		}
	}
	found, err := s.canonical(ctx, typ, canonical)
	if err != nil || len(found) == 0 {
		return store.Version{}, false
	}
	newest := found[0]
	for _, v := range found[1:] {
		if v.LastUpdated.After(newest.LastUpdated) {
			newest = v
		}
	}
	return newest, true
}

// canonical finds resources by their url and, if it is given, their version.
func (s *Service) canonical(ctx context.Context, typ, canonical string) ([]store.Version, error) {
	address, version, _ := strings.Cut(canonical, "|")
	query := "url=" + url.QueryEscape(searchEscapes.Replace(address))
	if version != "" {
		query += "&version=" + url.QueryEscape(searchEscapes.Replace(version))
	}
	c, err := s.criteria(typ, query)
	if err != nil {
		return nil, err
	}
	return s.find(ctx, s.store, c, mostDefinitions, nil)
}

// searchEscapes are the characters that mean something in the value of a parameter:
// https://hl7.org/fhir/R4/search.html#escaping
var searchEscapes = strings.NewReplacer(`\`, `\\`, `|`, `\|`, `,`, `\,`, `$`, `\$`)
