package memory

import (
	"encoding/binary"

	"kiln/store"
)

// cursor is a place in the results as of a position: how many come before it, or back from it.
type cursor struct {
	kind        cursorKind
	fingerprint uint64
	preview     uint64
	at          store.Position
	offset      uint64
}

type cursorKind byte

const (
	searchCursor  cursorKind = 's'
	historyCursor cursorKind = 'h'
	backward      cursorKind = 0x80 // with one of these: the page ends at the place
)

const cursorSize = 1 + 4*8

func (c cursor) bytes() store.Cursor {
	b := make(store.Cursor, 0, cursorSize)
	b = append(b, byte(c.kind))
	for _, n := range [...]uint64{c.fingerprint, c.preview, uint64(c.at), c.offset} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

// read gives the place that a cursor of the same query and reader holds; c is that of the first
// page, from the newest position.
func (c cursor) read(b store.Cursor) (cursor, error) {
	if len(b) != cursorSize {
		return cursor{}, store.ErrCursor
	}
	number := func(i int) uint64 { return binary.BigEndian.Uint64(b[1+8*i:]) }
	got := cursor{
		kind: cursorKind(b[0]), fingerprint: number(0), preview: number(1),
		at: store.Position(number(2)), offset: number(3),
	}
	if got.kind&^backward != c.kind || got.fingerprint != c.fingerprint || got.preview != c.preview || got.at > c.at {
		return cursor{}, store.ErrCursor
	}
	return got, nil
}

// span is where a page begins and ends among all results.
func (c cursor) span(all, count int) (start, end uint64) {
	place := min(c.offset, uint64(all))
	if c.kind&backward != 0 {
		return place - min(place, uint64(count)), place
	}
	return place, min(place+uint64(count), uint64(all))
}

// cut takes a page out of all results.
func cut(all []store.Version, c cursor, count int) (page []store.Version, next, prev store.Cursor) {
	start, end := c.span(len(all), count)
	c.kind &^= backward
	if end < uint64(len(all)) {
		c.offset = end
		next = c.bytes()
	}
	if start > 0 {
		c.offset = start
		c.kind |= backward
		prev = c.bytes()
	}
	return all[start:end:end], next, prev
}

// last is the last of several pages; nil where there is one.
func last(all []store.Version, c cursor, count int) store.Cursor {
	if len(all) <= count {
		return nil
	}
	c.kind &^= backward
	c.offset = uint64((len(all) - 1) / count * count)
	return c.bytes()
}
