package storetest

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"kiln/search"
	"kiln/search/searchtest"
	"kiln/store"
	"kiln/store/memory"
)

var randoms = []promise{
	{"random histories and searches agree with the memory engine and with search.Match", func(t *trial) { t.random(false) }},
	{"random histories of few resources agree with the memory engine and with search.Match", func(t *trial) { t.random(true) }},
}

var (
	seed  = flag.Uint64("storetest.seed", 0, "seed of the random histories; 0 takes a new one")
	steps = flag.Int("storetest.steps", 400, "random transactions in one history")
)

// duel is an engine and the memory engine, which get the same and must say the same.
type duel struct {
	*trial
	r      *rand.Rand
	memory *memory.Store
	few    bool // few resources, small and simple, that change often

	created   []store.Key    // in that order
	moments   []time.Time    // of the commits
	samples   []search.Entry // of what was written lately
	snapshots []pair
	pagings   []paging
	histories []oldHistory
}

// oldHistory is a history that has pages left: what the engine gave, and what memory gave in all.
type oldHistory struct {
	query     store.HistoryQuery
	got, want []store.Version
}

// pair is the same state in both engines.
type pair struct{ engine, memory store.Snapshot }

// paging is a search that has pages left: what the engine gave, and what memory gave as a whole.
type paging struct {
	text   string
	query  *search.Query
	got    []store.Version
	want   []store.Version
	cursor store.Cursor
}

func (t *trial) random(few bool) {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("run again with -storetest.seed=%d", n)
	d := &duel{
		trial: t, few: few, r: rand.New(rand.NewPCG(n, 1)),
		memory: memory.New(memory.Options{Now: t.clock.Now, Parameters: Parameters()}),
	}
	for step := range t.rounds(*steps) {
		d.step(step)
	}
	d.settle()
}

func (d *duel) step(n int) {
	d.Helper()
	d.clock.Advance(time.Duration(d.r.IntN(4)-1) * time.Duration(d.r.IntN(1500)) * time.Millisecond)
	d.transact()
	switch n % 8 {
	case 1:
		d.compareReads(d.Store, d.memory)
	case 3:
		d.compareHistories(d.Store, d.memory)
	case 5:
		d.compareSearches(d.Store, d.memory)
	case 7:
		d.glance()
	}
	d.turnPages()
	if n%40 == 39 {
		d.compareRecords()
		d.compareFeeds()
		d.compareWithMatch()
	}
	if n%100 == 99 {
		d.settle()
	}
}

// settle ends what is open, compares everything and, if that loses nothing, opens the store anew.
func (d *duel) settle() {
	d.Helper()
	for _, p := range d.snapshots {
		d.compareReads(p.engine, p.memory)
		d.compareHistories(p.engine, p.memory)
		d.compareSearches(p.engine, p.memory)
		d.must(p.engine.Close())
		d.must(p.memory.Close())
	}
	d.snapshots = nil
	if d.durable {
		d.reopen()
	}
	for len(d.pagings)+len(d.histories) > 0 {
		d.turnPages()
	}
	d.compareReads(d.Store, d.memory)
	d.compareFeeds()
	d.compareWithMatch()
}

// glance opens a snapshot to be compared later, or looks into a preview.
func (d *duel) glance() {
	d.Helper()
	if d.r.IntN(2) == 0 {
		ours, err := d.Snapshot(d.ctx)
		d.must(err)
		theirs, err := d.memory.Snapshot(d.ctx)
		d.must(err)
		d.snapshots = append(d.snapshots, pair{ours, theirs})
		return
	}
	ours, theirs := d.transaction()
	engine, err := d.Preview(d.ctx, ours)
	mirror, refusal := d.memory.Preview(d.ctx, theirs)
	d.equal("why the preview is refused", err, refusal)
	if err != nil {
		return
	}
	d.compareReads(engine, mirror)
	d.compareHistories(engine, mirror)
	d.compareSearches(engine, mirror)
	d.must(engine.Close())
}

