package fhir

import (
	"context"
	"log/slog"
	"sync"

	"kiln/resources"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// SearchParameter resources whose status is active define what can be searched by, beyond R4:
// https://hl7.org/fhir/R4/searchparameter.html
const searchParameterType = "SearchParameter"

// epoch keeps the index values of a write and the set of parameters that they were made with
// together: whoever extracts and commits holds it for reading, whoever changes the set for writing. So
// nothing that was extracted with an older set lands after a newer one is in use.
type epoch struct {
	sync.RWMutex
	seen uint64 // value of the guard of the set that is in use; see rely
}

// enter waits until the writes may be tried, and gives what ends the attempt.
func (e *epoch) enter(defines bool) (leave func()) {
	if defines {
		e.Lock()
		return e.Unlock
	}
	e.RLock()
	return e.RUnlock
}

// defines reports whether a write may change the set of search parameters.
func (w *write) defines() bool { return w.address.Type == searchParameterType }

// revise compiles the definitions that the changes bring, before they are committed. The error is that
// of the definitions.
func (a *attempt) revise() error {
	changes := map[string]resources.Element{}
	places := map[string]string{}
	for i, change := range a.tx.Changes {
		if change.Key.Type != searchParameterType {
			continue
		}
		changes[change.Key.ID], places[change.Key.ID] = resources.Element{}, a.owners[i].place
		if change.Method != store.Delete {
			element, err := a.owners[i].stored.Resource()
			if err != nil {
				return err
			}
			changes[change.Key.ID] = element
		}
	}
	if len(changes) == 0 {
		return nil
	}
	revision, problems := a.service.params.Revise(changes)
	if err := refusedDefinitions(problems, places); err != nil {
		return err
	}
	a.revision = revision
	records, err := a.service.indexer.records(revision)
	a.tx.Records = append(a.tx.Records[:len(a.tx.Records):len(a.tx.Records)], records...)
	return err
}

// refusedDefinitions is the refusal of definitions, each at its place in the request.
func refusedDefinitions(problems map[string][]outcome.Issue, places map[string]string) error {
	var issues []outcome.Issue
	for id, some := range problems {
		if places[id] != "" {
			some = issuesWithin(some, places[id])
		}
		issues = append(issues, some...)
	}
	if refused := outcome.Of(issues[:min(len(issues), maxIssues)]...); refused != nil {
		return refused.In(outcome.StageContent)
	}
	return nil
}

// installed puts the definitions in use that have landed, and begins to index them.
func (a *attempt) installed() {
	if a.revision == nil {
		return
	}
	if !a.revision.Install() {
		a.service.options.Logger.Error("a search parameter was revised by someone else at the same time; it is in use after a restart")
		return
	}
	a.service.epoch.seen++
	a.service.indexer.follow(a.revision)
}

// InstallSearchParameters puts the definitions of a store in use: whoever extracts or searches without
// a Service calls it first. Those whose index was whole when the store was last in use are complete. A
// definition that cannot be used is reported and left out; the error is one of the store.
func InstallSearchParameters(ctx context.Context, s store.Store, params *search.Parameters, logger *slog.Logger) error {
	if err := installDefinitions(ctx, s, params, logger); err != nil {
		return err
	}
	return markComplete(ctx, s, params)
}

// installDefinitions puts the definitions that a reader sees in use, and only those.
func installDefinitions(ctx context.Context, reader store.Reader, params *search.Parameters, logger *slog.Logger) error {
	definitions, err := storedDefinitions(ctx, reader)
	if err != nil {
		return err
	}
	for _, c := range params.Customs() {
		if _, stays := definitions[c.ID]; !stays {
			definitions[c.ID] = resources.Element{}
		}
	}
	if len(definitions) == 0 {
		return nil
	}
	var revision *search.Revision
	for revision == nil {
		var problems map[string][]outcome.Issue
		if revision, problems = params.Revise(definitions); revision != nil {
			break
		}
		for id, issues := range problems {
			logger.Error("a stored SearchParameter cannot be used", slog.String("id", id), slog.String("reason", issues[0].Diagnostics))
			delete(definitions, id)
		}
		if len(problems[""]) > 0 {
			return outcome.Of(problems[""]...)
		}
	}
	revision.Install()
	return nil
}

// CompleteIndexes notes that the index of every search parameter in use is whole: after all of it was
// made anew.
func CompleteIndexes(ctx context.Context, s store.Store, params *search.Parameters) error {
	for _, c := range params.Customs() {
		j := &job{Kind: indexNew, Definition: c.ID, Digest: c.Digest(), Code: c.Definition.Code, URLs: []string{c.Definition.URL}, Names: namesOf(c), Types: c.Types(), Complete: true, key: indexKey(c)}
		if err := j.save(ctx, s); err != nil {
			return err
		}
	}
	params.Complete(params.Customs()...)
	return nil
}

// definitionIssues is what would be wrong with the definition of a search parameter, were it stored.
func (s *Service) definitionIssues(element resources.Element, id string) []outcome.Issue {
	if element.Type().Name != searchParameterType {
		return nil
	}
	_, problems := s.params.Revise(map[string]resources.Element{id: element})
	issues := problems[""]
	if id != "" {
		issues = append(issues, problems[id]...)
	}
	return issues
}

// storedDefinitions are the active SearchParameter resources of a store by id.
func storedDefinitions(ctx context.Context, reader store.Reader) (map[string]resources.Element, error) {
	definitions := map[string]resources.Element{}
	query := &search.Query{Count: search.DefaultCount, Total: search.TotalNone, Branches: []search.Branch{{Type: searchParameterType}}}
	for v, err := range store.Matches(ctx, reader, query) {
		if err != nil {
			return nil, err
		}
		element, err := parseStored(v)
		if err != nil {
			return nil, err
		}
		if element.First("status").Text() == "active" {
			definitions[v.ID] = element
		}
	}
	return definitions, nil
}

// markComplete completes the parameters that the records say are whole.
func markComplete(ctx context.Context, s store.Store, params *search.Parameters) error {
	jobs, err := readJobs(ctx, s.Records(indexBucket))
	if err != nil {
		return err
	}
	var whole []*search.Custom
	for _, c := range params.Customs() {
		if j := jobs[indexKey(c)]; j != nil && j.Digest == c.Digest() {
			c.SetProgress(j.Done, j.Total)
			c.AddFailed(j.Failed)
			if j.Complete {
				whole = append(whole, c)
			}
		}
	}
	params.Complete(whole...)
	return nil
}
