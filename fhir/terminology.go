package fhir

import (
	"context"
	"fmt"
	"strings"

	"kiln/conformance/terminology"
	"kiln/fhirpath"
	"kiln/resources"
	"kiln/resources/outcome"
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
	if t.composed == nil {
		t.composed, t.found = t.service.terminology.On(terminology.First(t, terminology.Embedded())), map[string]store.Version{}
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
	v, err := t.byURL(ctx, typ, url, version)
	if err == nil && v.ID == "" && typ == "ValueSet" && version == "" {
		v, err = t.byAddress(ctx, url)
	}
	if err != nil {
		return store.Version{}, err
	}
	t.found[key] = v
	return v, nil
}

func (t *terms) byURL(ctx context.Context, typ, url, version string) (store.Version, error) {
	filter := search.And{search.Test{Param: t.service.params.Lookup(typ, "url"), Any: []search.Criterion{search.URICriterion{URI: url}}}}
	if version != "" {
		filter = append(filter, search.Test{Param: t.service.params.Lookup(typ, "version"), Any: []search.Criterion{search.TokenCriterion{Code: version, AnySystem: true}}})
	}
	return t.first(ctx, typ, filter)
}

// byAddress finds ValueSet/id, relative or below the base of this server.
func (t *terms) byAddress(ctx context.Context, url string) (store.Version, error) {
	id, ok := strings.CutPrefix(strings.TrimPrefix(url, t.service.options.BaseURL+"/"), "ValueSet/")
	if !ok || checkID(id) != nil {
		return store.Version{}, nil
	}
	return t.first(ctx, "ValueSet", search.Test{Param: t.service.params.Lookup("ValueSet", "_id"), Any: []search.Criterion{search.TokenCriterion{Code: id, AnySystem: true}}})
}

// first is the match that was updated last, of those that the caller may see.
func (t *terms) first(ctx context.Context, typ string, filter search.Expr) (store.Version, error) {
	query := &search.Query{
		Count: 1, Total: search.TotalNone, Branches: []search.Branch{{Type: typ, Filter: filter}},
		Sort: []search.SortKey{{Params: []*search.Parameter{t.service.params.Lookup(typ, "_lastUpdated")}, Descending: true}},
	}
	narrowed, err := t.service.narrow(ctx, Action{Interaction: SearchType, Type: typ}, query)
	if outcome.Is(err, outcome.Forbidden) {
		return store.Version{}, nil // what may not be searched is not there
	}
	if err != nil {
		return store.Version{}, err
	}
	page, err := t.reader.Search(ctx, narrowed, nil)
	if err != nil || len(page.Matches) == 0 {
		return store.Version{}, err
	}
	return page.Matches[0], nil
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
