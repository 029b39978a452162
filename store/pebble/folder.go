package pebble

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// prepareFolder makes the folder and locks it against other processes.
func prepareFolder(dir string, fs vfs.FS) (*lsm.Lock, error) {
	if err := makeFolder(dir, fs); err != nil {
		return nil, fmt.Errorf("the folder %s cannot be made: %w", dir, err)
	}
	if err := refuseForeign(dir, fs); err != nil {
		return nil, err
	}
	lock, err := lsm.LockDirectory(dir, fs)
	if err != nil {
		return nil, fmt.Errorf("the store in %s is in use by another process, or may not be written by this user: %w", dir, err)
	}
	if err := clearCheckpoints(dir, fs); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("an unfinished backup in %s cannot be removed: %w", dir, err)
	}
	return lock, nil
}

// makeFolder makes the folder with those above it, so that a power loss does not take it away again.
func makeFolder(dir string, fs vfs.FS) error {
	var missing []string
	for at := dir; ; at = fs.PathDir(at) {
		if _, err := fs.Stat(at); err == nil || fs.PathDir(at) == at {
			break
		}
		missing = append(missing, at)
	}
	if err := fs.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, made := range missing {
		if err := syncFolder(fs.PathDir(made), fs); err != nil {
			return err
		}
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string, fs vfs.FS) error {
	f, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// refuseForeign keeps the store out of folders that hold something else.
func refuseForeign(dir string, fs vfs.FS) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("the folder %s cannot be read: %w", dir, err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "marker.") || strings.HasPrefix(name, "MANIFEST-") || name == "LOCK" {
			return nil
		}
	}
	for _, name := range names {
		if !strings.HasPrefix(name, ".") && name != "lost+found" {
			return fmt.Errorf("the folder %s holds other files (%s) and no store; name an empty or a new one", dir, name)
		}
	}
	return nil
}

// checkpointPrefix begins the names of the folders that Backup makes for a while.
const checkpointPrefix = "checkpoint-"

func clearCheckpoints(dir string, fs vfs.FS) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, checkpointPrefix) {
			if err := fs.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}
