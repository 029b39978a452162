package mongodb

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store"
)

// cheapHistory is how many versions are counted for a total that was not asked for.
const cheapHistory = 2000

// history lists versions by the feed, whose positions have no gaps and are the order of the times too.
func (v *view) history(ctx context.Context, query store.HistoryQuery) (page store.HistoryPage, err error) {
	h := history{view: v, query: query}
	h.cursor = historyCursor{fingerprint: query.Fingerprint(), preview: v.preview(), at: v.at}
	if query.Cursor != nil {
		if h.cursor, err = h.cursor.read(query.Cursor); err != nil {
			return page, err
		}
	}
	page.HasTotal = true
	if query.Type != "" && !isType(query.Type) {
		return page, nil
	}
	if h.low, h.end, err = h.bounds(ctx); err != nil {
		return page, err
	}
	if page.Total, page.HasTotal, err = h.total(ctx); err != nil || query.Count <= 0 {
		return page, err
	}
	if page.HasTotal {
		h.cursor.total = page.Total + 1
	}
	return page, h.fill(ctx, &page)
}

// history lists the versions of one query as of its first page.
type history struct {
	*view
	query    store.HistoryQuery
	cursor   historyCursor
	low, end int64 // positions: low included, end not
}

// bounds are the positions that the times asked for leave.
func (h *history) bounds(ctx context.Context) (low, end int64, err error) {
	low, end = 1, beyond
	if !h.query.Since.IsZero() {
		if low, err = h.firstFrom(ctx, h.query.Since); err != nil {
			return low, end, err
		}
	}
	if until := begunBefore(h.query); !until.IsZero() {
		end, err = h.firstFrom(ctx, until)
	}
	return low, end, err
}

// begunBefore is the time before which all versions selected were made, zero where there is none.
func begunBefore(query store.HistoryQuery) time.Time {
	until := query.Until
	if query.At.IsZero() {
		return until
	}
	begun := query.At.Add(1) // times of versions are whole milliseconds
	if query.AtEnd.After(begun) {
		begun = query.AtEnd
	}
	if until.IsZero() || begun.Before(until) {
		return begun
	}
	return until
}

// probes is into how many parts a round of the search for a time parts the feed.
const probes = 16

// beyond is after all positions.
const beyond = math.MaxInt64

// firstFrom is the first position with a time not before t, beyond all where there is none.
func (h *history) firstFrom(ctx context.Context, t time.Time) (int64, error) {
	low, high := int64(1), h.cursor.at+1 // between them, both included
	for low < high {
		step := (high-low-1)/probes + 1
		var asked []int64
		for p := low; p < high; p += step {
			asked = append(asked, p)
		}
		left := high - low
		for e, err := range rows[event](ctx, h.feed(), bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: asked}}}}) {
			switch {
			case err != nil:
				return 0, err
			case e.Updated.Time().Before(t):
				low = max(low, e.Position+1)
			default:
				high = min(high, e.Position)
			}
		}
		if high-low >= left {
			return 0, fmt.Errorf("the feed lacks position %d", low)
		}
	}
	if low > h.cursor.at {
		for _, e := range h.above() {
			if !e.Updated.Time().Before(t) {
				return e.Position, nil
			}
		}
		return beyond, nil
	}
	return low, nil
}

// above are the versions of the preview, oldest first.
func (h *history) above() []*event {
	if h.over == nil {
		return nil
	}
	events := make([]*event, 0, len(h.over.order))
	for _, d := range h.over.order {
		events = append(events, &event{
			Position: d.Position, Type: d.typ, ID: d.ID, Version: d.Version, Method: d.Method, Updated: d.Updated,
		})
	}
	return events
}

// fill reads one page.
func (h *history) fill(ctx context.Context, page *store.HistoryPage) error {
	low, end := h.low, h.end
	if h.cursor.back {
		low = max(low, h.cursor.place+1)
	} else if h.cursor.place > 0 {
		end = min(end, h.cursor.place)
	}
	var list []*event
	more := false
	err := h.each(ctx, stretch{low, end, h.cursor.back}, h.query.Count+1, func(e *event) bool {
		more = len(list) == h.query.Count
		if !more {
			list = append(list, e)
		}
		return !more
	})
	if err != nil || len(list) == 0 {
		return err
	}
	if h.cursor.back {
		slices.Reverse(list)
	}
	if page.Versions, err = h.versions(ctx, list); err != nil {
		return err
	}
	if more || h.cursor.back {
		page.Next = h.cursor.to(list[len(list)-1].Position, false)
	}
	if h.cursor.place > 0 && (more || !h.cursor.back) {
		page.Prev = h.cursor.to(list[0].Position, true)
	}
	return nil
}

// total counts all versions selected; beyond a bound only when nothing else was asked for.
func (h *history) total(ctx context.Context) (n int64, complete bool, err error) {
	if h.cursor.total > 0 {
		return h.cursor.total - 1, true, nil
	}
	if h.query.Type == "" && h.query.At.IsZero() {
		end := min(h.end, h.cursor.at+1+int64(len(h.above())))
		return max(end, h.low) - h.low, true, nil // positions have no gaps
	}
	if h.query.At.IsZero() {
		return h.count(ctx)
	}
	complete = true
	err = h.each(ctx, stretch{h.low, h.end, false}, cheapHistory, func(*event) bool {
		n++
		complete = h.query.Count == 0 || n < cheapHistory
		return complete
	})
	return n, complete, err
}

// count lets the database count.
func (h *history) count(ctx context.Context) (n int64, complete bool, err error) {
	for _, e := range h.above() {
		if h.low <= e.Position && e.Position < h.end && h.level(e) {
			n++
		}
	}
	o := options.Count()
	if h.query.Count > 0 {
		o.SetLimit(cheapHistory)
	}
	committed, err := h.feed().CountDocuments(ctx, h.filter(stretch{low: h.low, end: min(h.end, h.cursor.at+1)}), o)
	return n + committed, h.query.Count == 0 || committed < cheapHistory, err
}

// versionsBatch is how many versions are read at once.
const versionsBatch = 100

// versions are those of events with their bodies.
func (v *view) versions(ctx context.Context, events []*event) ([]store.Version, error) {
	list := make([]store.Version, 0, len(events))
	for part := range slices.Chunk(events, versionsBatch) {
		names := make([]edition, 0, len(part))
		for _, e := range part {
			if e.method() != store.Delete {
				names = append(names, e.edition())
			}
		}
		found, err := v.editions(ctx, names)
		if err != nil {
			return nil, err
		}
		for _, e := range part {
			if e.method() == store.Delete {
				list = append(list, e.bare())
				continue
			}
			d := found[e.edition()]
			if d == nil {
				return nil, fmt.Errorf("version %d of %s is in the feed and nowhere else", e.Version, e.edition().Key)
			}
			version, err := v.whole(ctx, d)
			if err != nil {
				return nil, err
			}
			list = append(list, version)
		}
	}
	return list, nil
}
