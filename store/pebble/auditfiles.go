package pebble

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// auditFiles reads every block of every table from the disk, past the cache, and holds it against its
// checksum: also those that no key leads to, such as the filters that reads trust.
func (a *audit) auditFiles() error {
	levels, err := a.store.db.SSTables()
	if err != nil {
		return a.broken(err)
	}
	options := a.store.engineOptions()
	options.EnsureDefaults()
	for _, level := range levels {
		for _, table := range level {
			if err := a.ctx.Err(); err != nil {
				return err
			}
			a.auditFile(table.BackingSSTNum.String()+".sst", options.MakeReaderOptions())
		}
	}
	return nil
}

// auditFile reads one table. One that is gone was compacted away meanwhile: the engine does not open
// without those it needs.
func (a *audit) auditFile(name string, options sstable.ReaderOptions) {
	err := readTable(a.ctx, a.store.options.fs, filepath.Join(a.store.dir, name), options)
	switch {
	case err == nil || errors.Is(err, fs.ErrNotExist):
	case lsm.IsCorruptionError(err):
		a.report(Problem{Part: "file", Detail: name + " does not read as what was written: a checksum is wrong"})
	default:
		a.report(Problem{Part: "file", Detail: name + " cannot be read"})
	}
}

func readTable(ctx context.Context, files vfs.FS, path string, options sstable.ReaderOptions) (err error) {
	file, err := files.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	table, err := sstable.NewReader(ctx, readable, options)
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	return table.ValidateBlockChecksums()
}
