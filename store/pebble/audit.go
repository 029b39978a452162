package pebble

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/resources"
	"kiln/resources/definitions"
	"kiln/search"
	"kiln/store"
)

// audit compares everything in a store with the versions of its resources, of which all else is
// derived.
type audit struct {
	store  *Store
	ctx    context.Context
	src    source
	report func(Problem)
	fix    *lsm.Batch // repairs; nil when nothing is to be repaired

	versions, documents, values int64
	positions                   uint64 // the highest
	byType                      map[code]int64
	live                        map[code]int64
	claims                      int64
	index                       map[code]*sum // what the index of each type should be
	known                       map[code]bool // see judged
}

func (s *Store) newAudit(ctx context.Context, src source, report func(Problem)) *audit {
	return &audit{
		store: s, ctx: ctx, src: src, report: report,
		byType: map[code]int64{}, live: map[code]int64{}, index: map[code]*sum{},
	}
}

func (a *audit) run() error {
	for _, step := range [...]func() error{
		a.auditFiles, a.auditDictionary, a.auditVersions, a.auditPlaces, a.auditIndex, a.auditClaims, a.auditCounters, a.auditRecords,
	} {
		if err := step(); err != nil {
			return err
		}
		if err := a.apply(); err != nil { // what follows sees what was repaired
			return err
		}
		if err := a.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// each visits all keys with a prefix.
func (a *audit) each(prefix []byte, visit func(key, value []byte) error) error {
	it, err := a.src.NewIter(bounds(prefix))
	if err != nil {
		return err
	}
	defer it.Close()
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; n%checkEvery == 0 {
			if err := a.ctx.Err(); err != nil {
				return err
			}
		}
		value, err := it.ValueAndErr()
		if err != nil {
			if err := a.broken(err); err != nil {
				return err
			}
			continue
		}
		if err := visit(it.Key(), value); err != nil {
			return err
		}
	}
	return a.broken(it.Error())
}

// auditDictionary holds codes against texts.
func (a *audit) auditDictionary() error {
	for k := kindType; k < kindEnd; k++ {
		if err := a.each([]byte{keyText, byte(k)}, func(key, value []byte) error {
			p := Problem{Part: "dictionary", Detail: "a name does not lead to its code"}
			return a.expect(codeKey(nil, k, string(value)), bytes.Clone(key[2:]), p)
		}); err != nil {
			return err
		}
		if err := a.each([]byte{keyCode, byte(k)}, func(key, value []byte) error {
			p := Problem{Part: "dictionary", Detail: "a code does not lead to its name"}
			return a.expect(append([]byte{keyText, byte(k)}, value...), bytes.Clone(key[2:]), p)
		}); err != nil {
			return err
		}
	}
	return a.each([]byte{keyVocabulary}, func(key, value []byte) error {
		if _, _, _, ok := readVocabulary(key, value); !ok {
			a.report(Problem{Part: "dictionary", Detail: "a vocabulary that resources are compressed with does not read"})
		}
		return nil
	})
}

// auditVersions reads every version of every resource, newest first.
func (a *audit) auditVersions() error {
	var newest struct {
		document uint64
		next     int64 // the version that must come next
		position uint64
		time     int64
		key      store.Key
	}
	err := a.each([]byte{keyVersion}, func(key, value []byte) error {
		document, number, ok := readDocumentKey(key)
		if !ok {
			a.report(Problem{Part: "resource", Detail: "a version has a key that does not read"})
			return nil
		}
		first := document != newest.document
		if first && newest.document != 0 && newest.next != 0 {
			a.report(a.problem("history", "its first versions are missing", newest.key, 0))
		}
		a.versions++
		version, record, err := a.store.vocabularies.readVersion(a.store.dictionary, value, number)
		if err != nil {
			a.report(a.problem("resource", "it does not read: "+err.Error(), newest.key, number))
			newest.document, newest.next = document, number-1
			return a.ctx.Err()
		}
		if !first && (number != newest.next || record.position >= newest.position || record.lastUpdated > newest.time) {
			a.report(a.problem("history", "its versions are not in order", version.Key, number))
		}
		newest.document, newest.next, newest.key = document, number-1, version.Key
		newest.position, newest.time = record.position, record.lastUpdated
		return a.auditVersion(document, version, record, first)
	})
	if err == nil && newest.document != 0 && newest.next != 0 {
		a.report(a.problem("history", "its first versions are missing", newest.key, 0))
	}
	return err
}

// auditVersion holds what is derived from one version against it.
func (a *audit) auditVersion(document uint64, v store.Version, record *versionRecord, newest bool) error {
	a.byType[record.typ]++
	a.positions = max(a.positions, record.position)
	p := place{document: document, version: v.VersionID, lastUpdated: record.lastUpdated, typ: record.typ}.append(nil)
	if err := a.expect(feedKey(nil, record.position), p, a.problem("feed", "it is not where it belongs", v.Key, v.VersionID)); err != nil {
		return err
	}
	if err := a.expect(historyKey(nil, record.typ, record.position), p, a.problem("history", "it is not where it belongs", v.Key, v.VersionID)); err != nil {
		return err
	}
	if newest {
		a.documents++
		h := head{
			document: document, version: v.VersionID, position: record.position, lastUpdated: record.lastUpdated,
			method: record.method, claims: len(record.claims) > 0,
		}
		if err := a.expect(headKey(nil, record.typ, v.ID), h.append(nil), a.problem("resource", "its id does not lead to it", v.Key, 0)); err != nil {
			return err
		}
	}
	if v.Deleted() {
		return nil
	}
	return a.auditValues(document, v, record, newest)
}

// auditValues holds the packed values of a version against the resource, and notes what index keys
// the newest one should have.
func (a *audit) auditValues(document uint64, v store.Version, record *versionRecord, newest bool) error {
	a.values++
	key := valuesKey(nil, document, v.VersionID)
	list, ok, err := a.storedList(key, v, record)
	if err != nil {
		return err
	}
	if a.store.options.Parameters != nil && (newest || !ok) {
		fresh, err := a.extract(record.typ, v, list)
		if err != nil {
			a.report(a.problem("index", "its values cannot be taken from it: "+err.Error(), v.Key, v.VersionID))
		} else if !ok || !sameValues(fresh, list) {
			values := valuesRecord{typ: record.typ, id: v.ID, lastUpdated: record.lastUpdated, list: fresh}
			if err := a.set(key, values.append(nil), a.problem("index", "its values are not those of the resource", v.Key, v.VersionID)); err != nil {
				return err
			}
			if a.fix != nil {
				list, ok = fresh, true
			}
		}
	} else if !ok {
		a.report(a.problem("index", "its values are missing or damaged", v.Key, v.VersionID))
	}
	if !newest {
		return nil
	}
	a.live[record.typ]++
	for _, claim := range record.claims {
		a.claims++
		holder := appendID(appendCode(nil, record.typ), v.ID)
		if err := a.expect(claimKey(nil, claim), holder, a.problem("claim", "a claim that it holds is not noted", v.Key, 0)); err != nil {
			return err
		}
	}
	if !ok {
		return nil
	}
	narrative, content, err := textWords(v.Body)
	if err != nil {
		return a.broken(err)
	}
	words := &wordKeys{}
	words.derive(record.typ, narrative, content)
	return a.sumIndex(document, record, list, words)
}

// storedList reads the packed values of a version; ok is false when they are missing or damaged.
func (a *audit) storedList(key []byte, v store.Version, record *versionRecord) (list []byte, ok bool, err error) {
	value, closer, err := a.src.Get(key)
	if err != nil {
		if ignoreNotFound(err) == nil {
			return nil, false, nil
		}
		return nil, false, a.broken(err)
	}
	defer closer.Close()
	values, err := readValues(value)
	if err != nil || values.typ != record.typ || values.id != v.ID || values.lastUpdated != record.lastUpdated {
		return nil, false, nil
	}
	return bytes.Clone(values.list), true, nil
}

// extract takes the values from the resource anew. Those of parameters that cannot be judged are as in the
// stored list.
func (a *audit) extract(typ code, v store.Version, stored []byte) ([]byte, error) {
	doc, err := resources.Parse(v.Body)
	if err != nil {
		return nil, err
	}
	resource, err := doc.Resource()
	if err != nil {
		return nil, err
	}
	entries, err := a.store.options.Parameters.Extract(a.ctx, resource)
	if err != nil {
		return nil, err
	}
	judged := a.judged()
	entries = slices.DeleteFunc(entries, func(e search.Entry) bool { return a.pends(e.Param) })
	p := packer{dictionary: a.store.dictionary, typ: typ}
	if err := p.pack(entries); err != nil {
		return nil, err
	}
	all := packer{dictionary: a.store.dictionary}
	err = all.merge(p.out, stored, func(c code) bool { return !judged[c] })
	return all.out, err
}

// pends reports whether the index of a parameter is not whole, so that resources may or may not have
// values for it. A repair gives them theirs.
func (a *audit) pends(p *search.Parameter) bool { return a.fix == nil && p.Building() }

// judged are the codes of the parameters that resources must have their values for, and no others: those
// whose definitions are known. Values of a definition that is not in use are left for when it is, or
// is dropped.
func (a *audit) judged() map[code]bool {
	if a.known != nil {
		return a.known
	}
	a.known = map[code]bool{}
	see := func(list []*search.Parameter) {
		for _, p := range list {
			if c := a.store.dictionary.parameterCode(p); c != 0 && !a.pends(p) {
				a.known[c] = true
			}
		}
	}
	see([]*search.Parameter{search.Containment()})
	all := a.store.options.Parameters
	for _, name := range definitions.R4().ResourceNames() {
		see(all.Of(name))
	}
	for _, c := range all.Customs() {
		see(c.Parameters)
	}
	return a.known
}

// auditPlaces removes places that belong to no version.
func (a *audit) auditPlaces() error {
	n, last := int64(0), uint64(0)
	if err := a.each([]byte{keyFeed}, func(key, value []byte) error {
		position := binary.BigEndian.Uint64(key[1:])
		if n++; position != last+1 {
			a.report(Problem{Part: "feed", Detail: "positions are missing from it"})
		}
		last = position
		return a.auditPlace(key, value, position, "feed")
	}); err != nil {
		return err
	}
	if err := a.each([]byte{keyHistory}, func(key, value []byte) error {
		return a.auditPlace(key, value, binary.BigEndian.Uint64(key[3:]), "history")
	}); err != nil {
		return err
	}
	if err := a.each([]byte{keyHead}, a.auditHead); err != nil {
		return err
	}
	return a.each([]byte{keyValues}, func(key, _ []byte) error {
		document, version, ok := readDocumentKey(key)
		if ok && a.has(versionKey(nil, document, version)) {
			return nil
		}
		return a.remove(bytes.Clone(key), Problem{Part: "index", Detail: "there are values of a version that is not there"})
	})
}

func (a *audit) has(key []byte) bool {
	_, closer, err := a.src.Get(key)
	if err != nil {
		return false
	}
	_ = closer.Close()
	return true
}

// auditPlace finds out whether there is a version for a place.
func (a *audit) auditPlace(key, value []byte, position uint64, part string) error {
	if p, err := readPlace(value); err == nil {
		found, closer, err := a.src.Get(versionKey(nil, p.document, p.version))
		if err == nil {
			record, _, err := readVersionRecord(found)
			_ = closer.Close()
			if err != nil || record.position == position {
				return nil // damage of the version is told of there
			}
		}
	}
	return a.remove(bytes.Clone(key), Problem{Part: part, Detail: "it lists a version that is not there"})
}

func (a *audit) auditHead(key, value []byte) error {
	if h, err := readHead(value); err == nil && a.has(versionKey(nil, h.document, h.version)) {
		return nil
	}
	return a.remove(bytes.Clone(key), Problem{Part: "resource", Detail: "an id leads to a version that is not there"})
}
