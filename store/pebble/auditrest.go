package pebble

import (
	"bytes"
	"encoding/binary"
	"slices"

	"kiln/store"
)

// auditClaims removes claims that no resource holds.
func (a *audit) auditClaims() error {
	return a.each([]byte{keyClaim}, func(key, value []byte) error {
		holder, err := a.store.dictionary.readKey(value)
		if err == nil && a.holds(holder, string(key[1:])) {
			return nil
		}
		return a.remove(bytes.Clone(key), a.problem("claim", "a claim is noted that it does not hold", holder, 0))
	})
}

func (a *audit) holds(holder store.Key, claim string) bool {
	h, err := getHead(a.src, headKey(nil, a.store.dictionary.typeCode(holder.Type), holder.ID))
	if err != nil || h.version == 0 {
		return false
	}
	value, closer, err := a.src.Get(versionKey(nil, h.document, h.version))
	if err != nil {
		return false
	}
	defer closer.Close()
	record, _, err := readVersionRecord(value)
	return err != nil || slices.Contains(record.claims, claim)
}

// auditCounters holds the numbers of resources against those counted.
func (a *audit) auditCounters() error {
	for _, typ := range a.store.dictionary.types() {
		n, err := getNumber(a.src, liveKey(nil, typ))
		if err == nil && int64(n) == a.live[typ] {
			continue
		}
		value := binary.BigEndian.AppendUint64(nil, uint64(a.live[typ]))
		if err := a.set(liveKey(nil, typ), value, Problem{Part: "counter", Detail: "the number of resources of a type is wrong"}); err != nil {
			return err
		}
	}
	return nil
}

// auditRecords reads the records and holds them against the list of what expires.
func (a *audit) auditRecords() error {
	last, err := getNumber(a.src, metaRevision)
	if err != nil {
		return a.broken(err)
	}
	highest := last
	if err := a.each([]byte{keyRecord}, func(key, value []byte) error {
		r, err := readRecord(value)
		if err != nil {
			a.report(Problem{Part: "record", Detail: "it does not read"})
			return nil
		}
		highest = max(highest, r.revision)
		if r.expires == 0 {
			return nil
		}
		expiry := append(appendTime([]byte{keyExpiry}, r.expires), key[1:]...)
		return a.expect(expiry, nil, Problem{Part: "record", Detail: "its end is not noted"})
	}); err != nil {
		return err
	}
	if highest != last {
		p := Problem{Part: "counter", Detail: "the last revision of a record is wrong"}
		if err := a.set(metaRevision, binary.BigEndian.AppendUint64(nil, highest), p); err != nil {
			return err
		}
	}
	return a.each([]byte{keyExpiry}, func(key, _ []byte) error {
		ends := false
		_, err := getRecord(a.src, append([]byte{keyRecord}, key[9:]...), func(r record) {
			ends = r.expires == readTime(key[1:])
		})
		if ends || err != nil {
			return nil
		}
		return a.remove(bytes.Clone(key), Problem{Part: "record", Detail: "an end is noted for none"})
	})
}
