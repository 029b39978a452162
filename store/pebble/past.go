package pebble

import (
	"encoding/binary"
	"slices"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/search"
)

// past is the state as of an earlier position of the feed, told by what has changed since: every
// other document is as the index has it. Usually little changes while someone turns pages.
type past struct {
	position  uint64
	last      uint64 // the last document there was
	documents map[uint64]oldVersion
	byType    map[code][]uint64 // the same documents, ascending
}

// oldVersion is the version that a document had, with there false for a tombstone.
type oldVersion struct {
	version int64
	there   bool
}

// readPast collects what has changed since a position; nil if nothing has.
func (x *execution) readPast(position uint64) *past {
	it := x.borrow(feedKey(nil, position+1), []byte{keyFeed + 1})
	if it == nil {
		return nil
	}
	defer x.giveBack(it)
	if !it.First() {
		return nil
	}
	p := &past{position: position, last: end, documents: map[uint64]oldVersion{}, byType: map[code][]uint64{}}
	for ok := true; ok && !x.stopped(); ok = it.Next() {
		place, err := readPlace(it.Value())
		x.fail(err)
		x.spend(1)
		if _, seen := p.documents[place.document]; seen || err != nil || place.document > p.last {
			continue
		}
		if place.version == 1 {
			p.last = place.document - 1 // documents are numbered in the order of the feed
			continue
		}
		old := oldVersion{version: place.version - 1}
		old.there = x.exists(valuesKey(nil, place.document, old.version))
		p.documents[place.document] = old
		p.byType[place.typ] = append(p.byType[place.typ], place.document)
	}
	x.check(it)
	for _, documents := range p.byType {
		slices.Sort(documents)
	}
	return p
}

func (x *execution) exists(key []byte) bool {
	_, closer, err := x.Get(key)
	if err != nil {
		x.fail(ignoreNotFound(err))
		return false
	}
	_ = closer.Close()
	return true
}

func (x *execution) oldResource(document uint64, version int64, wanted map[code]*search.Parameter) (search.Resource, bool) {
	x.spend(1)
	value, closer, err := x.Get(valuesKey(nil, document, version))
	if err != nil {
		x.fail(err)
		return search.Resource{}, false
	}
	defer closer.Close()
	r, ok := x.readResource(value, wanted)
	x.deferWords(&r, document, version)
	return r, ok
}

// unchanged leaves those members of a set that have not changed since the past.
func (x *walk) unchanged(typ code, s set) set {
	if x.past == nil {
		return s
	}
	s = &upTo{x: x, of: s, last: x.past.last}
	if changed := x.past.byType[typ]; len(changed) > 0 {
		s = subtract(s, &list{x, changed})
	}
	return s
}

// formerly are the changed documents of a type that matched then.
func (x *walk) formerly(typ code, filter search.Expr) []uint64 {
	if x.past == nil {
		return nil
	}
	var documents []uint64
	for _, d := range x.past.byType[typ] {
		if x.past.documents[d].there && !x.stopped() && x.matches(d, filter) {
			documents = append(documents, d)
		}
	}
	return documents
}

// restore turns the set of what matches a filter now into that of what matched it then.
func (x *walk) restore(typ code, s set, filter search.Expr) set {
	if x.past == nil {
		return s
	}
	s = x.unchanged(typ, s)
	if former := x.formerly(typ, filter); len(former) > 0 {
		s = unite([]set{s, &list{x, former}})
	}
	return s
}

// lastPosition is the newest position that the search sees.
func (x *execution) lastPosition() uint64 {
	it := x.borrow([]byte{keyFeed}, []byte{keyFeed + 1})
	if it == nil {
		return 0
	}
	defer x.giveBack(it)
	if !it.Last() {
		return 0
	}
	if len(it.Key()) != 9 {
		x.fail(corrupt("the feed"))
		return 0
	}
	return binary.BigEndian.Uint64(it.Key()[1:])
}

// newestVersion positions an iterator over versions at the newest of a document.
func newestVersion(it *lsm.Iterator, document uint64) bool {
	var buffer [9]byte
	if !it.SeekGE(documentKey(buffer[:0], keyVersion, document)) {
		return false
	}
	found, _, ok := readDocumentKey(it.Key())
	return ok && found == document
}

// unchangedDocument reports whether the index tells of a document as it is in the state searched.
func (x *execution) unchangedDocument(document uint64) bool {
	if x.past == nil {
		return true
	}
	_, changed := x.past.documents[document]
	return !changed && document <= x.past.last
}
