package mongodb

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"kiln/search"
	"kiln/store"
)

func (v *view) search(ctx context.Context, query *search.Query, cursor store.Cursor) (page store.Page, err error) {
	start := time.Now()
	c := v.first(store.Fingerprint(query))
	if cursor != nil {
		if c, err = c.read(cursor); err != nil {
			return page, err
		}
	}
	state := *v
	state.at = c.at
	s, err := state.searching(ctx, query)
	if err != nil {
		return page, err
	}
	switch {
	case query.CountOnly:
		page.HasTotal = true
		page.Total, err = s.count(ctx)
	case len(query.Sort) > 0 || c.total < 0 && (query.Total == search.TotalAccurate || query.Total == search.TotalEstimate):
		page, err = s.collected(ctx, c)
	default:
		page, err = s.walked(ctx, c)
	}
	s.trace.examined, s.trace.took = s.work.examined, time.Since(start)
	var cost *store.CostError
	if errors.As(err, &cost) {
		cost.Plan = s.trace.plan()
	}
	if err != nil {
		return store.Page{}, err
	}
	if page.Explain = s.trace.plan; query.Explain {
		page.Plan = page.Explain()
	}
	return page, nil
}

// merge gives the matches of all types by their numbers, until take has enough.
func (s *searching) merge(ctx context.Context, from place, down bool, batch int, take func(hit) (enough bool)) error {
	walks, err := s.walks(ctx, from, down, batch)
	if err != nil {
		return err
	}
	for {
		nearest, err := closest(ctx, walks)
		if nearest == nil || err != nil {
			return err
		}
		c, err := nearest.next(ctx)
		if err != nil {
			return err
		}
		hits, err := s.hits(ctx, c)
		if err != nil {
			return err
		}
		if down {
			slices.Reverse(hits)
		}
		for _, h := range hits {
			if side := h.behind().compare(from); down && side < 0 || !down && side > 0 {
				if take(h) {
					return nil
				}
			}
		}
	}
}

// walks begin at a place, the resource there included.
func (s *searching) walks(ctx context.Context, from place, down bool, batch int) ([]*walk, error) {
	types, err := s.types(ctx)
	if err != nil {
		return nil, err
	}
	number := from.number
	if down && number < math.MaxInt64 {
		number++
	} else if !down && number > math.MinInt64 {
		number--
	}
	var walks []*walk
	for _, typ := range types {
		c, err := lowerQuery(s.query, typ, inner{s, ctx})
		if err != nil {
			return nil, err
		}
		leg := s.trace.leg(typ, c)
		if _, none := c.(never); !none {
			w := s.walk(typ, c, number, down, batch)
			w.wanted, w.leg = s.wanted(typ), leg
			walks = append(walks, w)
		}
	}
	return walks, nil
}

// wanted is what the tests and the order of a type ask of references.
func (s *searching) wanted(typ string) wanted {
	w := wanted{sort: slices.DeleteFunc(slices.Clone(s.query.Sort), func(key search.SortKey) bool { return len(key.Via) == 0 })}
	for _, b := range s.query.Branches {
		if b.Type == "" || b.Type == typ {
			w.want(b.Filter)
		}
	}
	return w
}

// closest is the walk with the next candidate; nil at the end of all.
func closest(ctx context.Context, walks []*walk) (best *walk, err error) {
	var next *candidate
	for _, w := range walks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := w.peek(ctx)
		if err != nil {
			return nil, err
		}
		if c != nil && (next == nil || (c.Number < next.Number) != w.down) {
			best, next = w, c
		}
	}
	return best, nil
}

// hits are the matches in a candidate.
func (s *searching) hits(ctx context.Context, c *candidate) ([]hit, error) {
	places, err := s.query.Places(ctx, c.resource, s.source)
	if err != nil {
		return nil, err
	}
	var hits []hit
	for _, p := range places {
		if p, err = s.sorter.Place(c.resource, p); err != nil {
			return nil, err
		}
		hits = append(hits, hit{c.key(), c.Number, p.At, sortValues(p.Entries, s.query.Sort)})
	}
	return hits, nil
}

