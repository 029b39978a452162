package fhir

import (
	"context"
	"fmt"
	"hash/fnv"
	"strconv"
	"sync"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// checkIntegrity refuses changes that would leave references without what they refer to:
// https://hl7.org/fhir/R4/http.html#referential-integrity
func (a *attempt) checkIntegrity(ctx context.Context) error {
	if a.service.options.Integrity == IntegrityOff {
		return nil
	}
	var over map[store.Key]*search.Resource
	for i, change := range a.tx.Changes {
		if change.Method != store.Delete {
			continue
		}
		if over == nil {
			over = a.overlay()
		}
		if err := a.checkDelete(ctx, change.Key, over); err != nil {
			return within(err, a.owners[i].place)
		}
	}
	if a.service.options.Integrity == IntegrityFull {
		return a.checkReferences(ctx)
	}
	return nil
}

// checkDelete refuses to delete what others refer to.
func (a *attempt) checkDelete(ctx context.Context, key store.Key, over map[store.Key]*search.Resource) error {
	if a.service.options.Integrity == IntegrityFull {
		if err := a.guard(ctx, targetGuard(key)); err != nil {
			return err
		}
	}
	count, err := a.service.countReferrers(ctx, a.reader, key, over)
	if err != nil {
		return err
	}
	if count == 0 {
		return nil
	}
	noun := "resources refer"
	if count == 1 {
		noun = "resource refers"
	}
	return outcome.New(outcome.Conflict, "%s cannot be deleted: %d %s to it.", key, count, noun)
}

// countReferrers counts the resources that would refer to key once the changes laid over are done.
// References of a resource to itself do not count. Only those count that the caller may see.
func (s *Service) countReferrers(ctx context.Context, reader store.Reader, key store.Key, over map[store.Key]*search.Resource) (int64, error) {
	all := s.referrers(key)
	query, err := s.narrow(ctx, Action{Interaction: SearchType}, all)
	if outcome.Is(err, outcome.Forbidden) || err == nil && len(query.Branches) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(over) <= 1 { // nothing but the deleted resource itself
		return reader.Count(ctx, query)
	}
	count := int64(0)
	for v, err := range store.Matches(ctx, reader, query) {
		if err != nil {
			return 0, err
		}
		if _, changed := over[v.Key]; !changed {
			count++
		}
	}
	for other, image := range over {
		if image == nil || other == key {
			continue
		}
		ok, err := all.Match(ctx, *image, nil)
		if err != nil {
			return 0, err
		}
		if ok {
			count++
		}
	}
	return count, nil
}

// referrers is the query for all that refer to key.
func (s *Service) referrers(key store.Key) *search.Query {
	query := &search.Query{Count: search.MaxCount}
	to := []search.Criterion{search.ReferenceCriterion{Type: key.Type, ID: key.ID}}
	for _, r := range s.referringTo(key.Type) {
		some := make(search.Or, len(r.params))
		for i, param := range r.params {
			some[i] = search.Test{Param: param, Any: to}
		}
		var filter search.Expr = some
		if r.typ == key.Type {
			self := search.Test{Param: s.params.ID(), Any: []search.Criterion{search.TokenCriterion{Code: key.ID, AnySystem: true}}}
			filter = search.And{some, search.Not{Of: self}}
		}
		query.Branches = append(query.Branches, search.Branch{Type: r.typ, Filter: filter})
	}
	return query
}

// tells reports whether a parameter of a type finds what only tells of something that happened: of versions, which stay when a
// resource is deleted, so that it holds nothing.
func tells(typ, param string) bool {
	return typ == "AuditEvent" || typ == "Provenance" && (param == "target" || param == "patient")
}

// referringType is a type with its parameters that may point to another type.
type referringType struct {
	typ    string
	params []*search.Parameter
}

// referringTo lists the types that may refer to a type; the list is worked out once for as long as
// there are the same search parameters.
func (s *Service) referringTo(target string) []referringType {
	lists := s.referring.of(s.params.Generation(), func() *sync.Map { return &sync.Map{} })
	if known, ok := lists.Load(target); ok {
		return known.([]referringType)
	}
	var list []referringType
	for _, typ := range definitions.R4().ResourceNames() {
		var params []*search.Parameter
		for _, param := range s.params.Of(typ) {
			if param.Refers(target) && !tells(typ, param.Code) {
				params = append(params, param)
			}
		}
		if len(params) > 0 {
			list = append(list, referringType{typ, params})
		}
	}
	lists.Store(target, list)
	return list
}

// checkReferences refuses references to what is not there, and makes the commit fail if one of the
// targets is deleted meanwhile.
func (a *attempt) checkReferences(ctx context.Context) error {
	written := make(map[store.Key]bool, len(a.tx.Changes))
	for _, change := range a.tx.Changes {
		written[change.Key] = change.Method != store.Delete
	}
	for i, change := range a.tx.Changes {
		if change.Method == store.Delete {
			continue
		}
		if err := a.checkReferencesOf(ctx, a.owners[i], written); err != nil {
			return within(err, a.owners[i].place)
		}
	}
	return nil
}

func (a *attempt) checkReferencesOf(ctx context.Context, w *write, written map[store.Key]bool) error {
	element, err := w.stored.Resource()
	if err != nil {
		return err
	}
	var issues []outcome.Issue
	walkLinks(element, func(kind linkKind, e resources.Element) {
		key, _, ok := a.service.local(e.Text())
		if kind != linkReference || !ok || err != nil || len(issues) >= maxIssues {
			return
		}
		exists, changed := written[key]
		if !changed {
			exists, err = a.isThere(ctx, key)
		}
		if err == nil && !exists {
			issues = append(issues, outcome.Issue{
				Severity: outcome.SeverityError, Code: outcome.Conflict, Expression: []string{e.Path()},
				Diagnostics: fmt.Sprintf("The reference is to %s, which does not exist.", key),
			})
		}
	})
	if err != nil {
		return err
	}
	if refused := outcome.Of(issues...); refused != nil {
		return refused
	}
	return nil
}

// isThere reports whether the caller can refer to a resource, and holds it there until the commit.
func (a *attempt) isThere(ctx context.Context, key store.Key) (bool, error) {
	if err := a.guard(ctx, targetGuard(key)); err != nil {
		return false, err
	}
	_, err := a.service.read(ctx, a.reader, key)
	switch {
	case outcome.Is(err, outcome.NotFound), outcome.Is(err, outcome.Deleted):
		return false, nil
	}
	return err == nil, err
}

// targetGuard is what a write that refers to a resource and the delete of that resource contend for.
func targetGuard(key store.Key) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key.String()))
	return "fhir/target/" + strconv.FormatUint(uint64(h.Sum32()%guardStripes), 36)
}

// maxIssues is how many problems of one kind are listed.
const maxIssues = 100
