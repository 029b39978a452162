package pebble

import (
	"bytes"
	"encoding/binary"

	"kiln/search"
)

// What joins ask of a resource, one resource after another, is its id and what it refers to. Both stand in
// one key of the index under parameter 0, in a tenth of the room that all its values take, so that far more
// of them lie in a block.
//
//	id count(1) target...
//	target: type id number parameter...
//
// Types, numbers and parameters are varints. A target of type 0 has no id: it is in the resource itself. A
// resource that refers to too much has linksOpen for the count and no targets, and its values tell.

const (
	linksLimit = 64 // references that are listed
	linksOpen  = 0xff
)

// reference is one that a packed list has: from a parameter to an id as appendID wrote it, or to a
// contained resource, with type 0.
type reference struct {
	param, typ code
	id         []byte
}

var noID = appendID(nil, "")

// readReference reads a packed reference; ok is false of one that leads nowhere here.
func readReference(param code, value []byte) (r reference, ok bool, err error) {
	u := unpacker{rest: value[1:]}
	r.param = param
	parts := u.byte()
	if parts&referenceID != 0 {
		r.typ, r.id = code(u.uvarint()), u.rawID()
		if !bytes.Equal(r.id, noID) {
			return r, r.typ != 0 && u.err == nil, u.err
		}
	}
	if parts&referenceURL != 0 {
		_, inside := search.ReferenceValue{URL: u.text()}.LocalID()
		return reference{param: param}, inside && u.err == nil, u.err
	}
	return r, false, u.err
}

// appendLinks writes the links of a resource with a packed list.
func appendLinks(b []byte, id string, list []byte) ([]byte, error) {
	var found [linksLimit]reference
	n := 0
	b = appendID(b, id)
	p := walkPacked(list)
	for p.next() {
		if p.value[0] != packedReference {
			continue
		}
		r, ok, err := readReference(p.param, p.value)
		switch {
		case err != nil:
			return nil, err
		case ok && n == linksLimit:
			return append(b, linksOpen), nil
		case ok:
			found[n] = r
			n++
		}
	}
	if len(p.rest) > 0 {
		return nil, corrupt("a list of index values")
	}
	return appendTargets(b, found[:n]), nil
}

// appendTargets writes each target once, with all that refer to it.
func appendTargets(b []byte, list []reference) []byte {
	at := len(b)
	b = append(b, 0)
	for i, r := range list {
		if r.param == 0 {
			continue // written with another
		}
		b = append(binary.AppendUvarint(b, uint64(r.typ)), r.id...)
		number := len(b)
		b = append(b, 0)
		for j := i; j < len(list); j++ {
			if other := &list[j]; other.param != 0 && other.typ == r.typ && bytes.Equal(other.id, r.id) {
				b = binary.AppendUvarint(b, uint64(other.param))
				other.param = 0
				b[number]++
			}
		}
		b[at]++
	}
	return b
}

// links are those of a document, in memory of their own.
type links struct {
	row     []byte
	id      []byte // as appendID wrote it
	targets []byte
	open    bool // the values tell
}

// parse takes the row apart; false when it does not read.
func (k *links) parse() bool {
	r := unpacker{rest: k.row}
	k.id = r.rawID()
	n := r.byte()
	k.targets, k.open = r.rest, n == linksOpen
	return r.err == nil && (k.open || n <= linksLimit)
}

// each visits the targets of a parameter; false when the row does not read.
func (k *links) each(param code, visit func(typ code, id []byte)) bool {
	r := unpacker{rest: k.targets}
	for len(r.rest) > 0 {
		typ := code(r.uvarint())
		var id []byte
		if typ != 0 {
			id = r.rawID()
		}
		by := false
		for range r.byte() {
			by = code(r.uvarint()) == param || by
		}
		if r.err != nil {
			return false
		}
		if by {
			visit(typ, id)
		}
	}
	return true
}

// linksOf reads the links of a document of a type that is there, as of the state searched, into the memory
// of others.
func (x *execution) linksOf(typ code, document uint64, k *links) bool {
	if x.past != nil {
		if old, changed := x.past.documents[document]; changed {
			return x.oldLinks(document, old.version, k)
		}
	}
	if x.linked == nil {
		if x.linked = x.borrow([]byte{keyIndex}, []byte{keyIndex + 1}); x.linked == nil {
			return false
		}
	}
	x.spend(1)
	var buffer [indexPrefixSize + 1 + documentSize]byte
	key := linksKey(buffer[:0], typ, document)
	if !x.linked.SeekGE(key) || !bytes.Equal(x.linked.Key(), key) {
		x.check(x.linked)
		x.fail(corrupt("the links of a resource are missing"))
		return false
	}
	k.row = append(k.row[:0], x.linked.Value()...)
	return x.readLinks(k)
}

func (x *execution) readLinks(k *links) bool {
	if !k.parse() {
		x.fail(corrupt("the links of a resource"))
		return false
	}
	return x.err == nil
}

// oldLinks makes the links of an earlier version.
func (x *execution) oldLinks(document uint64, version int64, k *links) bool {
	x.spend(1)
	value, closer, err := x.Get(valuesKey(nil, document, version))
	if err != nil {
		x.fail(err)
		return false
	}
	defer func() { x.fail(closer.Close()) }()
	record, err := readValues(value)
	if err == nil {
		k.row, err = appendLinks(k.row[:0], record.id, record.list)
	}
	x.fail(err)
	return err == nil && x.readLinks(k)
}

// refers visits what a document refers to by a parameter: the type, 0 of what is in the document itself, and
// the id as appendID writes it.
func (x *execution) refers(document uint64, k *links, param code, visit func(typ code, id []byte)) {
	if !k.open {
		if !k.each(param, visit) {
			x.fail(corrupt("the links of a resource"))
		}
		return
	}
	p := walkPacked(x.listOf(document))
	for p.next() {
		if p.param != param || p.value[0] != packedReference {
			continue
		}
		r, ok, err := readReference(p.param, p.value)
		x.fail(err)
		if ok {
			visit(r.typ, r.id)
		}
	}
}

// listOf is the packed list of a document that is there, as of the state searched.
func (x *execution) listOf(document uint64) []byte {
	x.spend(1)
	lower := documentKey(nil, keyValues, document)
	if x.past != nil {
		if old, changed := x.past.documents[document]; changed {
			lower = valuesKey(nil, document, old.version)
		}
	}
	it := x.borrow(lower, after(documentKey(nil, keyValues, document)))
	if it == nil {
		return nil
	}
	defer x.giveBack(it)
	if !it.First() {
		x.check(it)
		x.fail(corrupt("index values are missing"))
		return nil
	}
	record, err := readValues(it.Value())
	x.fail(err)
	return bytes.Clone(record.list)
}
