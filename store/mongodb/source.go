package mongodb

import (
	"context"
	"iter"
	"math"
	"slices"

	"kiln/search"
	"kiln/store"
)

// source is the search.Source of one search, as of its state. What it was asked for once it knows.
type source struct {
	s         *searching
	known     map[store.Key]*search.Resource // nil of what is not there
	referrers map[referrerKey][]search.Resource
	held      int // how many they are
}

// referrerKey is who is asked for: those that refer to a resource by a parameter.
type referrerKey struct {
	typ    string
	param  *search.Parameter
	target store.Key
}

// maxKnown bounds how many resources and referrers are remembered.
const (
	maxKnown = 50_000
	maxHeld  = 10_000 // referrers, with their values
)

func newSource(s *searching) *source {
	return &source{s: s, known: map[store.Key]*search.Resource{}, referrers: map[referrerKey][]search.Resource{}}
}

// wanted are the references that a test of a candidate goes on from.
type wanted struct {
	chains []search.Chain
	has    []search.Has
	sort   []search.SortKey
}

// want is what a filter asks of the references of a candidate itself.
func (w *wanted) want(e search.Expr) {
	switch e := e.(type) {
	case search.And:
		for _, part := range e {
			w.want(part)
		}
	case search.Or:
		for _, part := range e {
			w.want(part)
		}
	case search.Not:
		w.want(e.Of)
	case search.Chain:
		w.chains = append(w.chains, e)
	case search.Has:
		w.has = append(w.has, e)
	}
}

// Lookup implements search.Source.
func (f *source) Lookup(ctx context.Context, typ, id string) (search.Resource, bool, error) {
	key := store.Key{Type: typ, ID: id}
	r, ok := f.known[key]
	if !ok {
		if err := f.load(ctx, []store.Key{key}); err != nil {
			return search.Resource{}, false, err
		}
		r = f.known[key]
	}
	if r == nil {
		return search.Resource{}, false, nil
	}
	return *r, true, nil
}

// load looks resources up.
func (f *source) load(ctx context.Context, keys []store.Key) error {
	if len(keys) == 0 {
		return nil
	}
	if len(f.known) > maxKnown {
		clear(f.known)
	}
	found, err := f.s.view.fetch(ctx, keys, f.s.projection())
	if err != nil {
		return err
	}
	if err := f.s.work.look(len(found)); err != nil {
		return err
	}
	for _, key := range keys {
		f.known[key] = nil
		d := f.s.view.keptIndex(found[key])
		if d == nil || d.Deleted || d.Index == nil {
			continue
		}
		r, err := f.s.resource(ctx, d)
		if err != nil {
			return err
		}
		f.known[key] = &r
	}
	return nil
}