// transact commits the same to both.
func (d *duel) transact() {
	d.Helper()
	ours, theirs := d.transaction()
	versions, err := d.Commit(d.ctx, ours)
	expected, refusal := d.memory.Commit(d.ctx, theirs)
	d.equal("why the commit is refused", err, refusal)
	d.equal("the versions made", versions, expected)
	for i, v := range versions {
		if v.VersionID != 0 {
			d.moments = append(d.moments, v.LastUpdated)
		}
		if v.VersionID == 1 {
			d.created = append(d.created, v.Key)
		}
		if v.VersionID != 0 {
			d.samples = append(d.samples, ours.Changes[i].Entries...)
			d.samples = append(d.samples, Parameters().Own(v.ID, v.LastUpdated)...)
		}
	}
	d.samples = d.samples[max(0, len(d.samples)-3000):]
}

// transaction makes a random transaction, for the engine and for memory: revisions differ.
func (d *duel) transaction() (ours, theirs store.Transaction) {
	for range 1 + d.r.IntN(5) {
		ours.Changes = append(ours.Changes, d.change())
	}
	for range max(0, d.r.IntN(6)-3) {
		guard := fmt.Sprintf("guard %d", d.r.IntN(3))
		seen, err := d.memory.Guard(d.ctx, guard)
		d.must(err)
		ours.Guards = append(ours.Guards, store.Guard{Key: guard, Seen: seen + uint64(d.r.IntN(8)/7)})
	}
	theirs = ours
	for range max(0, d.r.IntN(6)-3) {
		c, mirrored := d.recordChange()
		ours.Records, theirs.Records = append(ours.Records, c), append(theirs.Records, mirrored)
	}
	return ours, theirs
}

func (d *duel) change() store.Change {
	c := d.content()
	if d.r.IntN(5) == 0 {
		c = Delete(c.Key.String())
	}
	switch d.r.IntN(8) {
	case 1:
		if c.Method != store.Delete {
			c.Method = store.Create
		}
	case 2:
		c = IfAbsent(c)
	case 3:
		current := int64(0)
		if page, err := d.memory.History(d.ctx, store.HistoryQuery{Type: c.Key.Type, ID: c.Key.ID}); err == nil {
			current = page.Total
		}
		c = IfVersion(current+int64(d.r.IntN(6)/5), c)
	}
	for d.r.IntN(4) == 0 {
		c.Claims = append(c.Claims, fmt.Sprintf("claim %d", d.r.IntN(12)))
	}
	return c
}

// content is a random resource, at times one that was there before.
func (d *duel) content() store.Change {
	if d.few && d.r.IntN(4) == 0 {
		return bearer(d.r.IntN(8), d.r.IntN(40))
	}
	if d.few && d.r.IntN(3) == 0 {
		return Put(fmt.Sprintf("Observation/o%d", d.r.IntN(8)),
			fmt.Sprintf(`"subject":{"reference":"Patient/p%02d"},"status":"%s"`, d.r.IntN(12), []string{"final", "amended"}[d.r.IntN(2)]))
	}
	if d.few {
		return person(d.r.IntN(12), d.r.IntN(20))
	}
	typ := searchtest.RandomType(d.r)
	id := fmt.Sprintf("r%d", 1+d.r.IntN(9))
	return Content(id, string(searchtest.RandomResource(d.r, typ, id).Source()))
}

func (d *duel) recordChange() (ours, theirs store.RecordChange) {
	ours = store.RecordChange{Bucket: fmt.Sprintf("b%d", d.r.IntN(2)), Key: fmt.Sprintf("k%d", d.r.IntN(4))}
	if d.r.IntN(4) > 0 {
		ours.Value = fmt.Append(nil, d.r.IntN(1000))
	}
	if d.r.IntN(2) == 0 { // at once or never, for what has expired need not come back with the clock
		ours.Expires = Start.Add(time.Duration(d.r.IntN(2)*2-1) * 24 * time.Hour)
	}
	theirs = ours
	switch d.r.IntN(4) {
	case 0:
	case 1:
		ours.Revision, theirs.Revision = store.AnyRevision-1, store.AnyRevision-1
	case 2:
		ours.Revision, theirs.Revision = d.revision(d.Store, ours), d.revision(d.memory, ours)
	default:
		ours.Revision, theirs.Revision = store.AnyRevision, store.AnyRevision
	}
	return ours, theirs
}

func (d *duel) revision(s store.Store, c store.RecordChange) uint64 {
	r, err := s.Records(c.Bucket).Get(d.ctx, c.Key)
	if errors.Is(err, store.ErrNotFound) {
		return 0
	}
	d.must(err)
	return r.Revision
}

