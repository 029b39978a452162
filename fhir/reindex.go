package fhir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"kiln/resources/definitions"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// reindexOperation makes index values anew from the resources, in the background, and tells how far
// that is. POST begins it; GET tells alone. R4 has no such operation.
var reindexOperation = Operation{
	Name: "reindex", Levels: LevelSystem | LevelType | LevelInstance, Types: []string{searchParameterType},
	AffectsState: true, Shows: true,
	Parameters: []OperationParameter{{Name: "url", Type: "uri"}, {Name: "type", Type: "code"}},
	Handler:    callReindex,
}

func callReindex(ctx context.Context, s *Service, call OperationRequest) (OperationResult, error) {
	if err := call.checkNames(); err != nil {
		return OperationResult{}, err
	}
	if err := s.catchUp(ctx); err != nil {
		return OperationResult{}, refusal(err, store.Key{})
	}
	if call.ID != "" {
		return s.reindexOne(ctx, call)
	}
	scope := reindexScope{urls: call.texts("url"), types: call.texts("type")}
	if err := scope.check(s.params); err != nil {
		return OperationResult{}, err
	}
	if call.Post {
		if err := s.indexer.refresh(ctx, scope); err != nil {
			return OperationResult{}, refusal(err, store.Key{})
		}
	}
	defer s.indexer.kick() // so that the answer tells where it begins
	return OperationResult{Resource: s.indexer.answer(scope.covers)}, nil
}

// checkNames refuses what $reindex does not take: passed over, it would make the call one for everything.
func (r OperationRequest) checkNames() error {
	if r.Body != nil && !r.hasParameters() {
		return invalid("The operation $%s takes a Parameters resource or nothing; the body is another resource.", r.Name)
	}
	taken := []string{"url", "type"}
	valid := "valid are url and type"
	if r.ID != "" {
		taken, valid = nil, "of one definition it takes none"
	}
	names, err := r.names()
	if err != nil {
		return err
	}
	var issues []outcome.Issue
	for _, name := range names {
		if !slices.Contains(taken, name) {
			issues = append(issues, failed(outcome.NotSupported, "The operation $"+r.Name+" has no parameter \""+clip(name)+"\"; "+valid+".", ""))
		}
	}
	if refused := outcome.Of(issues[:min(len(issues), maxIssues)]...); refused != nil {
		return refused.In(outcome.StageSyntax)
	}
	return nil
}

// names are those of all parameters of a call.
func (r OperationRequest) names() ([]string, error) {
	var names []string
	if r.hasParameters() {
		root, err := r.Body.Resource()
		if err != nil {
			return nil, err
		}
		for p := range root.Child("parameter") {
			names = append(names, p.First("name").Text())
		}
	}
	pairs, err := search.ReadQueryString(r.Query)
	for _, pair := range pairs {
		names = append(names, pair.Name)
	}
	return names, err
}

// reindexOne is $reindex of one definition.
func (s *Service) reindexOne(ctx context.Context, call OperationRequest) (OperationResult, error) {
	v, err := s.Read(ctx, store.Key{Type: call.Type, ID: call.ID})
	if err != nil {
		return OperationResult{}, err
	}
	all := s.params.Customs()
	i := slices.IndexFunc(all, func(c *search.Custom) bool { return c.ID == call.ID })
	if i < 0 {
		return OperationResult{}, outcome.New(outcome.Conflict, "%s is not in use: only a definition whose status is active is indexed.", v.Key)
	}
	scope := reindexScope{urls: []string{all[i].Definition.URL}}
	if call.Post {
		if err := s.indexer.refresh(ctx, scope); err != nil {
			return OperationResult{}, refusal(err, v.Key)
		}
	}
	defer s.indexer.kick() // so that the answer tells where it begins
	return OperationResult{Resource: s.indexer.answer(scope.covers)}, nil
}

// texts are the values of a primitive parameter that may repeat.
func (r OperationRequest) texts(name string) []string {
	var list []string
	if r.hasParameters() {
		if root, err := r.Body.Resource(); err == nil {
			for p := range root.Child("parameter") {
				if text := p.First("value").Text(); p.First("name").Text() == name && text != "" {
					list = append(list, text)
				}
			}
		}
	}
	pairs, err := search.ReadQueryString(r.Query)
	if err != nil {
		return list
	}
	for _, pair := range pairs {
		if pair.Name == name {
			list = append(list, pair.Value)
		}
	}
	return list
}

// reindexScope is what a call is about: the parameters with these URLs, on these types; empty is all.
type reindexScope struct{ urls, types []string }

// check refuses what is not there, all of it at once.
func (r *reindexScope) check(params *search.Parameters) error {
	var issues []outcome.Issue
	for _, typ := range r.types {
		if definitions.R4().Resource(typ) == nil {
			issues = append(issues, failed(outcome.Value, "The type "+clip(typ)+" is not a resource type of FHIR R4.", ""))
		}
	}
	for _, url := range r.urls {
		if len(typesByURL(params, url)) == 0 && !isCustom(params, url) {
			issues = append(issues, failed(outcome.NotFound, "There is no search parameter with the url "+clip(url)+".", ""))
		}
	}
	slices.Sort(r.urls)
	slices.Sort(r.types)
	r.urls, r.types = slices.Compact(r.urls), slices.Compact(r.types)
	if refused := outcome.Of(issues...); refused != nil {
		return refused.In(outcome.StageSyntax)
	}
	return nil
}

func isCustom(params *search.Parameters, url string) bool {
	return slices.ContainsFunc(params.Customs(), func(c *search.Custom) bool { return c.Definition.URL == url })
}

