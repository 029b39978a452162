package pebble

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"

	lsm "github.com/cockroachdb/pebble/v2"
	"golang.org/x/sync/errgroup"

	"kiln/search"
	"kiln/store"
)

// remaking is a chunk of documents as it was read from one state, ready to land.
type remaking struct {
	position uint64 // of the newest version in that state
	blocks   []block
}

// block is a part of a chunk that lands or is made again as a whole.
type block struct {
	documents         []uint64
	batch             *lsm.Batch
	examined, altered int64
}

func (m *remaking) close() {
	for _, b := range m.blocks {
		if b.batch != nil {
			_ = b.batch.Close()
		}
	}
}

// make reads documents and makes their values and index keys.
func (r *reindex) make(documents []uint64) (m *remaking, err error) {
	base, err := r.store.db.NewIter(nil)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	m = &remaking{}
	if m.position, err = lastPosition(base); err != nil {
		return nil, err
	}
	stays := r.stays()
	for part := range slices.Chunk(documents, reindexBlock) {
		m.blocks = append(m.blocks, block{documents: part, batch: r.store.db.NewBatch()})
	}
	group, ctx := errgroup.WithContext(r.ctx)
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(m.blocks)) {
		w, err := r.newMaker(base, stays)
		if err != nil {
			_ = group.Wait()
			m.close()
			return nil, err
		}
		group.Go(func() (err error) {
			defer func() { err = errors.Join(err, w.close()) }()
			for i := int(next.Add(1)) - 1; i < len(m.blocks); i = int(next.Add(1)) - 1 {
				if err := w.make(ctx, &m.blocks[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// lastPosition is the newest position in the state of an iterator.
func lastPosition(it *lsm.Iterator) (uint64, error) {
	it.SetBounds([]byte{keyFeed}, []byte{keyFeed + 1})
	if !it.Last() {
		return 0, it.Error()
	}
	if len(it.Key()) != 9 {
		return 0, corrupt("the feed")
	}
	return binary.BigEndian.Uint64(it.Key()[1:]), nil
}

// maker makes the values of one document after another, in the memory of the one before.
type maker struct {
	*reindex
	stays            func(code) bool
	values, versions *lsm.Iterator

	fresh, merged packer
	before, now   keyList
	record        []byte
	key           []byte

	linksBefore, linksNow []byte
}

func (r *reindex) newMaker(base *lsm.Iterator, stays func(code) bool) (w *maker, err error) {
	w = &maker{reindex: r, stays: stays}
	if w.values, err = base.Clone(lsm.CloneOptions{IterOptions: &lsm.IterOptions{
		LowerBound: []byte{keyValues}, UpperBound: []byte{keyValues + 1},
	}}); err != nil {
		return nil, err
	}
	if w.versions, err = base.Clone(lsm.CloneOptions{IterOptions: &lsm.IterOptions{
		LowerBound: []byte{keyVersion}, UpperBound: []byte{keyVersion + 1},
	}}); err != nil {
		_ = w.values.Close()
		return nil, err
	}
	return w, nil
}

func (w *maker) close() error { return errors.Join(w.values.Close(), w.versions.Close()) }

func (w *maker) make(ctx context.Context, b *block) error {
	for _, document := range b.documents {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.document(b, document); err != nil {
			return err
		}
	}
	return nil
}

// document makes one; a tombstone has nothing to make.
func (w *maker) document(b *block, document uint64) error {
	if !newestVersion(w.versions, document) {
		if err := w.versions.Error(); err != nil {
			return err
		}
		return corrupt("a version is missing")
	}
	_, number, _ := readDocumentKey(w.versions.Key())
	w.key = valuesKey(w.key[:0], document, number)
	if !w.values.SeekGE(w.key) || !bytes.Equal(w.values.Key(), w.key) {
		return w.absent()
	}
	old, err := readValues(w.values.Value())
	if err != nil {
		return err
	}
	entries, err := w.entries(number)
	if err != nil {
		return err
	}
	b.examined++
	if err := w.pack(entries, old.list); err != nil || bytes.Equal(w.merged.out, old.list) {
		return err
	}
	b.altered++
	return w.write(b, document, old)
}

// absent tells a tombstone from values that are missing.
func (w *maker) absent() error {
	if err := w.values.Error(); err != nil {
		return err
	}
	record, _, err := readVersionRecord(w.versions.Value())
	if err == nil && record.method == store.Delete {
		return nil
	}
	return corrupt("a list of index values is missing")
}

// entries are the values of the version at hand. One that does not read has none, and is told of by
// whoever asks for it: it must not keep all others from being found.
func (w *maker) entries(number int64) ([]search.Entry, error) {
	if w.step.Extract == nil {
		return nil, nil
	}
	version, _, err := w.store.vocabularies.readVersion(w.store.dictionary, w.versions.Value(), number)
	if errors.Is(err, ErrCorrupt) {
		w.store.options.Logger.Error("a resource does not read, so it is indexed without values", "error", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := w.step.Extract(w.ctx, version)
	if err != nil || w.step.Params == nil {
		return entries, err
	}
	if i := slices.IndexFunc(entries, func(e search.Entry) bool { return e.Param == nil || !w.replaces(e.Param) }); i < 0 {
		return entries, nil
	}
	var own []search.Entry
	for _, e := range entries {
		if e.Param != nil && w.replaces(e.Param) {
			own = append(own, e)
		}
	}
	return own, nil
}

// pack makes the list that the entries and what stays of the old list make up.
func (w *maker) pack(entries []search.Entry, old []byte) error {
	w.fresh.reset(w.store.dictionary, w.typ)
	if err := w.fresh.pack(entries); err != nil {
		return err
	}
	clear(w.fresh.list)
	w.merged.reset(w.store.dictionary, w.typ)
	return w.merged.merge(w.fresh.out, old, w.stays)
}

// write puts the new list in the place of the old one, with what index keys differ.
func (w *maker) write(b *block, document uint64, old valuesRecord) error {
	d := w.store.dictionary
	if err := w.before.derive(d, w.typ, old.list); err != nil {
		return err
	}
	if err := w.now.derive(d, w.typ, w.merged.out); err != nil {
		return err
	}
	if err := w.links(b, document, old); err != nil {
		return err
	}
	old.list = w.merged.out
	w.record = old.append(w.record[:0])
	if err := b.batch.Set(w.key, w.record, nil); err != nil {
		return err
	}
	l := landing{batch: b.batch}
	return l.writeDifference(&w.before, &w.now, document)
}

// links writes the links of a document where they differ.
func (w *maker) links(b *block, document uint64, old valuesRecord) (err error) {
	if w.linksBefore, err = appendLinks(w.linksBefore[:0], old.id, old.list); err != nil {
		return err
	}
	if w.linksNow, err = appendLinks(w.linksNow[:0], old.id, w.merged.out); err != nil || bytes.Equal(w.linksBefore, w.linksNow) {
		return err
	}
	return b.batch.Set(linksKey(nil, w.typ, document), w.linksNow, nil)
}
