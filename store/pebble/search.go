package pebble

import (
	"cmp"
	"context"
	"slices"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
	"kiln/store"
)

// Search implements store.Reader.
func (r reader) Search(ctx context.Context, query *search.Query, place store.Cursor) (store.Page, error) {
	started := time.Now()
	v, err := r.glance(ctx)
	if err != nil {
		return store.Page{}, err
	}
	defer v.leave()
	x := newExecution(ctx, v, query)
	page, err := x.page(place)
	x.size(query.Explain)
	if closed := x.close(); err == nil {
		err = closed
	}
	if err == nil {
		err = v.settle(ctx)
	}
	x.trace.examined, x.trace.duration = x.examined, time.Since(started)
	if err != nil {
		return store.Page{}, x.explainCost(err)
	}
	if page.Explain = x.trace.plan; query.Explain {
		page.Plan = page.Explain()
	}
	return page, nil
}

// Count implements store.Reader.
func (r reader) Count(ctx context.Context, query *search.Query) (int64, error) {
	v, err := r.glance(ctx)
	if err != nil {
		return 0, err
	}
	defer v.leave()
	x := newExecution(ctx, v, query)
	n := int64(0)
	if x.err == nil {
		n = x.count(x.targets(), 0)
	}
	if err := x.close(); err != nil {
		return 0, err
	}
	return n, v.settle(ctx)
}

func newExecution(ctx context.Context, v *view, query *search.Query) *execution {
	x := &execution{view: v, ctx: ctx, query: query, wanted: map[code]*search.Parameter{}, counts: map[code]int{}, matched: -1, trace: &trace{sort: query.Sort}}
	x.fail(ctx.Err())
	x.scanUnindexed()
	for _, b := range query.Branches {
		x.want(b.Filter)
	}
	for _, key := range query.Sort {
		x.wantKey(key)
	}
	x.sorter = search.NewSorter(ctx, query.Sort, x)
	return x
}

// page finds one page of matches.
func (x *execution) page(at store.Cursor) (page store.Page, err error) {
	if x.err != nil {
		return page, x.err
	}
	c := cursor{preview: x.preview}
	if at != nil {
		c.fingerprint = store.Fingerprint(x.query)
		if c, err = x.open(c, at); err != nil {
			return page, err
		}
	}
	targets := x.targets()
	if x.query.CountOnly {
		page.Total, page.HasTotal = x.total(c, targets), true
		return page, x.err
	}
	count := max(x.query.Count, 1)
	found, more := x.find(targets, c, c.size(count))
	if x.err != nil {
		return page, x.err
	}
	x.finish(&page, c, targets, found, more)
	if x.err != nil {
		return page, x.err
	}
	x.rest()
	page.Matches, page.Contained = x.versions(found)
	return page, x.err
}

// open reads a cursor and goes back to the state that it tells of.
func (x *execution) open(c cursor, at store.Cursor) (cursor, error) {
	c, err := c.read(at)
	if err != nil {
		return c, err
	}
	newest := x.lastPosition()
	if x.err != nil {
		return c, x.err
	}
	if c.position > newest {
		return c, store.ErrCursor
	}
	if c.position < newest {
		x.past = x.readPast(c.position)
	}
	return c, x.err
}

// find gives the matches of the page, in the order of the query, and whether more follow in the
// direction of the walk.
func (x *execution) find(targets []target, c cursor, count int) (found []match, more bool) {
	w := &walk{execution: x, reverse: c.back}
	var from *match
	if c.document != 0 {
		m, ok := w.loadMatch(c)
		if !ok {
			return nil, false
		}
		from = &m
	}
	found = w.first(targets, from, count+1)
	if more = len(found) > count; more {
		found = found[:count]
	}
	if w.reverse {
		slices.Reverse(found)
	}
	return found, more
}

// first gives the first matches after a place, in the order of the walk.
func (x *walk) first(targets []target, from *match, limit int) []match {
	if x.placed() {
		return x.firstPlaces(targets, from, limit)
	}
	if len(x.query.Sort) == 0 {
		return x.inOrder(targets, from, limit)
	}
	if len(targets) == 1 {
		x.single = true
		return x.sorted(targets[0], from, limit)
	}
	b := best{x: x, limit: limit}
	for _, t := range targets {
		open := len(x.iterators)
		for _, m := range x.sorted(t, from, limit) {
			if m, ok := x.load(m.document); ok {
				b.add(m)
			}
		}
		x.recycle(open)
	}
	return b.sorted()
}

