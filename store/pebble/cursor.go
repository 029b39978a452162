package pebble

import (
	"encoding/binary"
	"hash/crc32"

	"kiln/store"
)

// cursor is a place in the matches of a query as of a position of the feed. It names the match next
// to the page; what that is sorted by is read from the values of the version that it had then.
type cursor struct {
	fingerprint uint64
	preview     uint64
	position    uint64 // the newest of the state that the first page saw
	document    uint64 // the match next to the page; 0 before the first page, or back from the end
	part        int    // of the match, see there
	back        bool   // the page before the match, else after it
	total       uint64 // of the first page plus 1; 0 where it was not counted
}

const (
	cursorMark = 's'
	cursorSize = 2 + 5*8 + 4
	partSize   = 4 // more, of a contained resource
)

// to is the cursor of the page after, or before, a match.
func (c cursor) to(m match, back bool) store.Cursor {
	b := make(store.Cursor, 0, cursorSize+partSize)
	direction := byte(0)
	if back {
		direction = 1
	}
	b = append(b, cursorMark, direction)
	for _, n := range [...]uint64{c.fingerprint, c.preview, c.position, m.document, c.total} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	if m.part > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(m.part))
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// read gives the place that a cursor of the same query and reader holds; c is that of the first page.
func (c cursor) read(b store.Cursor) (cursor, error) {
	if len(b) != cursorSize && len(b) != cursorSize+partSize || b[0] != cursorMark || b[1] > 1 {
		return c, store.ErrCursor
	}
	if body := b[:len(b)-4]; crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[len(b)-4:]) {
		return c, store.ErrCursor
	}
	number := func(i int) uint64 { return binary.BigEndian.Uint64(b[2+8*i:]) }
	got := cursor{
		fingerprint: number(0), preview: number(1), position: number(2), document: number(3), total: number(4),
		back: b[1] == 1,
	}
	if len(b) > cursorSize {
		got.part = int(binary.BigEndian.Uint32(b[cursorSize-4:]))
	}
	if got.fingerprint != c.fingerprint || got.preview != c.preview || got.document == 0 && !got.last() {
		return c, store.ErrCursor
	}
	return got, nil
}

// last tells that the page is the last one, which is found from the end.
func (c cursor) last() bool { return c.document == 0 && c.back && c.total > 1 }

// size is how many matches the page may have: the last has what full pages before it leave.
func (c cursor) size(count int) int {
	if !c.last() {
		return count
	}
	return int((c.total-2)%uint64(count)) + 1
}
