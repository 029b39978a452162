package pebble

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"

	"kiln/store"
)

// sum stands for a set of index keys with their values: two sets are held to be equal when their
// sums are, so that the index is compared in one pass and only looked at key by key when it differs.
type sum struct {
	count uint64
	total uint64
}

var sumSeed = maphash.MakeSeed()

func (s *sum) add(key, value []byte) {
	var h maphash.Hash
	h.SetSeed(sumSeed)
	_, _ = h.Write(key)
	_, _ = h.Write([]byte{0})
	_, _ = h.Write(value)
	s.count++
	s.total += h.Sum64()
}

// indexType is the type, or the space, that an index key is of.
func indexType(key []byte) code { return code(binary.BigEndian.Uint16(key[1:])) }

func (a *audit) sumOf(typ code) *sum {
	s := a.index[typ]
	if s == nil {
		s = &sum{}
		a.index[typ] = s
	}
	return s
}

// wantedKeys visits the index keys that a version should have.
func (a *audit) wantedKeys(document uint64, record *versionRecord, list []byte, words *wordKeys, visit func(key, value []byte) error) error {
	keys, err := a.store.dictionary.indexKeys(record.typ, list)
	if err != nil {
		return a.broken(err)
	}
	var buffer []byte
	for _, list := range [...]*keyList{keys, &words.keyList} {
		for _, k := range list.keys {
			var value []byte
			if k.flags != firstAscending|firstDescending {
				value = []byte{byte(k.flags)}
			}
			buffer = appendNumber(append(buffer[:0], list.key(k)...), document)
			if err := visit(buffer, value); err != nil {
				return err
			}
		}
	}
	links, err := appendLinks(nil, record.id, list)
	if err != nil {
		return a.broken(err)
	}
	if err := visit(linksKey(nil, record.typ, document), links); err != nil {
		return err
	}
	h := head{document: document, lastUpdated: record.lastUpdated}
	return visit(a.store.timeKey(buffer[:0], record.typ, h), nil)
}

func (a *audit) sumIndex(document uint64, record *versionRecord, list []byte, words *wordKeys) error {
	return a.wantedKeys(document, record, list, words, func(key, value []byte) error {
		a.sumOf(indexType(key)).add(key, value) // of the resource's type, or of a space in it
		return nil
	})
}

// auditIndex compares the index of each type with what it should be.
func (a *audit) auditIndex() error {
	found := map[code]*sum{}
	if err := a.each([]byte{keyIndex}, func(key, value []byte) error {
		if len(key) < indexPrefixSize+1+documentSize {
			return a.remove(bytes.Clone(key), Problem{Part: "index", Detail: "a key does not read"})
		}
		typ := indexType(key)
		if found[typ] == nil {
			found[typ] = &sum{}
		}
		found[typ].add(key, value)
		return nil
	}); err != nil {
		return err
	}
	wrong := map[code]bool{}
	for typ, want := range a.index {
		wrong[typ] = found[typ] == nil || *found[typ] != *want
	}
	for typ := range found {
		wrong[typ] = wrong[typ] || a.index[typ] == nil
	}
	for typ, differs := range wrong {
		if differs {
			if err := a.compareIndex(typ); err != nil {
				return err
			}
		}
	}
	return nil
}

// compareIndex finds the keys that make the index of a type differ.
func (a *audit) compareIndex(typ code) error {
	if err := a.each(appendCode([]byte{keyHead}, a.store.dictionary.indexed(typ)), func(_, value []byte) error {
		h, err := readHead(value)
		if err != nil || h.deleted() {
			return nil
		}
		record, list, words, key, ok := a.current(h)
		if !ok {
			return nil
		}
		return a.wantedKeys(h.document, record, list, words, func(index, value []byte) error {
			if indexType(index) != typ {
				return nil
			}
			return a.expect(bytes.Clone(index), value, a.problem("index", "it is not found by one of its values", key, 0))
		})
	}); err != nil {
		return err
	}
	return a.each(appendCode([]byte{keyIndex}, typ), a.auditIndexKey)
}

// current reads the values and words of the newest version.
func (a *audit) current(h head) (record *versionRecord, list []byte, words *wordKeys, key store.Key, ok bool) {
	value, closer, err := a.src.Get(valuesKey(nil, h.document, h.version))
	if err != nil {
		return nil, nil, nil, key, false
	}
	defer closer.Close()
	values, err := readValues(value)
	if err != nil {
		return nil, nil, nil, key, false
	}
	name, err := a.store.dictionary.typeName(values.typ)
	if err != nil {
		return nil, nil, nil, key, false
	}
	if words, err = a.store.versionWordKeys(a.src, values.typ, h.document, h.version); err != nil {
		return nil, nil, nil, key, false
	}
	record = &versionRecord{typ: values.typ, id: values.id, lastUpdated: h.lastUpdated}
	return record, bytes.Clone(values.list), words, store.Key{Type: name, ID: values.id}, true
}

// auditIndexKey removes a key that its document should not have.
func (a *audit) auditIndexKey(key, _ []byte) error {
	_, document := splitIndexKey(key)
	wanted, of := a.wants(document, key)
	if wanted {
		return nil
	}
	return a.remove(bytes.Clone(key), a.problem("index", "it is found by a value that it does not have", of, 0))
}

// wants reports whether the newest version of a document has an index key.
func (a *audit) wants(document uint64, key []byte) (bool, store.Key) {
	it, err := a.src.NewIter(bounds(documentKey(nil, keyVersion, document)))
	if err != nil {
		return true, store.Key{}
	}
	defer it.Close()
	if !it.First() {
		return false, store.Key{}
	}
	_, number, _ := readDocumentKey(it.Key())
	v, record, err := a.store.vocabularies.readVersion(a.store.dictionary, it.Value(), number)
	if err != nil {
		return true, store.Key{} // told of with the version
	}
	if v.Deleted() {
		return false, v.Key
	}
	h := head{document: document, version: number, lastUpdated: record.lastUpdated}
	_, list, words, _, ok := a.current(h)
	if !ok {
		return true, v.Key
	}
	wanted := false
	err = a.wantedKeys(document, record, list, words, func(index, _ []byte) error {
		wanted = wanted || bytes.Equal(index, key)
		return nil
	})
	return wanted || err != nil, v.Key
}
