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
	memo
}

// postings opens the documents whose keys are prefix and a document number.
func (x *walk) postings(prefix []byte) set {
	it := x.iterator(prefix, after(prefix))
	if it == nil {
		return empty{}
	}
	return &postings{x: x, it: it, prefix: prefix, key: make([]byte, 0, len(prefix)+documentSize)}
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
	var ok bool
	switch {
	case p.to != 0 && p.to != end && at == p.to+1 && p.it.Valid():
		ok = p.step()
	default:
		ok = p.leap(at)
	}
	for ok {
		p.x.examined++
		if p.x.stopped() {
			return end
		}
		key := p.it.Key()
		if len(key) == len(p.prefix)+documentSize && (p.flags == 0 || keyFlags(p.it.Value())&p.flags != 0) {
			if found := p.x.place(binary.BigEndian.Uint64(key[len(p.prefix):])); found >= at {
				return found
			}
		}
		ok = p.step()
	}
	p.x.check(p.it)
	return end
}

func (p *postings) step() bool {
	if p.x.reverse {
		return p.it.Prev()
	}
	return p.it.Next()
}

func (p *postings) leap(at uint64) bool {
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
		if n++; n%checkEvery == 0 && x.stopped() {
			return n
		}
	}
	x.examined += int64(n)
	x.check(it)
	return n
}