// Referrers implements search.Source.
func (f *source) Referrers(ctx context.Context, typ string, param *search.Parameter, targetType, targetID string) iter.Seq2[search.Resource, error] {
	key := referrerKey{typ, param, store.Key{Type: targetType, ID: targetID}}
	return func(yield func(search.Resource, error) bool) {
		found, ok := f.referrers[key]
		if !ok {
			f.walkReferrers(ctx, key, yield)
			return
		}
		for _, r := range found {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// walkReferrers gives the referrers of one resource without keeping any: whoever asks often has enough with the first.
func (f *source) walkReferrers(ctx context.Context, key referrerKey, yield func(search.Resource, error) bool) {
	w := f.s.walk(key.typ, oneKey{key.param.Code, []string{key.asKey()}}, math.MinInt64, false, firstBatch)
	for {
		c, err := w.next(ctx)
		switch {
		case err != nil:
			yield(search.Resource{}, err)
			return
		case c == nil:
			return
		case slices.Contains(referredIDs(c.resource.Entries, key.param, key.target.Type), key.target.ID):
			if !yield(c.resource, nil) {
				return
			}
		}
	}
}

// asKey is the key that those have who refer to the resource.
func (k referrerKey) asKey() string { return k.param.Code + "=" + cutKey(k.target.String()) }

// loadReferrers finds those of several resources at once. Where they are many they are not kept, and each resource's are
// walked when they are asked for.
func (f *source) loadReferrers(ctx context.Context, typ string, param *search.Parameter, targets []store.Key) error {
	if len(f.referrers) > maxKnown || f.held > f.s.view.store.options.held {
		clear(f.referrers)
		f.held = 0
	}
	keys := make([]string, len(targets))
	for i, target := range targets {
		key := referrerKey{typ, param, target}
		keys[i] = key.asKey()
		f.referrers[key] = nil
	}
	w := f.s.upwards(typ, oneKey{param.Code, keys})
	for {
		c, err := w.next(ctx)
		if c == nil || err != nil {
			return err
		}
		var seen []store.Key
		for _, e := range c.resource.Entries {
			ref, ok := e.Value.(search.ReferenceValue)
			if !ok || e.Param != param || ref.ID == "" {
				continue
			}
			target := store.Key{Type: ref.Type, ID: ref.ID}
			key := referrerKey{typ, param, target}
			if _, asked := f.referrers[key]; asked && slices.Contains(targets, target) && !slices.Contains(seen, target) {
				seen = append(seen, target)
				f.referrers[key] = append(f.referrers[key], c.resource)
				f.held++
			}
		}
		if f.held > f.s.view.store.options.held {
			for _, target := range targets {
				delete(f.referrers, referrerKey{typ, param, target})
			}
			return nil
		}
	}
}

// expect looks up, in few calls, what tests will ask of resources, and then what they will ask of those.
func (f *source) expect(ctx context.Context, w wanted, list []search.Resource) error {
	if len(list) == 0 || w.empty() {
		return nil
	}
	var keys []store.Key
	follow := map[store.Key]bool{}
	for _, r := range list {
		for _, e := range r.Entries {
			ref, ok := e.Value.(search.ReferenceValue)
			if !ok || ref.ID == "" || !w.follows(e.Param, ref.Type) {
				continue
			}
			key := store.Key{Type: ref.Type, ID: ref.ID}
			if _, known := f.known[key]; !known && !follow[key] {
				keys = append(keys, key)
			}
			follow[key] = true
		}
	}
	if err := f.load(ctx, keys); err != nil {
		return err
	}
	if err := f.expectReferrers(ctx, w, list); err != nil {
		return err
	}
	next := map[string][]search.Resource{}
	for key := range follow {
		if r := f.known[key]; r != nil {
			next[key.Type] = append(next[key.Type], *r)
		}
	}
	for typ, targets := range next {
		if err := f.expect(ctx, w.behind(typ), targets); err != nil {
			return err
		}
	}
	return nil
}

func (w wanted) empty() bool { return len(w.chains) == 0 && len(w.has) == 0 && len(w.sort) == 0 }

// behind is what is wanted of the resources of a type that references lead to.
func (w wanted) behind(typ string) wanted {
	var next wanted
	for _, c := range w.chains {
		for _, b := range c.Branches {
			if b.Type == typ {
				next.want(b.Filter)
			}
		}
	}
	for _, key := range w.sort {
		if len(key.Via) > 1 && key.Via[0].Type == typ {
			key.Via = key.Via[1:]
			next.sort = append(next.sort, key)
		}
	}
	return next
}

// follows reports whether a reference is one that the search goes on from.
func (w wanted) follows(param *search.Parameter, typ string) bool {
	for _, c := range w.chains {
		if c.Param == param && slices.ContainsFunc(c.Branches, func(b search.Branch) bool { return b.Type == typ }) {
			return true
		}
	}
	for _, key := range w.sort {
		if len(key.Via) > 0 && key.Via[0].Type == typ && slices.Contains(key.Via[0].Params, param) {
			return true
		}
	}
	return false
}

// expectedReferrers is how many resources are asked for at once what refers to them.
const expectedReferrers = 200

func (f *source) expectReferrers(ctx context.Context, w wanted, list []search.Resource) error {
	for _, h := range w.has {
		for part := range slices.Chunk(list, expectedReferrers) {
			var targets []store.Key
			for _, r := range part {
				key := store.Key{Type: r.Type, ID: r.ID}
				if _, known := f.referrers[referrerKey{h.Type, h.Param, key}]; !known && h.Param.Refers(key.Type) {
					targets = append(targets, key)
				}
			}
			if len(targets) == 0 {
				continue
			}
			if err := f.loadReferrers(ctx, h.Type, h.Param, targets); err != nil {
				return err
			}
		}
	}
	return nil
}
