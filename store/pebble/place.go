package pebble

import (
	"encoding/binary"

	lsm "github.com/cockroachdb/pebble/v2"
)

// place tells which version has a position in the feed, and in the history of its type.
type place struct {
	document    uint64
	version     int64
	lastUpdated int64 // milliseconds
	typ         code
}

func (p place) append(b []byte) []byte {
	for _, n := range [...]uint64{p.document, uint64(p.version), uint64(p.lastUpdated)} {
		b = binary.AppendUvarint(b, n)
	}
	return appendCode(b, p.typ)
}

func readPlace(b []byte) (place, error) {
	r := unpacker{rest: b}
	p := place{document: r.uvarint(), version: int64(r.uvarint()), lastUpdated: int64(r.uvarint())}
	p.typ = code(r.byte())<<8 | code(r.byte())
	if r.err != nil || len(r.rest) > 0 {
		return place{}, corrupt("the feed")
	}
	return p, nil
}

// lastInFeed finds the newest version; zero if there is none.
func lastInFeed(src source) (position uint64, lastUpdated int64, err error) {
	it, err := src.NewIter(&lsm.IterOptions{LowerBound: []byte{keyFeed}, UpperBound: []byte{keyFeed + 1}})
	if err != nil {
		return 0, 0, err
	}
	defer it.Close()
	if !it.Last() {
		return 0, 0, it.Error()
	}
	if len(it.Key()) != 9 {
		return 0, 0, corrupt("the feed")
	}
	p, err := readPlace(it.Value())
	return binary.BigEndian.Uint64(it.Key()[1:]), p.lastUpdated, err
}