func (d *duel) compareRecords() {
	d.Helper()
	for _, bucket := range []string{"b0", "b1", "b2"} {
		ours, err := d.Records(bucket).List(d.ctx, "k", "", 0)
		d.must(err)
		theirs, err := d.memory.Records(bucket).List(d.ctx, "k", "", 0)
		d.must(err)
		for _, list := range [][]store.Record{ours, theirs} {
			for i := range list {
				list[i].Revision = 0
			}
		}
		d.equal("the records of "+bucket, ours, theirs)
	}
	for n := range 3 {
		guard := fmt.Sprintf("guard %d", n)
		d.equal(guard, d.guard(d.Store, guard), d.guard(d.memory, guard))
	}
}

// compareReads compares reads and version reads.
func (d *duel) compareReads(engine, mirror store.Reader) {
	d.Helper()
	for _, key := range append(slices.Clone(d.created), store.Key{Type: "Patient", ID: "never"}) {
		ours, err := engine.Read(d.ctx, key)
		theirs, expected := mirror.Read(d.ctx, key)
		d.equal("the version of "+key.String(), ours, theirs)
		d.equal("the error of "+key.String(), fmt.Sprint(err), fmt.Sprint(expected))
		n := 1 + d.r.Int64N(6)
		ours, err = engine.ReadVersion(d.ctx, key, n)
		theirs, expected = mirror.ReadVersion(d.ctx, key, n)
		what := fmt.Sprintf("version %d of %s", n, key)
		d.equal(what, ours, theirs)
		d.equal("the error of "+what, fmt.Sprint(err), fmt.Sprint(expected))
	}
}

// compareHistories compares random histories on all pages, there and back.
func (d *duel) compareHistories(engine, mirror store.Reader) {
	d.Helper()
	for range 6 {
		q := d.historyQuery()
		what := fmt.Sprintf("the history %+v", q)
		whole := q
		whole.Count = 1 << 20
		expected, err := mirror.History(d.ctx, whole)
		d.must(err)
		d.equal(what, d.history(engine, q), expected.Versions)
		if page, err := engine.History(d.ctx, q); d.r.IntN(2) == 0 && engine == store.Reader(d.Store) && page.Next != nil {
			d.must(err)
			q.Cursor = page.Next
			d.histories = append(d.histories, oldHistory{q, page.Versions, expected.Versions})
			q.Cursor = nil
		}
		total := q
		total.Count = 0
		page, err := engine.History(d.ctx, total)
		d.must(err)
		d.equal(what+": the total", page, store.HistoryPage{Total: expected.Total, HasTotal: true})
	}
}

func (d *duel) historyQuery() store.HistoryQuery {
	q := store.HistoryQuery{Count: 1 + d.r.IntN(12)}
	if len(d.created) > 0 {
		key := d.created[d.r.IntN(len(d.created))]
		switch d.r.IntN(4) {
		case 0:
			q.Type = key.Type
		case 1, 2:
			q.Type, q.ID = key.Type, key.ID
		}
	}
	passed := max(time.Second, d.clock.Now().Sub(Start))
	moment := func() time.Time {
		if n := len(d.moments); n > 0 && d.r.IntN(2) == 0 { // where it matters which side is meant
			return d.moments[d.r.IntN(n)].Add(time.Duration(d.r.IntN(5)/2-1) * time.Millisecond)
		}
		return Start.Add(time.Duration(d.r.Int64N(int64(passed) * 6 / 5))).Truncate(time.Millisecond)
	}
	if d.r.IntN(4) == 0 {
		q.Since = moment()
	}
	if d.r.IntN(4) == 0 {
		q.Until = moment()
	}
	if d.r.IntN(3) == 0 {
		q.At = moment()
	}
	if d.r.IntN(2) == 0 {
		q.AtEnd = moment()
	}
	if q.At.IsZero() {
		q.AtEnd = time.Time{}
	}
	return q
}

// compareSearches compares random searches: the whole, counts and pages.
func (d *duel) compareSearches(engine, mirror store.Reader) {
	d.Helper()
	for range 12 {
		text := d.searchText()
		query := Query(text)
		query.Count, query.Total = 1+d.r.IntN(8), search.TotalAccurate
		expected, err := mirror.Search(d.ctx, whole(query), nil)
		d.must(err)
		got, next := d.firstPages(text, engine, query, 1+d.r.IntN(3))
		if next == nil {
			d.equal(text, tags(got), tags(placed(expected)))
			d.equal(text, got, placed(expected))
		} else {
			d.equal(text, tags(got), tags(placed(expected)[:min(len(got), len(expected.Matches))]))
			if engine == store.Reader(d.Store) {
				d.pagings = append(d.pagings, paging{text, query, got, placed(expected), next})
			}
		}
		count, err := engine.Count(d.ctx, query)
		d.must(err)
		d.equal(text+": the count", count, expected.Total)
	}
}

