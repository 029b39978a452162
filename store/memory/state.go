package memory

import (
	"cmp"
	"sort"
	"strings"
	"time"

	"github.com/RaduBerinde/btreemap"

	"kiln/search"
	"kiln/store"
)

// state is everything stored, as of one commit. It never changes after it was published.
type state struct {
	position    store.Position // of the newest version, 0 if there is none
	lastUpdated time.Time      // of the newest version
	created     uint64         // documents ever created
	revision    uint64         // revisions of records ever given

	documents *btreemap.BTreeMap[store.Key, *document]
	feed      *btreemap.BTreeMap[store.Position, *version]
	guards    *btreemap.BTreeMap[string, uint64]
	claims    *btreemap.BTreeMap[string, store.Key]
	records   *btreemap.BTreeMap[recordKey, store.Record]
	expiries  *btreemap.BTreeMap[expiry, struct{}]

	superseded chan struct{} // closed when there is a newer state
}

// document is a resource with all its versions: number n is at n-1. It never changes.
type document struct {
	key      store.Key
	number   uint64 // order of creation over all types
	versions []*version
}

// version is a version with what belongs to it alone.
type version struct {
	store.Version
	position store.Position
	number   uint64 // of its document
	entries  []search.Entry
	claims   []string
}

func (d *document) last() *version { return d.versions[len(d.versions)-1] }

// asOf gives the versions that there were at a position.
func (d *document) asOf(at store.Position) []*version {
	n := sort.Search(len(d.versions), func(i int) bool { return d.versions[i].position > at })
	return d.versions[:n]
}

const degree = 16

func newState() *state {
	return &state{
		documents:  btreemap.New[store.Key, *document](degree, compareKeys),
		feed:       btreemap.New[store.Position, *version](degree, cmp.Compare[store.Position]),
		guards:     btreemap.New[string, uint64](degree, strings.Compare),
		claims:     btreemap.New[string, store.Key](degree, strings.Compare),
		records:    btreemap.New[recordKey, store.Record](degree, compareRecordKeys),
		expiries:   btreemap.New[expiry, struct{}](degree, compareExpiries),
		superseded: make(chan struct{}),
	}
}

func compareKeys(a, b store.Key) int {
	return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.ID, b.ID))
}

// clone is a copy to change. Cloning the trees marks them, so only one goroutine at a time may.
func (s *state) clone() *state {
	c := *s
	c.documents = s.documents.Clone()
	c.feed = s.feed.Clone()
	c.guards = s.guards.Clone()
	c.claims = s.claims.Clone()
	c.records = s.records.Clone()
	c.expiries = s.expiries.Clone()
	c.superseded = make(chan struct{})
	return &c
}

func (s *state) document(key store.Key) *document {
	_, d, _ := s.documents.Get(key)
	return d
}

// current tells the number of the newest version, 0 for none, and whether that is no tombstone.
func (s *state) current(key store.Key) (version int64, exists bool) {
	d := s.document(key)
	if d == nil {
		return 0, false
	}
	return int64(len(d.versions)), !d.last().Deleted()
}