// inOrder is first without a sort: matches come in the order of their creation.
func (x *walk) inOrder(targets []target, from *match, limit int) []match {
	x.need = limit
	sets := make([]set, len(targets))
	for i, t := range targets {
		sets[i] = x.members(t)
	}
	s := unite(sets)
	at := uint64(0)
	if from != nil {
		at = x.place(from.document) + 1
	}
	var found []match
	for at = s.seek(at); at != end && x.err == nil; at = s.seek(at + 1) {
		if found = append(found, match{document: x.place(at)}); len(found) == limit {
			break
		}
	}
	if from == nil && !x.reverse && x.err == nil && x.wantsTotal() {
		x.countOn(s, at, len(found))
	}
	return found
}

// wantsTotal reports whether a total is of use that costs little.
func (x *execution) wantsTotal() bool { return x.query.Total != search.TotalNone }

// countOn goes on from the last match of the first page, for as long as that is little work; a total
// that was asked for is worth more.
func (x *walk) countOn(s set, at uint64, n int) {
	spent := func() int64 { return x.examined + x.leaps*int64(tuned.seek) }
	until := spent() + int64(tuned.total)
	accurate := x.query.Total == search.TotalAccurate
	for at != end {
		if at = s.seek(at + 1); at != end {
			n++
		}
		if x.err != nil || !accurate && spent() > until {
			return
		}
	}
	x.matched = int64(n)
}

// finish adds what a page tells of the others.
func (x *execution) finish(page *store.Page, c cursor, targets []target, found []match, more bool) {
	if x.query.Total == search.TotalAccurate {
		page.Total, page.HasTotal = x.total(c, targets), true
		c.total = uint64(page.Total) + 1
	} else if x.query.Total != search.TotalNone {
		page.Total, page.HasTotal = x.cheapTotal(c, targets, found, more)
		if page.HasTotal {
			c.total = uint64(page.Total) + 1
		}
	}
	if len(found) == 0 {
		return
	}
	first := c.document == 0 && !c.back
	if first && more {
		c.position, c.fingerprint = x.lastPosition(), store.Fingerprint(x.query)
	}
	if c.total > uint64(len(found))+1 && (more || !first) {
		page.Last = c.to(match{}, true)
	}
	if more && !c.back || c.back && !c.last() {
		page.Next = c.to(found[len(found)-1], false)
	}
	if !first && (more || !c.back) {
		page.Prev = c.to(found[0], true)
	}
}

func (x *execution) total(c cursor, targets []target) int64 {
	switch {
	case c.total > 0:
		return int64(c.total - 1)
	case x.matched >= 0:
		return x.matched
	}
	return x.count(targets, 0)
}

// cheapTotal is the total where the page came by it, or there is nothing to look for.
func (x *execution) cheapTotal(c cursor, targets []target, found []match, more bool) (int64, bool) {
	switch {
	case c.total > 0:
		return int64(c.total - 1), true
	case c.document != 0:
		return 0, false
	case !more:
		return int64(len(found)), true
	case x.matched >= 0:
		return x.matched, true
	}
	for _, t := range targets {
		if t.filter != nil {
			return 0, false
		}
	}
	return x.count(targets, 0), true
}

// versions reads what the matches were in the state searched. Those deleted since are left out.
func (x *execution) versions(found []match) (list []store.Version, parts []int) {
	list = make([]store.Version, len(found))
	for _, i := range byDocument(found) {
		x.spend(1)
		if x.stopped() {
			return nil, nil
		}
		list[i] = x.look(found[i].document)
	}
	if x.query.ContainedAlone {
		parts = partsOf(found, list)
	}
	return slices.DeleteFunc(list, func(v store.Version) bool { return v.ID == "" }), parts
}

// mostLooked bounds what is kept of versions that tests have read.
const mostLooked = 64

// look is version, which is read once where it was read lately.
func (x *execution) look(document uint64) store.Version {
	if v, ok := x.looked[document]; ok {
		return v
	}
	if x.looking == nil {
		if x.looking = x.borrow([]byte{keyVersion}, []byte{keyVersion + 1}); x.looking == nil {
			return store.Version{}
		}
	}
	return x.version(x.looking, document)
}

// byDocument gives the places of matches in the order of documents, in which seeking is cheaper.
func byDocument(found []match) []int {
	order := make([]int, len(found))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(found[a].document, found[b].document) })
	return order
}

// version reads what a match was in the state searched; zero if it has been deleted since, or after an
// error.
func (x *execution) version(it *lsm.Iterator, document uint64) (version store.Version) {
	if !newestVersion(it, document) {
		x.check(it)
		x.fail(corrupt("a version is missing"))
		return version
	}
	_, number, _ := readDocumentKey(it.Key())
	version, _, err := x.store.vocabularies.readVersion(x.store.dictionary, it.Value(), number)
	x.fail(err)
	if err != nil || version.Deleted() {
		return store.Version{}
	}
	if x.past != nil {
		if old, changed := x.past.documents[document]; changed {
			version, err = x.store.getVersion(x, document, old.version)
			x.fail(err)
		}
	}
	return version
}
