package pebble

import (
	"encoding/binary"
	"hash/crc32"
)

// valuesRecord is what the index holds of one version, tombstones apart: whose it is, and its packed
// list. Those of old versions stay, for the later pages of a search.
//
//	checksum(4) type(2) id lastUpdated list
type valuesRecord struct {
	typ         code
	id          string
	lastUpdated int64 // milliseconds
	list        []byte
}

func (v *valuesRecord) append(b []byte) []byte {
	start := len(b)
	b = appendID(appendCode(append(b, 0, 0, 0, 0), v.typ), v.id)
	b = binary.AppendUvarint(b, uint64(v.lastUpdated))
	b = append(b, v.list...)
	binary.BigEndian.PutUint32(b[start:], crc32.Checksum(b[start+4:], castagnoli))
	return b
}

// readValues checks a record and takes it apart; the list shares its memory.
func readValues(b []byte) (v valuesRecord, err error) {
	if len(b) < 7 || crc32.Checksum(b[4:], castagnoli) != binary.BigEndian.Uint32(b) {
		return v, corrupt("a list of index values")
	}
	r := unpacker{rest: b[6:]}
	v.typ = code(binary.BigEndian.Uint16(b[4:]))
	v.id = r.id()
	v.lastUpdated = int64(r.uvarint())
	v.list = r.rest
	if r.err != nil {
		return v, corrupt("a list of index values")
	}
	return v, nil
}
