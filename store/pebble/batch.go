package pebble

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// ReadAll implements store.BatchReader. Heads are read in the order of ids, then versions in that of
// documents, each with one iterator.
func (r reader) ReadAll(ctx context.Context, keys []store.Key) ([]store.Version, error) {
	v, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer v.leave()
	heads, err := v.headsOf(ctx, keys)
	if err != nil {
		return nil, err
	}
	list, err := v.versionsOf(ctx, heads, len(keys))
	if err != nil {
		return nil, err
	}
	return list, v.settle(ctx)
}

// wantedHead is the head of the key at a place.
type wantedHead struct {
	at  int
	key []byte
	head
}

// headsOf reads the heads of the resources that are there.
func (v *view) headsOf(ctx context.Context, keys []store.Key) ([]wantedHead, error) {
	list := make([]wantedHead, 0, len(keys))
	for i, key := range keys {
		if typ := v.store.dictionary.typeCode(key.Type); typ != 0 {
			list = append(list, wantedHead{at: i, key: headKey(nil, typ, key.ID)})
		}
	}
	slices.SortFunc(list, func(a, b wantedHead) int { return bytes.Compare(a.key, b.key) })
	err := v.iterate(ctx, keyHead, len(list), func(it *lsm.Iterator, i int) (err error) {
		if it.SeekPrefixGE(list[i].key) {
			list[i].head, err = readHead(it.Value())
		}
		return err
	})
	return slices.DeleteFunc(list, func(w wantedHead) bool { return w.version == 0 || w.deleted() }), err
}

// versionsOf reads the versions of heads, into the places of their keys.
func (v *view) versionsOf(ctx context.Context, heads []wantedHead, n int) ([]store.Version, error) {
	slices.SortFunc(heads, func(a, b wantedHead) int { return cmp.Compare(a.document, b.document) })
	list := make([]store.Version, n)
	var buffer [17]byte
	return list, v.iterate(ctx, keyVersion, len(heads), func(it *lsm.Iterator, i int) (err error) {
		h := heads[i]
		key := versionKey(buffer[:0], h.document, h.version)
		if !it.SeekGE(key) || !bytes.Equal(it.Key(), key) {
			return corrupt("a version is missing")
		}
		list[h.at], _, err = v.store.vocabularies.readVersion(v.store.dictionary, it.Value(), h.version)
		return err
	})
}

// iterate reads so many times with one iterator over the keys that begin with a byte.
func (v *view) iterate(ctx context.Context, prefix byte, n int, read func(it *lsm.Iterator, i int) error) error {
	it, err := v.NewIter(bounds([]byte{prefix}))
	if err != nil {
		return err
	}
	for i := 0; i < n && err == nil && it.Error() == nil; i++ {
		if err = ctx.Err(); err == nil {
			err = read(it, i)
		}
	}
	return cmp.Or(it.Close(), err) // damage that the iterator met explains what was not found
}
