package mongodb

import (
	"encoding/binary"

	"kiln/store"
)

// searchCursor is a place in the matches of a query as of a position. Any process goes on from it.
type searchCursor struct {
	fingerprint uint64
	preview     uint64
	at          int64 // the position
	backward    bool  // the page ends before the place
	place       place
	// What the first page found out for the others: how many matches there are, unless total is below 0, and
	// after which the last page begins, in pages of count; 0 where there is one.
	total int64
	count int64
	last  place
}

// place is behind a match: the number of its resource and what is contained there, from 1; with a sort how
// many matches are before it.
type place struct{ number, contained int64 }

const searchCursorSize = 1 + 9*8

// first is the cursor of the first page.
func (v *view) first(fingerprint uint64) searchCursor {
	return searchCursor{fingerprint: fingerprint, preview: v.preview(), at: v.at, total: -1}
}

func (c *searchCursor) bytes() store.Cursor {
	b := append(make(store.Cursor, 0, searchCursorSize), 's')
	if c.backward {
		b[0] = 'S'
	}
	b = binary.BigEndian.AppendUint64(b, c.fingerprint)
	b = binary.BigEndian.AppendUint64(b, c.preview)
	for _, n := range c.numbers() {
		b = binary.BigEndian.AppendUint64(b, uint64(*n))
	}
	return b
}

func (c *searchCursor) numbers() []*int64 {
	return []*int64{&c.at, &c.place.number, &c.place.contained, &c.total, &c.count, &c.last.number, &c.last.contained}
}

// read gives what a cursor of the same query and reader holds; c is that of the first page.
func (c searchCursor) read(b store.Cursor) (searchCursor, error) {
	if len(b) != searchCursorSize || b[0] != 's' && b[0] != 'S' {
		return c, store.ErrCursor
	}
	got := searchCursor{backward: b[0] == 'S', fingerprint: binary.BigEndian.Uint64(b[1:]), preview: binary.BigEndian.Uint64(b[9:])}
	for i, n := range got.numbers() {
		*n = int64(binary.BigEndian.Uint64(b[17+8*i:]))
	}
	if got.fingerprint != c.fingerprint || got.preview != c.preview || got.at < 0 || got.at > c.at || got.total < -1 || got.count < 0 {
		return c, store.ErrCursor
	}
	return got, nil
}

// ahead is the cursor of the page behind a place, back of the one before.
func (c searchCursor) ahead(p place) store.Cursor {
	c.place, c.backward = p, false
	return c.bytes()
}

func (c searchCursor) back(p place) store.Cursor {
	c.place, c.backward = p, true
	return c.bytes()
}
