package pebble

import (
	"bytes"
	"encoding/binary"

	lsm "github.com/cockroachdb/pebble/v2"
)

// postings are the documents of one index key, in order: a value, and who has it.
type postings struct {
	x      *walk
	it     *lsm.Iterator
	prefix []byte
	key    []byte
	flags  entryFlags // those that a key must have one of; 0 for any
	// patience is how many keys are stepped over before leaping: a leap costs as much as some steps, and
	// whether it is worth that shows as one goes.
	patience int
	memo
}

// mostPatience is about how many steps cost as much as a leap.
const mostPatience = 8

// postings opens the documents whose keys are prefix and a document number.
func (x *walk) postings(prefix []byte) set {
	it := x.iterator(prefix, after(prefix))
	if it == nil {
		return empty{}
	}
	return &postings{x: x, it: it, prefix: prefix, key: make([]byte, 0, len(prefix)+documentSize), patience: mostPatience}
}

func (p *postings) seek(at uint64) uint64 {
	if p.known(at) {
		return p.to
	}
	if p.x.stopped() {
		return end
	}
	return p.learn(at, p.find(at))
}

// find steps to the next key, and leaps where that is not far enough.
func (p *postings) find(at uint64) uint64 {
	stepping := p.to != 0 && p.to < at && p.to != end && p.it.Valid()
	far := stepping && at > p.to+1
	var ok bool
	if stepping && (!far || p.patience > 0) {
		ok = p.step()
	} else {
		far, ok = false, p.leap(at)
	}
	for steps := 0; ok; {
		p.x.spend(1)
		if p.x.stopped() {
			return end
		}
		found, counts := p.current()
		switch {
		case found >= at && counts:
			if far {
				p.patience = mostPatience
			}
			return found
		case far && found < at && steps >= p.patience:
			p.patience /= 2
			far, ok = false, p.leap(at)
			continue
		}
		steps++
		ok = p.step()
	}
	p.x.check(p.it)
	return end
}

// current is the place that the iterator is at, and whether it is one of a member.
func (p *postings) current() (place uint64, counts bool) {
	key := p.it.Key()
	if len(key) < documentSize {
		return 0, false
	}
	place = p.x.place(binary.BigEndian.Uint64(key[len(key)-documentSize:]))
	return place, len(key) == len(p.prefix)+documentSize && (p.flags == 0 || keyFlags(p.it.Value())&p.flags != 0)
}

func (p *postings) step() bool {
	if p.x.reverse {
		return p.it.Prev()
	}
	return p.it.Next()
}

func (p *postings) leap(at uint64) bool {
	p.x.leaps++
	p.key = append(p.key[:0], p.prefix...)
	if p.x.reverse {
		if document := ^at; document < end {
			return p.it.SeekLT(appendNumber(p.key, document+1))
		}
		return p.it.Last()
	}
	return p.it.SeekGE(appendNumber(p.key, at))
}

// count is the number of keys, up to a limit.
func (x *walk) countKeys(lower, upper []byte, limit int) int {
	if upper != nil && bytes.Compare(lower, upper) >= 0 {
		return 0
	}
	it := x.borrow(lower, upper)
	if it == nil {
		return 0
	}
	defer x.giveBack(it)
	n := 0
	for ok := it.First(); ok && n < limit; ok = it.Next() {
		if n++; n%checkEvery == 0 {
			if x.spend(checkEvery); x.stopped() {
				return n
			}
		}
	}
	x.spend(n % checkEvery)
	x.check(it)
	return n
}
