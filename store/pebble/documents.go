package pebble

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// collector gathers documents in any order; few as a list, many as a bitmap.
type collector struct {
	list   []uint64
	bitmap *roaring64.Bitmap
}

func (c *collector) add(document uint64) {
	c.list = append(c.list, document)
	if len(c.list) >= tuned.listed {
		c.pour()
	}
}

// pour empties the list into the bitmap.
func (c *collector) pour() {
	if c.bitmap == nil {
		c.bitmap = roaring64.New()
	}
	slices.Sort(c.list)
	c.bitmap.AddMany(c.list)
	c.list = c.list[:0]
}

// set is what was gathered. The collector must not be used afterwards.
func (c *collector) set(x *walk) set {
	if c.bitmap == nil {
		slices.Sort(c.list)
		c.list = slices.Compact(c.list)
		if len(c.list) == 0 {
			return empty{}
		}
		return &list{x, c.list}
	}
	c.pour()
	return &bitmap{x: x, of: c.bitmap}
}

// size is how many different documents there are.
func (c *collector) size() int {
	if c.bitmap != nil {
		c.pour()
		return int(c.bitmap.GetCardinality())
	}
	slices.Sort(c.list)
	c.list = slices.Compact(c.list)
	return len(c.list)
}

// each visits the documents in ascending order.
func (c *collector) each(visit func(document uint64) bool) {
	if c.bitmap != nil {
		c.pour()
		for it := c.bitmap.Iterator(); it.HasNext(); {
			if !visit(it.Next()) {
				return
			}
		}
		return
	}
	c.size()
	for _, d := range c.list {
		if !visit(d) {
			return
		}
	}
}

// list is a set of documents in ascending order.
type list struct {
	x         *walk
	documents []uint64
}

func (l *list) seek(at uint64) uint64 {
	if l.x.reverse {
		if i, exact := slices.BinarySearch(l.documents, ^at); exact {
			return at
		} else if i > 0 {
			return ^l.documents[i-1]
		}
		return end
	}
	if i, _ := slices.BinarySearch(l.documents, at); i < len(l.documents) {
		return l.documents[i]
	}
	return end
}

// bitmap is a set of many documents.
type bitmap struct {
	x  *walk
	of *roaring64.Bitmap
	it roaring64.IntPeekable64
	memo
}

func (b *bitmap) seek(at uint64) uint64 {
	if b.known(at) {
		return b.to
	}
	if b.x.reverse {
		rank := b.of.Rank(^at)
		if rank == 0 {
			return b.learn(at, end)
		}
		document, err := b.of.Select(rank - 1)
		if err != nil {
			return b.learn(at, end)
		}
		return b.learn(at, ^document)
	}
	if b.it == nil || at < b.from {
		b.it = b.of.Iterator()
	}
	b.it.AdvanceIfNeeded(at)
	if !b.it.HasNext() {
		return b.learn(at, end)
	}
	return b.learn(at, b.it.PeekNext())
}