// typesByURL are the types that can be searched by the parameter.
func typesByURL(params *search.Parameters, url string) []string {
	var types []string
	for _, typ := range definitions.R4().ResourceNames() {
		if len(parametersByURL(params, typ, url)) > 0 {
			types = append(types, typ)
		}
	}
	return types
}

// covers reports whether a job is within the scope.
func (r *reindexScope) covers(j *job) bool {
	some := func(wanted, has []string) bool {
		return len(wanted) == 0 || len(has) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return slices.Contains(has, w) })
	}
	return some(r.urls, j.URLs) && some(r.types, j.Types)
}

// job is the work on a scope.
func (r *reindexScope) job(s *Service) *job {
	sum := sha256.Sum256([]byte(strings.Join(r.urls, "\x00") + "\x01" + strings.Join(r.types, "\x00")))
	j := &job{Kind: indexRefresh, URLs: r.urls, Types: r.types, Started: s.now(), key: indexRefresh + "/" + hex.EncodeToString(sum[:8])}
	if len(r.types) > 0 {
		return j
	}
	if len(r.urls) == 0 {
		j.Types = definitions.R4().ResourceNames()
		return j
	}
	for _, url := range r.urls {
		j.Types = append(j.Types, typesByURL(s.params, url)...)
	}
	slices.Sort(j.Types)
	j.Types = slices.Compact(j.Types)
	return j
}

// refresh takes up the work on a scope, for kick to begin, unless it is going on. Parameters that are being indexed already are
// left to that.
func (x *indexer) refresh(ctx context.Context, scope reindexScope) error {
	j := scope.job(x.service)
	going, waiting := x.going(j.key)
	if len(j.Types) == 0 || going {
		return nil
	}
	if waiting >= maxRefreshes {
		return outcome.New(outcome.Throttled, "%d calls of $reindex are not done yet; wait for some of them.", waiting)
	}
	if err := j.save(ctx, x.service.store); err != nil {
		return err
	}
	x.mu.Lock()
	x.ended = slices.DeleteFunc(x.ended, func(other *job) bool { return other.key == j.key })
	if !slices.ContainsFunc(x.jobs, func(other *job) bool { return other.key == j.key }) {
		x.jobs = append(x.jobs, j)
	}
	x.mu.Unlock()
	return nil
}

// maxRefreshes is how many calls of $reindex may wait.
const maxRefreshes = 100

// going tells whether a job is not done yet, and how many of $reindex are not.
func (x *indexer) going(key string) (going bool, refreshes int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, j := range x.jobs {
		if j.ended() {
			continue
		}
		going = going || j.key == key
		if j.Kind == indexRefresh {
			refreshes++
		}
	}
	return going, refreshes
}

// The answer of $reindex: a Parameters with a part for each index within the scope, those that are
// complete too.
type (
	reindexAnswer struct {
		ResourceType string         `json:"resourceType"`
		Parameter    []reindexEntry `json:"parameter,omitempty"`
	}
	reindexEntry struct {
		Name string        `json:"name"`
		Part []reindexPart `json:"part"`
	}
	reindexPart struct {
		Name    string `json:"name"`
		Code    string `json:"valueCode,omitempty"`
		URI     string `json:"valueUri,omitempty"`
		Decimal *int64 `json:"valueDecimal,omitempty"`
		Instant string `json:"valueInstant,omitempty"`
	}
)

func (x *indexer) answer(covers func(*job) bool) []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	answer := reindexAnswer{ResourceType: "Parameters"}
	add := func(j *job) {
		if covers(j) {
			answer.Parameter = append(answer.Parameter, j.entry())
		}
	}
	for _, c := range x.service.params.Customs() {
		if j := x.indexes[c]; j != nil {
			add(j)
		}
	}
	for _, j := range x.jobs {
		if j.custom == nil {
			add(j)
		}
	}
	for _, j := range x.ended {
		add(j)
	}
	return mustJSON(answer)
}

// entry tells how far a job is.
func (j *job) entry() reindexEntry {
	e := reindexEntry{Name: j.Kind}
	number := func(name string, n int64) {
		e.Part = append(e.Part, reindexPart{Name: name, Decimal: &n})
	}
	for _, url := range j.URLs {
		e.Part = append(e.Part, reindexPart{Name: "url", URI: url})
	}
	if j.Code != "" {
		e.Part = append(e.Part, reindexPart{Name: "code", Code: j.Code})
	}
	if len(j.Types) < len(definitions.R4().ResourceNames()) {
		for _, typ := range j.Types {
			e.Part = append(e.Part, reindexPart{Name: "type", Code: typ})
		}
	}
	progress := search.Progress{Complete: j.Complete, Done: j.Done, Total: j.Total, Failed: j.Failed}
	if j.custom != nil {
		progress.Complete, progress.Failed = j.custom.Progress().Complete, j.custom.Progress().Failed
	}
	status := "in-progress"
	if progress.Complete {
		status = "completed"
	}
	e.Part = append(e.Part, reindexPart{Name: "status", Code: status})
	number("percent", progress.Percent())
	number("done", j.Done)
	number("total", j.Total)
	if progress.Failed > 0 {
		number("failed", progress.Failed)
	}
	for _, moment := range []struct {
		name string
		at   time.Time
	}{{"started", j.Started}, {"ended", j.Ended}} {
		if !moment.at.IsZero() {
			e.Part = append(e.Part, reindexPart{Name: moment.name, Instant: moment.at.Format("2006-01-02T15:04:05.000Z")})
		}
	}
	return e
}
