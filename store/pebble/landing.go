package pebble

import (
	"encoding/binary"
	"slices"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// landing judges one transaction against the state in which it lands and builds its batch. It is
// used under Store.landing.
type landing struct {
	store    *Store
	batch    *lsm.Batch
	now      time.Time
	counters counters // those after the transaction
	changes  []prepared
	versions []store.Version // of the changes
	position uint64          // of the newest version after it
	ticket   uint64

	buffer, second []byte
	heads          []head         // current ones of the resources that change; version 0 where there is none
	more           map[code]int64 // resources that are there, by type, than before
}

func (s *Store) newLanding(batch *lsm.Batch) *landing {
	return &landing{store: s, batch: batch, now: s.options.Now(), counters: s.counters, position: s.counters.position}
}

// apply checks everything, then writes everything.
func (l *landing) apply(tx store.Transaction, changes []prepared) error {
	l.changes = changes
	if err := checkDuplicates(tx); err != nil {
		return err
	}
	if err := l.readHeads(changes); err != nil {
		return err
	}
	for _, check := range [...]func(store.Transaction, []prepared) error{
		l.checkPreconditions, l.checkGuards, l.checkClaims, l.checkRecords,
	} {
		if err := check(tx, changes); err != nil {
			return err
		}
	}
	if err := l.bump(tx.Guards); err != nil {
		return err
	}
	if err := l.writeRecords(tx.Records); err != nil {
		return err
	}
	return l.land(changes)
}

func checkDuplicates(tx store.Transaction) error {
	if len(tx.Changes) > 1 {
		keys := make(map[store.Key]struct{}, len(tx.Changes))
		for i := range tx.Changes {
			key := tx.Changes[i].Key
			if _, again := keys[key]; again {
				return &store.ConflictError{Kind: store.KindDuplicate, Key: key}
			}
			keys[key] = struct{}{}
		}
	}
	if len(tx.Records) > 1 {
		type name struct{ bucket, key string }
		names := make(map[name]struct{}, len(tx.Records))
		for _, c := range tx.Records {
			if _, again := names[name{c.Bucket, c.Key}]; again {
				return &store.ConflictError{Kind: store.KindDuplicate, Claim: c.Key}
			}
			names[name{c.Bucket, c.Key}] = struct{}{}
		}
	}
	return nil
}

// readHeads finds the current heads. Most resources of a load are new: the filters of all levels tell
// so without reading a block.
func (l *landing) readHeads(changes []prepared) error {
	l.heads = make([]head, len(changes))
	if len(changes) == 0 {
		return nil
	}
	it, err := l.store.db.NewIter(&lsm.IterOptions{
		LowerBound: []byte{keyHead}, UpperBound: []byte{keyHead + 1}, UseL6Filters: true,
	})
	if err != nil {
		return err
	}
	defer it.Close()
	for i := range changes {
		l.buffer = headKey(l.buffer[:0], changes[i].typ, changes[i].Key.ID)
		if !it.SeekPrefixGE(l.buffer) {
			if err := it.Error(); err != nil {
				return err
			}
			continue
		}
		if l.heads[i], err = readHead(it.Value()); err != nil {
			return err
		}
	}
	return nil
}

// getHead reads a head, the zero head if there is none.
func getHead(src source, key []byte) (head, error) {
	value, closer, err := src.Get(key)
	if err != nil {
		return head{}, ignoreNotFound(err)
	}
	defer closer.Close()
	return readHead(value)
}

func (l *landing) checkPreconditions(_ store.Transaction, changes []prepared) error {
	for i := range changes {
		c, version := changes[i].Change, l.heads[i].version
		switch {
		case c.If.Kind == store.IfVersion && version != c.If.Version:
			return &store.ConflictError{Kind: store.KindVersion, Key: c.Key, Current: version}
		case c.If.Kind == store.IfAbsent && version != 0:
			return &store.ConflictError{Kind: store.KindExists, Key: c.Key, Current: version}
		}
	}
	return nil
}

func (l *landing) checkGuards(tx store.Transaction, _ []prepared) error {
	for _, g := range slices.Concat(tx.Guards, tx.Expects) {
		value, err := getNumber(l.store.db, guardKey(nil, g.Key))
		if err != nil {
			return err
		}
		if value != g.Seen {
			return &store.ConflictError{Kind: store.KindGuard, Claim: g.Key}
		}
	}
	return nil
}

func (l *landing) bump(guards []store.Guard) error {
	for _, g := range guards {
		value := binary.BigEndian.AppendUint64(nil, g.Seen+1)
		if err := l.batch.Set(guardKey(nil, g.Key), value, nil); err != nil {
			return err
		}
	}
	return nil
}

// land writes the versions.
func (l *landing) land(changes []prepared) error {
	l.versions = make([]store.Version, len(changes))
	if err := l.release(changes); err != nil {
		return err
	}
	now := max(l.now.UnixMilli(), l.counters.lastUpdated)
	for i := range changes {
		h := l.heads[i]
		if changes[i].Method == store.Delete && (h.version == 0 || h.deleted()) {
			continue
		}
		l.counters.lastUpdated = now
		version, err := l.landChange(&changes[i], h, now)
		if err != nil {
			return err
		}
		l.versions[i] = version
	}
	l.position = l.counters.position
	return l.writeLive()
}

// writeBodies gives the versions what they are shown as. It needs no order, so it is done after the
// landing, while others land.
func (l *landing) writeBodies() {
	for i := range l.versions {
		if v := &l.versions[i]; v.VersionID != 0 && v.Method != store.Delete {
			v.Body = l.changes[i].Content.Bytes(v.VersionID, v.LastUpdated)
		}
	}
}

// landChange writes one version with its index keys.
func (l *landing) landChange(p *prepared, old head, now int64) (store.Version, error) {
	next := head{
		document: old.document, version: old.version + 1, lastUpdated: now, method: p.Method,
		claims: p.Method != store.Delete && len(p.Claims) > 0,
	}
	if old.version == 0 {
		l.counters.document++
		next.document = l.counters.document
	}
	l.counters.position++
	next.position = l.counters.position

	p.record.position, p.record.lastUpdated = next.position, now
	l.buffer = versionKey(l.buffer[:0], next.document, next.version)
	l.second = p.record.append(l.second[:0])
	if err := l.batch.Set(l.buffer, l.second, nil); err != nil {
		return store.Version{}, err
	}
	if err := l.writePlaces(p, next); err != nil {
		return store.Version{}, err
	}
	if err := l.writeIndex(p, old, next); err != nil {
		return store.Version{}, err
	}
	l.count(p.typ, old, next)
	return store.Version{Key: p.Key, VersionID: next.version, LastUpdated: time.UnixMilli(now).UTC(), Method: p.Method}, nil
}

// writePlaces writes where the version is found: by id, in the feed and in the history of its type.
func (l *landing) writePlaces(p *prepared, h head) error {
	l.buffer = headKey(l.buffer[:0], p.typ, p.Key.ID)
	l.second = h.append(l.second[:0])
	if err := l.batch.Set(l.buffer, l.second, nil); err != nil {
		return err
	}
	l.buffer = feedKey(l.buffer[:0], h.position)
	l.second = place{document: h.document, version: h.version, lastUpdated: h.lastUpdated, typ: p.typ}.append(l.second[:0])
	if err := l.batch.Set(l.buffer, l.second, nil); err != nil {
		return err
	}
	l.buffer = historyKey(l.buffer[:0], p.typ, h.position)
	return l.batch.Set(l.buffer, l.second, nil)
}

// count keeps the number of resources of a type that are there.
func (l *landing) count(typ code, old, next head) {
	before, now := old.version > 0 && !old.deleted(), !next.deleted()
	if before == now {
		return
	}
	if l.more == nil {
		l.more = map[code]int64{}
	}
	if now {
		l.more[typ]++
	} else {
		l.more[typ]--
	}
}

func (l *landing) writeLive() error {
	for typ, more := range l.more {
		value := binary.BigEndian.AppendUint64(nil, uint64(max(0, l.counters.live[typ]+more)))
		if err := l.batch.Set(liveKey(nil, typ), value, nil); err != nil {
			return err
		}
	}
	return nil
}