// walked is a page in the order of creation: its matches, and one more, which tells that there is more.
func (s *searching) walked(ctx context.Context, c searchCursor) (store.Page, error) {
	count, from := max(s.query.Count, 1), c.place
	begun := from == place{} && !c.backward
	if begun {
		from.number = math.MinInt64
	}
	var hits []hit
	err := s.merge(ctx, from, c.backward, batchFor(count), func(h hit) bool {
		hits = append(hits, h)
		return len(hits) > count
	})
	if err != nil {
		return store.Page{}, err
	}
	more := len(hits) > count
	hits = hits[:min(len(hits), count)]
	if c.backward {
		slices.Reverse(hits)
	}
	if begun && !more {
		c.total, c.count = int64(len(hits)), int64(count)
	}
	page := store.Page{Total: max(c.total, 0), HasTotal: c.total >= 0 && s.query.Total != search.TotalNone}
	if page.HasTotal && c.last != (place{}) && c.count == int64(count) {
		page.Last = c.ahead(c.last)
	}
	if len(hits) > 0 {
		if more || c.backward {
			page.Next = c.ahead(hits[len(hits)-1].behind())
		}
		if c.backward && more || !c.backward && !begun {
			page.Prev = c.back(hits[0].behind())
		}
	}
	return s.shown(ctx, page, hits)
}

func batchFor(count int) int { return max(firstBatch, min(count+1, fullBatch)) }

// collected is a page out of all matches.
func (s *searching) collected(ctx context.Context, c searchCursor) (store.Page, error) {
	hits, err := s.all(ctx)
	if err != nil {
		return store.Page{}, err
	}
	count, sorted := max(s.query.Count, 1), len(s.query.Sort) > 0
	behind := func(i int) place {
		if sorted {
			return place{number: int64(i)}
		}
		return hits[i-1].behind()
	}
	start, end := c.span(hits, count, sorted)
	c.total, c.count = int64(len(hits)), int64(count)
	if len(hits) > count {
		c.last = behind((len(hits) - 1) / count * count)
	}
	page := store.Page{Total: c.total, HasTotal: s.query.Total != search.TotalNone}
	if page.HasTotal && len(hits) > count {
		page.Last = c.ahead(c.last)
	}
	if end < len(hits) {
		page.Next = c.ahead(behind(end))
	}
	if start > 0 {
		page.Prev = c.back(behindFirst(hits, start, sorted))
	}
	return s.shown(ctx, page, hits[start:end])
}

// behindFirst is the place that a page before the match at start ends at.
func behindFirst(hits []hit, start int, sorted bool) place {
	if sorted {
		return place{number: int64(start)}
	}
	return hits[start].behind()
}

// span is where a page begins and ends among all matches.
func (c searchCursor) span(hits []hit, count int, sorted bool) (start, end int) {
	at := int(max(0, min(c.place.number, int64(len(hits)))))
	if !sorted {
		at, _ = slices.BinarySearchFunc(hits, c.place, func(h hit, p place) int {
			if before := h.behind().compare(p); before < 0 || before == 0 && !c.backward {
				return -1
			}
			return 1
		})
	}
	if c.backward {
		return max(at-count, 0), at
	}
	return at, min(at+count, len(hits))
}

// all are the matches in order.
func (s *searching) all(ctx context.Context) ([]hit, error) {
	var hits []hit
	err := s.merge(ctx, place{number: math.MinInt64}, false, fullBatch, func(h hit) bool {
		hits = append(hits, h)
		return false
	})
	if err == nil && len(s.query.Sort) > 0 {
		s.trace.sort(len(hits))
		sortHits(hits, s.query.Sort)
	}
	return hits, err
}

// shown puts the versions of the matches on a page.
func (s *searching) shown(ctx context.Context, page store.Page, hits []hit) (store.Page, error) {
	keys := make([]store.Key, len(hits))
	for i, h := range hits {
		keys[i] = h.key
	}
	found, err := s.view.fetch(ctx, keys, bodyAlone)
	if err != nil {
		return store.Page{}, err
	}
	page.Matches = make([]store.Version, 0, len(hits))
	for _, h := range hits {
		d := found[h.key]
		if d == nil || d.Deleted {
			continue
		}
		version, err := s.view.whole(ctx, d)
		if err != nil {
			return store.Page{}, err
		}
		page.Matches = append(page.Matches, version)
		if s.query.ContainedAlone {
			page.Contained = append(page.Contained, h.contained)
		}
	}
	return page, nil
}
