package fhir

import (
	"context"
	"fmt"

	"kiln/conformance/terminology"
	"kiln/fhirpath"
	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// terms answers what one request asks of value sets and code systems: those of the store that the
// caller may search, then those of R4. It asks the store once for each; it is for one goroutine.
type terms struct {
	ctx     context.Context // of the request, for search.Terminology
	service *Service
	reader  store.Reader

	composed *terminology.Service     // made when first asked
	found    map[string]store.Version // by type and canonical; without id where there is none
}

func (s *Service) terms(ctx context.Context, reader store.Reader) *terms {
	return &terms{ctx: ctx, service: s, reader: reader}
}

func (t *terms) terminology() *terminology.Service {
	if t.composed != nil {
		return t.composed
	}
	t.found = map[string]store.Version{}
	source := terminology.First(t, terminology.Embedded())
	if _, ok := t.reader.(preview); ok { // its versions may never come to be, and others have their numbers then
		t.composed = terminology.New(source, terminology.Limits{})
	} else {
		t.composed = t.service.terminology.On(source)
	}
	return t.composed
}

// MemberOf answers FHIRPath's memberOf().
func (t *terms) MemberOf(ctx context.Context, coded fhirpath.Value, valueSet string) (bool, error) {
	return t.terminology().MemberOf(ctx, coded, valueSet)
}

// CodeSystem implements terminology.Source.
func (t *terms) CodeSystem(ctx context.Context, url, version string) (terminology.Found[terminology.CodeSystem], error) {
	return foundTerms(ctx, t, "CodeSystem", url, version, terminology.ReadCodeSystem)
}

// ValueSet implements terminology.Source.
func (t *terms) ValueSet(ctx context.Context, url, version string) (terminology.Found[terminology.ValueSet], error) {
	return foundTerms(ctx, t, "ValueSet", url, version, terminology.ReadValueSet)
}

func foundTerms[T any](ctx context.Context, t *terms, typ, url, version string, read func(resources.Element) *T) (terminology.Found[T], error) {
	v, err := t.find(ctx, typ, url, version)
	if err != nil || v.ID == "" {
		return terminology.Found[T]{}, err
	}
	return terminology.Found[T]{Revision: fmt.Sprintf("%s/_history/%d", v.Key, v.VersionID), Load: func() (*T, error) {
		element, err := parseStored(v)
		if err != nil {
			return nil, err
		}
		return read(element), nil
	}}, nil
}

// find gives the resource with a canonical URL, of several the one updated last, or the ValueSet at
// an address; none is no error.
func (t *terms) find(ctx context.Context, typ, url, version string) (store.Version, error) {
	key := typ + " " + url + "|" + version
	if v, known := t.found[key]; known {
		return v, nil
	}
	v, err := t.service.byURL(ctx, t.reader, typ, url, version)
	if err == nil && v.ID == "" && typ == "ValueSet" && version == "" {
		v, err = t.service.byAddress(ctx, t.reader, typ, url)
	}
	if err != nil {
		return store.Version{}, err
	}
	t.found[key] = v
	return v, nil
}

// In implements search.Terminology.
func (t *terms) In(valueSet string, limit int) ([]search.Code, error) {
	return searchCodes(t.terminology().Expand(t.ctx, valueSet, limit))
}

// Below implements search.Terminology.
func (t *terms) Below(system, code string, _ int) ([]search.Code, error) {
	return searchCodes(t.terminology().Descendants(t.ctx, system, code))
}

// Above implements search.Terminology.
func (t *terms) Above(system, code string, _ int) ([]search.Code, error) {
	return searchCodes(t.terminology().Ancestors(t.ctx, system, code))
}

func searchCodes(codings []terminology.Coding, err error) ([]search.Code, error) {
	codes := make([]search.Code, len(codings))
	for i, c := range codings {
		codes[i] = search.Code{System: c.System, Code: c.Code}
	}
	return codes, err
}
