package pebble

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// cheapHistory is how many versions are looked at for a total that was not asked for.
const cheapHistory = 2000

// History implements store.Reader. Versions are found by their position in the feed, which is the
// order of their times too, so bounds of time are bounds of position.
func (r reader) History(ctx context.Context, query store.HistoryQuery) (page store.HistoryPage, err error) {
	v, err := r.open(ctx)
	if err != nil {
		return page, err
	}
	defer v.leave()
	h := history{view: v, ctx: ctx, query: query}
	if err := h.start(); err != nil {
		return page, err
	}
	if page, err = h.page(); err != nil {
		return store.HistoryPage{}, err
	}
	return page, v.settle(ctx)
}

// history lists the versions of one query.
type history struct {
	*view
	ctx      context.Context
	query    store.HistoryQuery
	cursor   historyCursor
	typ      code
	document uint64
	none     bool   // there can be no version
	low, end uint64 // positions: low included, end not
}

func (h *history) start() error {
	newest, _, err := lastInFeed(h.view)
	if err != nil {
		return err
	}
	h.cursor = historyCursor{fingerprint: h.query.Fingerprint(), preview: h.preview, at: newest}
	if h.query.Cursor != nil {
		if h.cursor, err = h.cursor.read(h.query.Cursor); err != nil {
			return err
		}
	}
	if err := h.resolve(); err != nil || h.none {
		return err
	}
	return h.bound()
}

// resolve finds what type and id name.
func (h *history) resolve() error {
	if h.query.Type == "" && h.query.ID == "" {
		return nil
	}
	if h.typ = h.store.dictionary.typeCode(h.query.Type); h.typ == 0 {
		h.none = true
		return nil
	}
	if h.query.ID == "" {
		return nil
	}
	found, err := getHead(h.view, headKey(nil, h.typ, h.query.ID))
	h.document, h.none = found.document, found.version == 0
	return err
}

// bound turns the times asked for into positions.
func (h *history) bound() (err error) {
	h.low, h.end = 1, h.cursor.at+1
	if !h.query.Since.IsZero() {
		if h.low, err = h.firstFrom(h.query.Since); err != nil {
			return err
		}
	}
	until := h.query.Until
	if !h.query.At.IsZero() {
		begun := h.query.At.Add(1) // times are whole milliseconds
		if h.query.AtEnd.After(begun) {
			begun = h.query.AtEnd
		}
		if until.IsZero() || begun.Before(until) {
			until = begun
		}
	}
	if !until.IsZero() {
		end, err := h.firstFrom(until)
		if err != nil {
			return err
		}
		h.end = min(h.end, end)
	}
	return nil
}

// firstFrom is the first position with a time not before t.
func (h *history) firstFrom(t time.Time) (uint64, error) {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++
	}
	it, err := h.NewIter(bounds([]byte{keyFeed}))
	if err != nil {
		return 0, err
	}
	defer it.Close()
	low, high := uint64(1), h.cursor.at+1
	for low < high {
		middle := low + (high-low)/2
		if !it.SeekGE(feedKey(nil, middle)) {
			high = middle
			continue
		}
		p, err := readPlace(it.Value())
		if err != nil {
			return 0, err
		}
		if p.lastUpdated < ms {
			low = binary.BigEndian.Uint64(it.Key()[1:]) + 1
		} else {
			high = middle
		}
	}
	return low, it.Error()
}

// page reads one page and, where it is asked for or cheap, the total.
func (h *history) page() (page store.HistoryPage, err error) {
	page.HasTotal = true
	if h.none {
		return page, nil
	}
	if h.query.Count > 0 {
		if err := h.fill(&page); err != nil {
			return page, err
		}
	}
	page.Total, page.HasTotal, err = h.total()
	return page, err
}

type found struct {
	position uint64
	place
}

func (h *history) fill(page *store.HistoryPage) error {
	low, end := h.low, h.end
	if h.cursor.back {
		low = max(low, h.cursor.place+1)
	} else if h.cursor.place > 0 {
		end = min(end, h.cursor.place)
	}
	var list []found
	more := false
	err := h.each(low, end, h.cursor.back, func(f found) bool {
		more = len(list) == h.query.Count
		if !more {
			list = append(list, f)
		}
		return !more
	})
	if err != nil || len(list) == 0 {
		return err
	}
	if h.cursor.back {
		slices.Reverse(list)
	}
	for _, f := range list {
		version, err := h.store.getVersion(h.view, f.document, f.version)
		if err != nil {
			return err
		}
		page.Versions = append(page.Versions, version)
	}
	if more || h.cursor.back {
		page.Next = h.cursor.to(list[len(list)-1].position, false)
	}
	if h.cursor.place > 0 && (more || !h.cursor.back) {
		page.Prev = h.cursor.to(list[0].position, true)
	}
	return nil
}

