package pebble

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"sync"
	"time"

	"kiln/resources"
	"kiln/store"
)

// head is what is kept under type and id: which document it is, and its newest version.
type head struct {
	document    uint64
	version     int64
	position    uint64
	lastUpdated int64 // milliseconds
	method      store.Method
	claims      bool
}

func (h head) deleted() bool { return h.method == store.Delete }

const headClaims = 0x80

func (h head) append(b []byte) []byte {
	flags := byte(h.method)
	if h.claims {
		flags |= headClaims
	}
	b = append(b, flags)
	for _, n := range [...]uint64{h.document, uint64(h.version), h.position, uint64(h.lastUpdated)} {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func readHead(b []byte) (head, error) {
	r := unpacker{rest: b}
	flags := r.byte()
	h := head{
		method: store.Method(flags &^ headClaims), claims: flags&headClaims != 0,
		document: r.uvarint(), version: int64(r.uvarint()), position: r.uvarint(), lastUpdated: int64(r.uvarint()),
	}
	if r.err != nil || len(r.rest) > 0 {
		return head{}, corrupt("a resource's head")
	}
	return h, nil
}

// versionRecord is one version as it is stored: everything there is, for all else is derived from
// it. Its first four bytes are a checksum of the others.
//
//	method type(2) position lastUpdated claims… id text
//
// The text is that of resources.Stamped.Parts: places of version id and time, vocabulary, size,
// compressed bytes. The id is told by its place in the text, where it is found there.
type versionRecord struct {
	method      store.Method
	typ         code
	position    uint64
	lastUpdated int64 // milliseconds
	claims      []string
	id          string

	versionAt, timeAt int
	vocabulary        uint64
	size              int
	idAt              int // place of the id in the text plus 1; 0 when it is apart
	compressed        []byte
}

func (v *versionRecord) append(b []byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, byte(v.method))
	b = appendCode(b, v.typ)
	b = binary.AppendUvarint(b, v.position)
	b = binary.AppendUvarint(b, uint64(v.lastUpdated))
	b = binary.AppendUvarint(b, uint64(len(v.claims)))
	for _, claim := range v.claims {
		b = append(binary.AppendUvarint(b, uint64(len(claim))), claim...)
	}
	b = binary.AppendUvarint(b, uint64(v.idAt))
	b = binary.AppendUvarint(b, uint64(len(v.id)))
	if v.idAt == 0 {
		b = append(b, v.id...)
	}
	if v.method != store.Delete {
		for _, n := range [...]uint64{uint64(v.versionAt), uint64(v.timeAt), v.vocabulary, uint64(v.size)} {
			b = binary.AppendUvarint(b, n)
		}
		b = append(b, v.compressed...)
	}
	binary.BigEndian.PutUint32(b[start:], crc32.Checksum(b[start+4:], castagnoli))
	return b
}

// scratch holds texts while they are put together.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// readVersion reads a stored version. The result shares no memory with b.
func (v *vocabularies) readVersion(types *dictionary, b []byte, number int64) (store.Version, *versionRecord, error) {
	record, idLength, err := readVersionRecord(b)
	if err != nil {
		return store.Version{}, nil, err
	}
	version := store.Version{VersionID: number, LastUpdated: time.UnixMilli(record.lastUpdated).UTC(), Method: record.method}
	if version.Type, err = types.typeName(record.typ); err != nil {
		return store.Version{}, nil, err
	}
	version.ID = record.id
	if record.method == store.Delete {
		return version, record, nil
	}
	buffer := scratch.Get().(*[]byte)
	defer scratch.Put(buffer)
	text, err := v.decompress((*buffer)[:0], record.compressed, record.vocabulary, record.size)
	if err != nil {
		return store.Version{}, nil, err
	}
	*buffer = text
	if record.versionAt > len(text) || record.timeAt > len(text) || record.idAt > 0 && record.idAt-1+idLength > len(text) {
		return store.Version{}, nil, corrupt("a resource")
	}
	if record.idAt > 0 {
		record.id = string(text[record.idAt-1 : record.idAt-1+idLength])
		version.ID = record.id
	}
	version.Body = resources.Restamp(text, record.versionAt, record.timeAt).Bytes(number, version.LastUpdated)
	return version, record, nil
}

// readVersionRecord checks a record and takes it apart; compressed and the claims share its memory.
func readVersionRecord(b []byte) (v *versionRecord, idLength int, err error) {
	if len(b) < 4 || crc32.Checksum(b[4:], castagnoli) != binary.BigEndian.Uint32(b) {
		return nil, 0, corrupt("a version")
	}
	r := unpacker{rest: b[4:]}
	v = &versionRecord{method: store.Method(r.byte())}
	v.typ = code(r.byte())<<8 | code(r.byte())
	v.position = r.uvarint()
	v.lastUpdated = int64(r.uvarint())
	for range r.uvarint() {
		if r.err != nil {
			break
		}
		v.claims = append(v.claims, r.text())
	}
	v.idAt, idLength = int(r.uvarint()), int(r.uvarint())
	if v.idAt == 0 {
		if idLength < 0 || idLength > len(r.rest) {
			return nil, 0, corrupt("a version")
		}
		v.id, r.rest = string(r.rest[:idLength]), r.rest[idLength:]
	}
	if v.method != store.Delete {
		v.versionAt, v.timeAt = int(r.uvarint()), int(r.uvarint())
		v.vocabulary, v.size = r.uvarint(), int(r.uvarint())
		v.compressed, r.rest = r.rest, nil
	}
	if r.err != nil || v.idAt < 0 || idLength < 0 || v.versionAt < 0 || v.timeAt < 0 || v.size < 0 || v.size > resources.MaxSize {
		return nil, 0, corrupt("a version")
	}
	return v, idLength, nil
}

// findID is the place of the id in the text plus 1, 0 if it is not there as it is.
func findID(text []byte, id string) int {
	quoted := make([]byte, 0, 80)
	quoted = append(append(append(quoted, '"'), id...), '"')
	if i := bytes.Index(text, quoted); i >= 0 {
		return i + 2
	}
	return 0
}
