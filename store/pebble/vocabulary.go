package pebble

import (
	"encoding/binary"
	"hash/crc32"
	"sync"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/klauspost/compress/s2"
)

// vocabularies compress resources, each on its own, with what those of its type have in common: the
// names of members, codes, systems, whole subtrees. A page of a search decompresses no more than it
// shows, and what the cache holds is compressed. Measurements: docs/decisions/0002.
type vocabularies struct {
	db      *lsm.DB
	mu      sync.RWMutex
	byID    map[uint64]*s2.Dict
	current map[code]vocabulary
	learned map[code]*lesson
	last    uint64

	training sync.WaitGroup
}

// vocabulary is what new versions of a type are compressed with; id 0 is none.
type vocabulary struct {
	id   uint64
	dict *s2.Dict
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maxDictionarySource is the longest text for which a vocabulary pays.
const maxDictionarySource = 64 << 10

func openVocabularies(db *lsm.DB) (*vocabularies, error) {
	v := &vocabularies{
		db: db, byID: map[uint64]*s2.Dict{}, current: map[code]vocabulary{}, learned: map[code]*lesson{},
	}
	prefix := []byte{keyVocabulary}
	it, err := db.NewIter(&lsm.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		// One that is damaged makes its resources fail to read; Check tells.
		if id, typ, dict, ok := readVocabulary(it.Key(), it.Value()); ok {
			v.add(id, typ, dict)
		} else if len(it.Key()) == 9 {
			v.last = max(v.last, binary.BigEndian.Uint64(it.Key()[1:]))
		}
	}
	return v, it.Error()
}

func (v *vocabularies) add(id uint64, typ code, dict *s2.Dict) {
	v.byID[id] = dict
	v.current[typ] = vocabulary{id, dict}
	v.last = max(v.last, id)
	generation := 1
	if l := v.learned[typ]; l != nil {
		generation = l.generation + 1
	}
	v.learned[typ] = &lesson{generation: generation}
}

func appendVocabulary(b []byte, typ code, dict *s2.Dict) []byte {
	b = append(appendCode(b, typ), dict.Bytes()...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func readVocabulary(key, value []byte) (id uint64, typ code, dict *s2.Dict, ok bool) {
	if len(key) != 9 || len(value) < 6 {
		return 0, 0, nil, false
	}
	body, sum := value[:len(value)-4], binary.BigEndian.Uint32(value[len(value)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return 0, 0, nil, false
	}
	dict = s2.NewDict(append([]byte(nil), body[2:]...))
	return binary.BigEndian.Uint64(key[1:]), code(binary.BigEndian.Uint16(body)), dict, dict != nil
}

// compress appends the text of a resource, and tells with which vocabulary.
func (v *vocabularies) compress(b []byte, typ code, text []byte) ([]byte, uint64) {
	v.mu.RLock()
	current := v.current[typ]
	v.mu.RUnlock()
	bound := s2.MaxEncodedLen(len(text))
	start := len(b)
	if cap(b)-start < bound {
		b = append(make([]byte, 0, start+bound), b...)
	}
	room := b[start : start+bound]
	if current.id != 0 && len(text) <= maxDictionarySource {
		return b[:start+len(current.dict.Encode(room, text))], current.id
	}
	return b[:start+len(s2.EncodeBetter(room, text))], 0
}

// decompress gives the text; size is its length.
func (v *vocabularies) decompress(b, compressed []byte, id uint64, size int) ([]byte, error) {
	if n, err := s2.DecodedLen(compressed); err != nil || n != size {
		return nil, corrupt("a resource")
	}
	if cap(b) < size {
		b = make([]byte, size)
	}
	var err error
	if id == 0 {
		b, err = s2.Decode(b[:size], compressed)
	} else {
		v.mu.RLock()
		dict := v.byID[id]
		v.mu.RUnlock()
		if dict == nil {
			return nil, corrupt("the vocabulary of a resource")
		}
		b, err = dict.Decode(b[:size], compressed)
	}
	if err != nil || len(b) != size {
		return nil, corrupt("a resource")
	}
	return b, nil
}
