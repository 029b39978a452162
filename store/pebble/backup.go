package pebble

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/zstd"
)

// A backup is a tar of the engine's files, compressed with zstd. Its first entry names the format and
// its last one says that nothing is missing.
const (
	backupHead = "kiln-backup"
	backupTail = "kiln-backup-end"
)

// Backup writes a consistent copy of the store while it serves: everything that was acknowledged
// before the call, and whole transactions only. The error of a full disk or a closed connection is
// that of w.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	var name [8]byte
	_, _ = rand.Read(name[:]) // never fails
	dir := filepath.Join(s.dir, checkpointPrefix+hex.EncodeToString(name[:]))
	defer func() { _ = s.options.fs.RemoveAll(dir) }()
	if err := s.db.Checkpoint(dir, lsm.WithFlushedWAL()); err != nil {
		return fmt.Errorf("the copy to back up cannot be made: %w", err)
	}
	compressed, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	if err := s.pack(ctx, tar.NewWriter(compressed), dir); err != nil {
		_ = compressed.Close()
		return err
	}
	return compressed.Close()
}

// pack writes the files of a checkpoint.
func (s *Store) pack(ctx context.Context, t *tar.Writer, dir string) error {
	if err := writeEntry(t, backupHead, []byte(formatVersion)); err != nil {
		return err
	}
	names, err := s.options.fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.packFile(ctx, t, dir, name); err != nil {
			return fmt.Errorf("the file %s cannot be backed up: %w", name, err)
		}
	}
	if err := writeEntry(t, backupTail, nil); err != nil {
		return err
	}
	return t.Close()
}

func writeEntry(t *tar.Writer, name string, content []byte) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := t.Write(content)
	return err
}

func (s *Store) packFile(ctx context.Context, t *tar.Writer, dir, name string) error {
	f, err := s.options.fs.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(t, readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return f.Read(p)
	}))
	return err
}

type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Restore makes a store from a backup in a folder that must be missing or empty. It appears whole or
// not at all: an error, such as that of a backup that is cut short, leaves the folder as it was.
func Restore(r io.Reader, dir string) error {
	dir = filepath.Clean(dir)
	if names, err := os.ReadDir(dir); err == nil && len(names) > 0 {
		return fmt.Errorf("the folder %s is not empty", dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return err
	}
	made, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".restore-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(made)
	if err := unpackBackup(r, made); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(made, dir); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(dir), vfs.Default)
}

func unpackBackup(r io.Reader, dir string) error {
	compressed, err := zstd.NewReader(r)
	if err != nil {
		return err
	}
	defer compressed.Close()
	t := tar.NewReader(compressed)
	for first := true; ; first = false {
		header, err := t.Next()
		if errors.Is(err, io.EOF) && !first {
			return errors.New("the backup is cut short")
		}
		if err != nil {
			return fmt.Errorf("this is no backup of a store, or it is damaged: %w", err)
		}
		switch {
		case first:
			if err := readBackupHead(header, t); err != nil {
				return err
			}
		case header.Name == backupTail:
			if _, err := io.Copy(io.Discard, compressed); err != nil { // its checksum is at the end
				return fmt.Errorf("the backup is damaged: %w", err)
			}
			return syncFolder(dir, vfs.Default)
		default:
			if err := unpackFile(t, header, dir); err != nil {
				return err
			}
		}
	}
}

func readBackupHead(header *tar.Header, r io.Reader) error {
	if header.Name != backupHead {
		return errors.New("this is no backup of a store")
	}
	format, err := io.ReadAll(io.LimitReader(r, 256))
	if err != nil {
		return err
	}
	if string(format) != formatVersion {
		return fmt.Errorf("the backup has the format %q, and this program reads %q; use the program that wrote it", format, formatVersion)
	}
	return nil
}

// unpackFile writes one file, which may lie nowhere but in the folder itself.
func unpackFile(r io.Reader, header *tar.Header, dir string) error {
	name := header.Name
	if name == "" || name != path.Base(name) || strings.ContainsAny(name, `/\:`) || strings.HasPrefix(name, ".") || header.Typeflag != tar.TypeReg {
		return fmt.Errorf("the backup holds a file that is none of a store: %q", name)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r) //nolint:gosec // as large as the person who restores it asked for
	return errors.Join(err, f.Sync(), f.Close())
}
