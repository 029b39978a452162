package pebble

import (
	"cmp"
	"slices"

	"kiln/search"
)

// match is one document among the matches, with its values where they are sorted by.
type match struct {
	document uint64
	part     int // 0 is the resource itself, else the contained one after search.Place.At
	entries  []search.Entry
}

// compare orders matches as the query asks, in the direction of the walk.
func (x *walk) compare(a, b match) int {
	c := cmp.Or(search.CompareSort(a.entries, b.entries, x.query.Sort), cmp.Compare(a.document, b.document), cmp.Compare(a.part, b.part))
	if x.reverse {
		return -c
	}
	return c
}

// load reads the values that a document is sorted by.
func (x *walk) load(document uint64) (match, bool) {
	m := match{document: document}
	if len(x.query.Sort) == 0 {
		return m, true
	}
	r, ok := x.valuesOf(document, x.sorting)
	var err error
	if m.entries, err = x.sorter.Entries(r); err != nil {
		x.fail(err)
	}
	return m, ok && err == nil
}

// best keeps the first matches in the order of the walk that come after a place.
type best struct {
	x     *walk
	limit int
	from  *match // only what comes after it; nil for all
	heap  []match
}

// add takes a match; the worst one kept is at the top of the heap.
func (b *best) add(m match) {
	if b.from != nil && b.x.compare(m, *b.from) <= 0 {
		return
	}
	if len(b.heap) < b.limit {
		b.heap = append(b.heap, m)
		b.up(len(b.heap) - 1)
	} else if b.x.compare(m, b.heap[0]) < 0 {
		b.heap[0] = m
		b.down(0)
	}
}

func (b *best) worse(i, j int) bool { return b.x.compare(b.heap[i], b.heap[j]) > 0 }

func (b *best) up(i int) {
	for i > 0 && b.worse(i, (i-1)/2) {
		b.heap[i], b.heap[(i-1)/2] = b.heap[(i-1)/2], b.heap[i]
		i = (i - 1) / 2
	}
}

func (b *best) down(i int) {
	for {
		worst := i
		for child := 2*i + 1; child <= 2*i+2; child++ {
			if child < len(b.heap) && b.worse(child, worst) {
				worst = child
			}
		}
		if worst == i {
			return
		}
		b.heap[i], b.heap[worst] = b.heap[worst], b.heap[i]
		i = worst
	}
}

// sorted gives what was kept, in order.
func (b *best) sorted() []match {
	slices.SortFunc(b.heap, b.x.compare)
	return b.heap
}