// whole is the query with everything on one page.
func whole(query *search.Query) *search.Query {
	q := *query
	q.Count = 1 << 20
	return &q
}

func (d *duel) firstPages(text string, engine store.Reader, query *search.Query, pages int) (got []store.Version, next store.Cursor) {
	d.Helper()
	for range pages {
		page, err := engine.Search(d.ctx, query, next)
		if err != nil {
			d.Fatalf("%s: %v", text, err)
		}
		got, next = append(got, placed(page)...), page.Next
		if next == nil {
			break
		}
	}
	return got, next
}

func (d *duel) searchText() string {
	if d.few {
		queries := [][]string{crowdQueries, chainQueries, bearerQueries}[d.r.IntN(3)]
		return queries[d.r.IntN(len(queries))]
	}
	typ := searchtest.RandomType(d.r)
	if d.r.IntN(8) == 0 {
		typ = ""
	}
	return typ + "?" + searchtest.RandomQuery(d.r, Parameters(), typ, d.samples)
}

var chainQueries = []string{
	"Observation?subject:Patient.active=true", "Observation?subject:Patient.family:contains=a&_sort=-_id", "Observation?subject:Patient._id=p03,p04,p05",
	"Observation?subject:Patient.active:not=true&status=final", "Patient?_has:Observation:subject:status=final", "Patient?_has:Observation:subject:_id=o1,o2&_sort=family",
	"Patient?_has:Observation:subject:subject:Patient.active=true", "Observation?subject:Patient._has:Observation:subject:status=amended&_sort=subject",
}

// turnPages reads on in searches and histories that began before: they must show what memory
// showed then.
func (d *duel) turnPages() {
	d.Helper()
	for i := range d.pagings {
		p := &d.pagings[i]
		page, err := d.Search(d.ctx, p.query, p.cursor)
		if err != nil {
			d.Fatalf("%s: %v", p.text, err)
		}
		d.equal(p.text+": the total of a later page", page.Total, int64(len(p.want)))
		p.got, p.cursor = append(p.got, placed(page)...), page.Next
		if p.cursor == nil {
			wanted := slices.DeleteFunc(slices.Clone(p.want), func(w store.Version) bool {
				return !slices.ContainsFunc(p.got, func(g store.Version) bool { return g.Key == w.Key }) && d.deletedSince(w)
			})
			d.equal(p.text+": the pages", tags(p.got), tags(wanted))
			d.equal(p.text+": the pages", p.got, wanted)
		}
	}
	d.pagings = slices.DeleteFunc(d.pagings, func(p paging) bool { return p.cursor == nil })
	for i := range d.histories {
		h := &d.histories[i]
		page, err := d.History(d.ctx, h.query)
		d.must(err)
		h.got, h.query.Cursor = append(h.got, page.Versions...), page.Next
		if page.Next == nil {
			d.equal(fmt.Sprintf("all pages of the history %+v", h.query), tags(h.got), tags(h.want))
		}
	}
	d.histories = slices.DeleteFunc(d.histories, func(h oldHistory) bool { return h.query.Cursor == nil })
}

func (d *duel) deletedSince(v store.Version) bool {
	for n := v.VersionID + 1; ; n++ {
		later, err := d.memory.ReadVersion(d.ctx, containerKey(v.Key), n)
		if err != nil {
			return false
		}
		if later.Deleted() {
			return true
		}
	}
}

// compareFeeds compares the whole feed, and the feed from somewhere.
func (d *duel) compareFeeds() {
	d.Helper()
	events := d.events(0)
	page, err := d.memory.History(d.ctx, store.HistoryQuery{Count: 1 << 20})
	d.must(err)
	made := reverse(page.Versions)
	d.equal("the length of the feed", len(events), len(made))
	for i, e := range events {
		d.equal("the version in the feed", e.Version, made[i])
	}
	if len(events) > 1 {
		from := d.r.IntN(len(events) - 1)
		d.equal("the feed from amid", d.events(events[from].Position), events[from+1:])
	}
}