// total counts all versions selected; beyond a bound only when nothing else was asked for.
func (h *history) total() (int64, bool, error) {
	if h.document == 0 && h.typ == 0 && h.query.At.IsZero() {
		return int64(max(h.end, h.low) - h.low), true, nil // positions have no gaps
	}
	n := int64(0)
	complete := true
	err := h.each(h.low, h.end, false, func(found) bool {
		n++
		complete = h.query.Count == 0 || n < cheapHistory
		return complete
	})
	return n, complete, err
}

// each visits the versions from low to before end that are selected, newest first or last.
func (h *history) each(low, end uint64, oldestFirst bool, visit func(found) bool) error {
	if low >= end {
		return nil
	}
	if h.document != 0 {
		return h.eachOfDocument(low, end, oldestFirst, visit)
	}
	key := func(position uint64) []byte {
		if h.typ != 0 {
			return historyKey(nil, h.typ, position)
		}
		return feedKey(nil, position)
	}
	it, err := h.NewIter(&lsm.IterOptions{LowerBound: key(low), UpperBound: key(end)})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := enter(it, oldestFirst); ok; ok = advance(it, oldestFirst) {
		if err := h.ctx.Err(); err != nil {
			return err
		}
		p, err := readPlace(it.Value())
		if err != nil {
			return err
		}
		key := it.Key()
		selected, err := h.wasCurrent(p)
		if err != nil {
			return err
		}
		if selected && !visit(found{binary.BigEndian.Uint64(key[len(key)-8:]), p}) {
			return nil
		}
	}
	return it.Error()
}

func enter(it *lsm.Iterator, forward bool) bool {
	if forward {
		return it.First()
	}
	return it.Last()
}

func advance(it *lsm.Iterator, forward bool) bool {
	if forward {
		return it.Next()
	}
	return it.Prev()
}

// eachOfDocument is each for one resource; its versions are stored newest first.
func (h *history) eachOfDocument(low, end uint64, oldestFirst bool, visit func(found) bool) error {
	it, err := h.NewIter(bounds(documentKey(nil, keyVersion, h.document)))
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := enter(it, !oldestFirst); ok; ok = advance(it, !oldestFirst) {
		if err := h.ctx.Err(); err != nil {
			return err
		}
		record, _, err := readVersionRecord(it.Value())
		if err != nil {
			return err
		}
		if record.position < low || record.position >= end {
			continue
		}
		_, number, _ := readDocumentKey(it.Key())
		p := place{h.document, number, record.lastUpdated, record.typ}
		selected, err := h.wasCurrent(p)
		if err != nil {
			return err
		}
		if selected && !visit(found{record.position, p}) {
			return nil
		}
	}
	return it.Error()
}

// wasCurrent reports whether the version, which had begun, was the last one of its resource at the
// moment asked for or a later one of the period.
func (h *history) wasCurrent(p place) (bool, error) {
	if h.query.At.IsZero() {
		return true, nil
	}
	value, closer, err := h.Get(versionKey(nil, p.document, p.version+1))
	if errors.Is(err, lsm.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer closer.Close()
	next, _, err := readVersionRecord(value)
	if err != nil {
		return false, err
	}
	ends := time.UnixMilli(next.lastUpdated)
	return next.position > h.cursor.at || ends.After(h.query.At) && next.lastUpdated > p.lastUpdated, nil
}

// historyCursor is a place in a history as of a position.
type historyCursor struct {
	fingerprint uint64
	preview     uint64
	at          uint64 // newest position of the first page
	place       uint64 // position of the version next to the page; 0 before the first
	back        bool   // the page before the place
}

const (
	historyCursorMark = 'h'
	historyCursorSize = 2 + 4*8
)

// to is the cursor for what comes after, or before, the version at a position.
func (c historyCursor) to(place uint64, back bool) store.Cursor {
	b := make(store.Cursor, 0, historyCursorSize)
	direction := byte(0)
	if back {
		direction = 1
	}
	b = append(b, historyCursorMark, direction)
	for _, n := range [...]uint64{c.fingerprint, c.preview, c.at, place} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

// read gives the place that a cursor of the same query and reader holds; c is that of the first
// page, from the newest position.
func (c historyCursor) read(b store.Cursor) (historyCursor, error) {
	if len(b) != historyCursorSize || b[0] != historyCursorMark || b[1] > 1 {
		return c, store.ErrCursor
	}
	number := func(i int) uint64 { return binary.BigEndian.Uint64(b[2+8*i:]) }
	got := historyCursor{fingerprint: number(0), preview: number(1), at: number(2), place: number(3), back: b[1] == 1}
	if got.fingerprint != c.fingerprint || got.preview != c.preview || got.at > c.at || got.place == 0 || got.place > got.at {
		return c, store.ErrCursor
	}
	return got, nil
}
