package pebble

import (
	"bytes"
	"slices"
)

// joinKeys gathers ends of keys and visits each of them once, or once for each batch, in order: keys that
// follow one another lie in the same blocks.
type joinKeys struct {
	visit func(key []byte)
	arena []byte
	spans []held
}

// add notes a key in parts.
func (k *joinKeys) add(first, second, third []byte) {
	start := len(k.arena)
	k.arena = append(append(append(k.arena, first...), second...), third...)
	k.spans = append(k.spans, held{start, len(k.arena)})
	if len(k.arena) >= tuned.batch {
		k.flush()
	}
}

// flush visits the keys that were added.
func (k *joinKeys) flush() {
	key := func(s held) []byte { return k.arena[s.start:s.end] }
	slices.SortFunc(k.spans, func(a, b held) int { return bytes.Compare(key(a), key(b)) })
	for i, s := range k.spans {
		if i == 0 || !bytes.Equal(key(s), key(k.spans[i-1])) {
			k.visit(key(s))
		}
	}
	k.arena, k.spans = k.arena[:0], k.spans[:0]
}
