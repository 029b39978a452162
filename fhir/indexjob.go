package fhir

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"kiln/search"
	"kiln/store"
)

// indexBucket holds a record for each index that is made anew, taken away or whole.
const indexBucket = "search-parameters"

// The kinds of work on an index.
const (
	indexNew     = "index"   // of a custom parameter, until it is complete
	indexDrop    = "drop"    // of what was defined before
	indexRefresh = "refresh" // what $reindex asked for
)

// refreshKept is how long the outcome of $reindex can be looked at.
const refreshKept = 7 * 24 * time.Hour

// job is the work on one index, as its record keeps it.
type job struct {
	Kind       string      `json:"kind"`
	Definition string      `json:"definition,omitempty"` // id of the SearchParameter
	Digest     string      `json:"digest,omitempty"`
	Code       string      `json:"code,omitempty"`
	URLs       []string    `json:"urls,omitempty"` // of the parameters; of a refresh none: all
	Names      []indexName `json:"names,omitempty"`
	Types      []string    `json:"types"`        // all that are gone through
	At         int         `json:"at,omitempty"` // how many of them are done
	Mark       []byte      `json:"mark,omitempty"`
	Done       int64       `json:"done"`
	Total      int64       `json:"total"`
	Counted    bool        `json:"counted,omitempty"` // Total is known
	Failed     int64       `json:"failed,omitempty"`
	Complete   bool        `json:"complete,omitempty"`
	Started    time.Time   `json:"started"`
	Ended      time.Time   `json:"ended,omitzero"`

	key       string
	custom    *search.Custom // of indexNew
	cancelled atomic.Bool    // by a newer definition
	saved     time.Time
}

// indexName is what the values of a parameter are stored under.
type indexName struct {
	Base string `json:"base"`
	Code string `json:"code"`
	Type string `json:"type"`
}

func namesOf(c *search.Custom) []indexName {
	names := make([]indexName, len(c.Parameters))
	for i, p := range c.Parameters {
		names[i] = indexName{p.Base, p.Code, p.Type.String()}
	}
	return names
}

func indexKey(c *search.Custom) string { return indexNew + "/" + c.ID }

func (s *Service) newIndexJob(c *search.Custom) *job {
	return &job{
		Kind: indexNew, Definition: c.ID, Digest: c.Digest(), Code: c.Definition.Code, URLs: []string{c.Definition.URL}, Names: namesOf(c),
		Types: c.Types(), Complete: len(c.Parameters) == 0, Started: s.now(), key: indexKey(c), custom: c,
	}
}

// newDropJob takes away the values of what j was the index of.
func (s *Service) newDropJob(j *job) *job {
	return &job{
		Kind: indexDrop, Definition: j.Definition, Code: j.Code, URLs: j.URLs, Names: j.Names, Types: j.Types,
		Started: s.now(), key: indexDrop + "/" + j.Definition + "/" + j.Digest,
	}
}

// change is the record of the job; none of values that have been taken away.
func (j *job) change() (store.RecordChange, error) {
	c := store.RecordChange{Bucket: indexBucket, Key: j.key, Revision: store.AnyRevision}
	if j.Kind == indexDrop && j.Complete {
		return c, nil
	}
	if j.Kind == indexRefresh && j.Complete {
		c.Expires = j.Ended.Add(refreshKept)
	}
	value, err := json.Marshal(j)
	c.Value = value
	return c, err
}

// save writes the record of the job, where all guards have the values expected.
func (j *job) save(ctx context.Context, s store.Store, expects ...store.Guard) error {
	change, err := j.change()
	if err != nil {
		return err
	}
	_, err = s.Commit(ctx, store.Transaction{Records: []store.RecordChange{change}, Expects: expects})
	return err
}

// progress is how far another process has come with the same work.
func (j *job) progress(of *job) {
	j.At, j.Mark, j.Done, j.Total, j.Counted = of.At, of.Mark, of.Done, of.Total, of.Counted
	j.Failed, j.Complete, j.Started, j.Ended = of.Failed, of.Complete, of.Started, of.Ended
}

// readJobs reads all records by key.
func readJobs(ctx context.Context, records store.Records) (map[string]*job, error) {
	list, err := records.List(ctx, "", "", 0)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	jobs := make(map[string]*job, len(list))
	for _, record := range list {
		j := &job{}
		if err := json.Unmarshal(record.Value, j); err != nil {
			return nil, err
		}
		j.key = record.Key
		jobs[j.key] = j
	}
	return jobs, err
}

// ended reports whether nothing is left to do.
func (j *job) ended() bool { return j.Complete || j.cancelled.Load() }

// typ is the type that the job is at.
func (j *job) typ() string { return j.Types[j.At] }

// params are the parameters whose values the job makes anew for its type; nil is all. None: the type
// can be passed over.
func (j *job) params(all *search.Parameters) (params []*search.Parameter, every bool) {
	switch {
	case j.Kind == indexNew:
		return j.custom.Parameters, false
	case j.Kind == indexDrop:
		return j.dropped(all), false
	case len(j.URLs) == 0:
		return nil, true
	}
	for _, url := range j.URLs {
		params = append(params, parametersByURL(all, j.typ(), url)...)
	}
	return params, false
}

// dropped are the parameters whose values are taken away: those that no definition in use has again.
func (j *job) dropped(all *search.Parameters) []*search.Parameter {
	live := map[indexName]bool{}
	for _, c := range all.Customs() {
		for _, name := range namesOf(c) {
			live[name] = true
		}
	}
	var params []*search.Parameter
	for _, name := range j.Names {
		if p, ok := search.Former(name.Base, name.Code, name.Type); ok && !live[name] {
			params = append(params, p)
		}
	}
	return params
}

// parametersByURL are the parameters of a type with a canonical URL.
func parametersByURL(all *search.Parameters, typ, url string) []*search.Parameter {
	var list []*search.Parameter
	for _, p := range all.Of(typ) {
		if p.Definition != nil && p.Definition.URL == url {
			list = append(list, p)
		}
	}
	return list
}
