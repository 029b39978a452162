package pebble

import (
	"bufio"
	"fmt"
	"io"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"
)

// Bare is the storage engine alone, with the settings of a Store but none of its work. Benchmarks
// feed it the batches that a Store wrote (Options.Trace) to tell what the work costs.
type Bare struct {
	db    *lsm.DB
	cache *lsm.Cache
}

// OpenBare opens an engine in a folder: a new one, or that of a Store that is not in use.
func OpenBare(dir string) (*Bare, error) {
	var options Options
	options.EnsureDefaults()
	s := &Store{options: options, cache: lsm.NewCache(cacheSize(dir, options))}
	db, err := lsm.Open(dir, s.engineOptions())
	if err != nil {
		s.cache.Unref()
		return nil, fmt.Errorf("the engine in %s cannot be opened: %w", dir, err)
	}
	return &Bare{db: db, cache: s.cache}, nil
}

// Close closes the engine.
func (b *Bare) Close() error {
	defer b.cache.Unref()
	return b.db.Close()
}

// Apply writes a batch and returns when it is on disk.
func (b *Bare) Apply(representation []byte) error {
	batch := b.db.NewBatch()
	defer batch.Close()
	if err := batch.SetRepr(append([]byte(nil), representation...)); err != nil {
		return err
	}
	return b.db.Apply(batch, lsm.Sync)
}

// Iterate walks all keys and tells how many there are and how long that took.
func (b *Bare) Iterate() (keys int64, elapsed time.Duration, err error) {
	start := time.Now()
	err = b.each(func(*lsm.Iterator) error {
		keys++
		return nil
	})
	return keys, time.Since(start), err
}

// Scan writes all values one after the other and returns how many bytes that were.
func (b *Bare) Scan(to io.Writer) (size int64, err error) {
	out := bufio.NewWriterSize(to, 1<<20)
	err = b.each(func(at *lsm.Iterator) error {
		value, err := at.ValueAndErr()
		if err != nil {
			return err
		}
		size += int64(len(value))
		_, err = out.Write(value)
		return err
	})
	if err != nil {
		return size, err
	}
	return size, out.Flush()
}

func (b *Bare) each(visit func(*lsm.Iterator) error) error {
	at, err := b.db.NewIter(nil)
	if err != nil {
		return err
	}
	for ok := at.First(); ok && err == nil; ok = at.Next() {
		err = visit(at)
	}
	if closing := at.Close(); err == nil {
		err = closing
	}
	return err
}
