package pebble

import (
	"bytes"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// writeIndex brings the index keys of a resource from those of its old version to those of the next:
// only what differs is written.
func (l *landing) writeIndex(p *prepared, old, next head) error {
	before := &keyList{}
	var links []byte
	if old.version > 0 && !old.deleted() {
		var err error
		if before, links, err = l.oldKeys(p.typ, old); err != nil {
			return err
		}
		if err := l.deleteTime(p.typ, old); err != nil {
			return err
		}
	}
	now := &keyList{}
	if p.Method != store.Delete {
		now = &p.indexing.keys
		if err := l.writeValues(p, next); err != nil {
			return err
		}
	}
	if err := l.writeDifference(before, now, next.document); err != nil {
		return err
	}
	if err := l.writeLinks(p, links, next.document); err != nil {
		return err
	}
	return l.writeWords(p, old, next)
}

// writeLinks writes the links of a resource, unless they stay as they were.
func (l *landing) writeLinks(p *prepared, before []byte, document uint64) error {
	l.buffer = linksKey(l.buffer[:0], p.typ, document)
	switch {
	case p.Method == store.Delete:
		return l.batch.Delete(l.buffer, nil)
	case bytes.Equal(before, p.indexing.links):
		return nil
	}
	return l.batch.Set(l.buffer, p.indexing.links, nil)
}

func (l *landing) writeValues(p *prepared, h head) error {
	l.buffer = valuesKey(l.buffer[:0], h.document, h.version)
	record := valuesRecord{typ: p.typ, id: p.Key.ID, lastUpdated: h.lastUpdated, list: p.indexing.packer.out}
	l.second = record.append(l.second[:0])
	if err := l.batch.Set(l.buffer, l.second, nil); err != nil {
		return err
	}
	l.buffer = l.store.timeKey(l.buffer[:0], p.typ, h)
	return l.batch.Set(l.buffer, nil, nil)
}

// timeKey is the index key of _lastUpdated: a span of a millisecond.
func (s *Store) timeKey(b []byte, typ code, h head) []byte {
	low := h.lastUpdated * 1000
	b = append(indexPrefix(b, typ, s.lastUpdated), indexLow)
	return appendNumber(appendTime(appendTime(b, low), low+timeSpan), h.document)
}

// timeSpan is how many microseconds meta.lastUpdated covers.
const timeSpan = 1000

func (l *landing) deleteTime(typ code, old head) error {
	l.buffer = l.store.timeKey(l.buffer[:0], typ, old)
	return l.batch.Delete(l.buffer, nil)
}

// oldKeys derives the index keys and links that the current version has.
func (l *landing) oldKeys(typ code, h head) (keys *keyList, links []byte, err error) {
	value, closer, err := l.store.db.Get(valuesKey(nil, h.document, h.version))
	if err != nil {
		if ignoreNotFound(err) == nil {
			err = corrupt("a list of index values is missing")
		}
		return nil, nil, err
	}
	defer closer.Close()
	record, err := readValues(value)
	if err != nil {
		return nil, nil, err
	}
	if links, err = appendLinks(nil, record.id, record.list); err != nil {
		return nil, nil, err
	}
	keys, err = l.store.dictionary.indexKeys(typ, record.list)
	return keys, links, err
}

// writeDifference walks two sorted lists of keys.
func (l *landing) writeDifference(before, now *keyList, document uint64) error {
	i, j := 0, 0
	for i < len(before.keys) || j < len(now.keys) {
		order := 0
		switch {
		case i == len(before.keys):
			order = 1
		case j == len(now.keys):
			order = -1
		default:
			order = bytes.Compare(before.key(before.keys[i]), now.key(now.keys[j]))
		}
		switch {
		case order < 0:
			l.deleteKey(before.key(before.keys[i]), document)
			i++
		case order > 0:
			l.setKey(now.key(now.keys[j]), now.keys[j].flags, document)
			j++
		default:
			if before.keys[i].flags != now.keys[j].flags {
				l.setKey(now.key(now.keys[j]), now.keys[j].flags, document)
			}
			i, j = i+1, j+1
		}
	}
	return nil
}

func (l *landing) setKey(key []byte, flags entryFlags, document uint64) {
	size := 0
	if flags != firstAscending|firstDescending {
		size = 1
	}
	op := l.batch.SetDeferred(len(key)+documentSize, size)
	appendNumber(append(op.Key[:0], key...), document)
	if size > 0 {
		op.Value[0] = byte(flags)
	}
	finish(op)
}

func (l *landing) deleteKey(key []byte, document uint64) {
	op := l.batch.DeleteDeferred(len(key) + documentSize)
	appendNumber(append(op.Key[:0], key...), document)
	finish(op)
}

// finish ends a deferred operation; it fails only where the batch cannot hold the key, and that is
// found again when the batch is applied.
func finish(op *lsm.DeferredBatchOp) { _ = op.Finish() }

// keyFlags reads the value of an index key.
func keyFlags(value []byte) entryFlags {
	if len(value) == 0 {
		return firstAscending | firstDescending
	}
	return entryFlags(value[0])
}
