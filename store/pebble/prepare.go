package pebble

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kiln/search"
	"kiln/store"
)

// prepared is a change with all that can be made of it before its turn comes: everything but the
// document number, the version and the time.
type prepared struct {
	*store.Change
	typ      code
	indexing *indexing // nil for a delete
	former   formerWords
	record   versionRecord // without position and time
}

// indexing is the memory in which the index values and keys of a version are made. It serves one
// change after another.
type indexing struct {
	packer packer // its list: the values
	keys   keyList
	links  []byte
	words  wordKeys
}

var indexings = sync.Pool{New: func() any { return new(indexing) }}

// keptIndexing is how many bytes of keys a resource may have for its memory to serve another.
const keptIndexing = 64 << 10

// release gives back the memory that landed changes were made in. Nothing made from them refers to
// it, nor it to the resources.
func release(changes []prepared) {
	for i := range changes {
		if x := changes[i].indexing; x != nil && max(cap(x.keys.arena), cap(x.words.arena)) <= keptIndexing {
			clear(x.packer.list)
			indexings.Put(x)
		}
		changes[i].indexing = nil
	}
}

// parallelFrom is how many changes are worth a second goroutine.
const parallelFrom = 16

// prepare does the work of a transaction that needs no order.
func (s *Store) prepare(ctx context.Context, tx store.Transaction) ([]prepared, error) {
	list := make([]prepared, len(tx.Changes))
	if len(list) < parallelFrom {
		for i := range list {
			if err := s.prepareChange(&list[i], &tx.Changes[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(list) {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := s.prepareChange(&list[i], &tx.Changes[i]); err != nil {
					return err
				}
			}
		})
	}
	return list, group.Wait()
}

func (s *Store) prepareChange(p *prepared, c *store.Change) (err error) {
	p.Change = c
	if p.typ, err = s.dictionary.internType(c.Key.Type); err != nil {
		return err
	}
	if c.Method == store.Delete || c.If.Kind == store.IfVersion && c.If.Version > 0 {
		if err := s.readFormer(p); err != nil {
			return err
		}
	}
	p.record = versionRecord{method: c.Method, typ: p.typ, id: c.Key.ID}
	if c.Method == store.Delete {
		return nil
	}
	p.record.claims = c.Claims
	if err := p.index(s.dictionary, c.Entries); err != nil {
		return err
	}
	var text []byte
	text, p.record.versionAt, p.record.timeAt = c.Content.Parts()
	p.record.size = len(text)
	p.record.idAt = findID(text, c.Key.ID)
	p.record.compressed, p.record.vocabulary = s.vocabularies.compress(nil, p.typ, text)
	if !s.vocabularies.full(p.typ) {
		s.vocabularies.observe(p.typ, text)
	}
	return nil
}

func (p *prepared) index(d *dictionary, entries []search.Entry) error {
	p.indexing = indexings.Get().(*indexing)
	packer, keys := &p.indexing.packer, &p.indexing.keys
	packer.reset(d, p.typ)
	if err := packer.pack(entries); err != nil {
		return err
	}
	narrative, content := entryWords(entries)
	p.indexing.words.derive(p.typ, narrative, content)
	var err error
	if p.indexing.links, err = appendLinks(p.indexing.links[:0], p.Key.ID, packer.out); err != nil {
		return err
	}
	return keys.derive(d, p.typ, packer.out)
}
