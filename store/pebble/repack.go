package pebble

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// merge writes the list that has the values of fresh, and of kept those whose parameters stay. It is the
// list that packing all of them at once would have made; a list is told from another byte by byte.
func (p *packer) merge(fresh, kept []byte, stays func(code) bool) error {
	a, b := walkPacked(fresh), walkPacked(kept)
	next := func() bool {
		for b.next() {
			if stays(b.param) {
				return true
			}
		}
		return false
	}
	moreA, moreB := a.next(), next()
	for moreA || moreB {
		if moreA && (!moreB || a.param < b.param) {
			p.raw(a.param, a.flags, a.value)
			moreA = a.next()
		} else {
			p.raw(b.param, b.flags, b.value)
			moreB = next()
		}
	}
	if len(a.rest) > 0 || len(b.rest) > 0 {
		return corrupt("a list of index values")
	}
	return nil
}

// raw writes a value that is packed already.
func (p *packer) raw(param code, flags entryFlags, value []byte) {
	at, start := p.begin(param, flags)
	p.out = append(p.out, value...)
	p.end(at, start)
}

// sameValues reports whether two lists tell the same of a resource. The order in which the values of a
// parameter are found depends on which others are looked for along with it, and means nothing.
func sameValues(a, b []byte) bool {
	return bytes.Equal(a, b) || bytes.Equal(inOrder(a), inOrder(b))
}

// inOrder spells a list out with the values of each parameter in one order.
func inOrder(list []byte) []byte {
	var entries [][]byte
	p := walkPacked(list)
	for p.next() {
		e := append(appendCode(nil, p.param), byte(p.flags))
		entries = append(entries, append(binary.AppendUvarint(e, uint64(len(p.value))), p.value...))
	}
	slices.SortFunc(entries, bytes.Compare)
	return append(bytes.Join(entries, nil), p.rest...)
}
