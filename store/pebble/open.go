package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"kiln/search"
	"kiln/store"
)

// Options are the settings of the engine. The zero value is useful.
type Options struct {
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Parameters make index values from resources again: Repair and Check use them. Without them
	// both take the stored index values as given.
	Parameters *search.Parameters
	// CacheSize is how many bytes of blocks are held in memory. If 0 it is half of what the store has on disk
	// when it is opened, at least 64 MiB and at most 256.
	CacheSize int64
	// SearchRows is how many rows of the index and resources one search may look at before it fails with
	// a *store.CostError; 5,000,000 if 0, no bound if negative.
	SearchRows int64
	// Former opens a store of the formats before as well. Its index lacks what the format has since got, so
	// that nothing but Repair is to be done with it.
	Former bool
	// Logger hears of damage and of the engine's failures; slog.Default() if nil. It is told nothing
	// of what is stored.
	Logger *slog.Logger
	// Trace is shown every batch as it is applied, for benchmarks that feed the same to a Bare engine.
	// It must not keep or change it, and holds up all writers.
	Trace func(representation []byte)

	fs    vfs.FS           // the operating system's if nil
	fatal func(msg string) // ends the process if nil
}

// EnsureDefaults fills in what was left out.
func (o *Options) EnsureDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SearchRows == 0 {
		o.SearchRows = mostRows
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.fs == nil {
		o.fs = vfs.Default
	}
	if o.fatal == nil {
		o.fatal = func(string) { os.Exit(1) }
	}
}

// Store is the engine. It implements store.Store.
type Store struct {
	reader
	options      Options
	dir          string
	db           *lsm.DB
	lock         *lsm.Lock
	cache        *lsm.Cache
	dictionary   *dictionary
	vocabularies *vocabularies
	lastUpdated  code // of the parameter _lastUpdated

	gate   sync.RWMutex // held for reading by every call; Close takes it
	closed bool
	done   chan struct{} // closed by Close
	frozen map[*frozen]struct{}
	views  sync.Mutex // guards frozen

	landing  sync.Mutex // held by whoever judges and applies a transaction
	counters counters   // guarded by landing
	durable  durable
	failed   atomic.Pointer[error]

	reindexing sync.Mutex // held by a step of a reindex, and by Repair; before landing
	reindexed  bool       // there may be something that is not on disk; guarded by reindexing

	previews atomic.Uint64
}

var _ store.Store = (*Store)(nil)

// counters are what the next commit goes on from.
type counters struct {
	document    uint64 // last one given
	position    uint64 // of the newest version
	lastUpdated int64  // of the newest version, in milliseconds
	revision    uint64 // last one given to a record
	live        map[code]int64
}

// Open opens the store in a folder, making it if there is none. The error is a sentence for the
// person who named the folder: it is in use by another process, holds something else, was written in
// a format that this program does not know, or is damaged where it must be read first (ErrCorrupt).
func Open(dir string, options Options) (*Store, error) {
	options.EnsureDefaults()
	s := &Store{options: options, dir: dir, done: make(chan struct{}), frozen: map[*frozen]struct{}{}}
	s.reader.store = s
	var err error
	if s.lock, err = prepareFolder(dir, options.fs); err != nil {
		return nil, err
	}
	s.cache = lsm.NewCache(cacheSize(dir, options))
	if s.db, err = lsm.Open(dir, s.engineOptions()); err == nil {
		err = s.start()
	}
	if err != nil {
		_ = s.shut()
		return nil, fmt.Errorf("the store in %s cannot be opened: %w", dir, s.damage(err))
	}
	return s, nil
}

// damage turns what the engine says of a broken file into a sentence for people; the log keeps the rest.
func (s *Store) damage(err error) error {
	if !lsm.IsCorruptionError(err) {
		return err
	}
	s.options.Logger.Error("a file of the store is damaged", "error", err)
	return corrupt("a file does not read as what was written; a backup brings back what was in it")
}

// shut gives back the database, the cache and the lock.
func (s *Store) shut() (err error) {
	if s.vocabularies != nil {
		s.vocabularies.training.Wait()
	}
	if s.db != nil {
		err = s.db.Close()
	}
	s.cache.Unref()
	return errors.Join(err, s.lock.Close())
}

// start reads what the store goes on from.
func (s *Store) start() (err error) {
	if err := s.checkFormat(); err != nil {
		return err
	}
	if s.dictionary, err = openDictionary(s.db); err != nil {
		return err
	}
	if s.vocabularies, err = openVocabularies(s.db); err != nil {
		return err
	}
	if s.lastUpdated, err = s.dictionary.internParameter(&search.Parameter{
		Base: "Resource", Code: "_lastUpdated", Type: search.TypeDate,
	}); err != nil {
		return err
	}
	if s.counters, err = readCounters(s.db, s.dictionary); err != nil {
		return err
	}
	s.durable.start(s.counters.position)
	return nil
}

// readCounters finds the last of everything.
func readCounters(src source, d *dictionary) (c counters, err error) {
	c.live = map[code]int64{}
	if key, err := lastKey(src, keyVersion); err != nil {
		return c, err
	} else if document, _, ok := readDocumentKey(key); ok {
		c.document = document
	}
	if c.position, c.lastUpdated, err = lastInFeed(src); err != nil {
		return c, err
	}
	if c.revision, err = getNumber(src, metaRevision); err != nil {
		return c, err
	}
	for _, typ := range d.types() {
		n, err := getNumber(src, liveKey(nil, typ))
		if err != nil {
			return c, err
		}
		if n > 0 {
			c.live[typ] = int64(n)
		}
	}
	return c, nil
}

// lastKey is the last key that begins with a byte; nil if there is none.
func lastKey(src source, prefix byte) ([]byte, error) {
	it, err := src.NewIter(&lsm.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	if !it.Last() {
		return nil, it.Error()
	}
	return append([]byte(nil), it.Key()...), nil
}

// getNumber reads an 8-byte value, 0 if there is none.
func getNumber(src source, key []byte) (uint64, error) {
	value, closer, err := src.Get(key)
	if err != nil {
		return 0, ignoreNotFound(err)
	}
	defer closer.Close()
	if len(value) != 8 {
		return 0, corrupt("a counter")
	}
	return binary.BigEndian.Uint64(value), nil
}

// Close implements store.Store. What the log holds is flushed, so that the next Open is quick.
func (s *Store) Close() error {
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.done)
	s.vocabularies.training.Wait()
	s.views.Lock()
	for f := range s.frozen {
		f.release()
	}
	clear(s.frozen)
	s.views.Unlock()
	if failed := s.failed.Load(); failed != nil {
		return s.lock.Close() // the engine is beyond flushing; its log is read at the next Open
	}
	return errors.Join(s.db.Flush(), s.shut())
}
