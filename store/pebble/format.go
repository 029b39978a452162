package pebble

import (
	"errors"
	"fmt"
	"slices"

	lsm "github.com/cockroachdb/pebble/v2"
)

// formatVersion is the layout of keys and values. A store written in another is refused.
const formatVersion = "kiln 4"

// formerFormats lack keys that Repair adds: the first dated postings, the first two what searches of later
// versions ask for, such as words, and all of them links.
var formerFormats = []string{"kiln 1", "kiln 2", "kiln 3"}

var (
	metaFormat   = []byte{keyMeta, 'f'}
	metaRevision = []byte{keyMeta, 'r'} // last revision given to a record
)

// checkFormat refuses a layout that this program does not know, and marks a new store with its own.
func (s *Store) checkFormat() error {
	value, closer, err := s.db.Get(metaFormat)
	if err == nil {
		defer closer.Close()
		switch former := slices.Contains(formerFormats, string(value)); {
		case former && s.options.Former:
			return nil
		case former:
			return fmt.Errorf("it has the format %q of an earlier version; `kiln check --repair` brings it to %q, which that version does not read", value, formatVersion)
		case string(value) != formatVersion:
			return fmt.Errorf("it has the format %q, and this program reads %q; use the program that wrote it", value, formatVersion)
		}
		return nil
	}
	if !errors.Is(err, lsm.ErrNotFound) {
		return err
	}
	it, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer it.Close()
	if it.First() {
		return errors.New("it is a Pebble database of another program")
	}
	if err := it.Error(); err != nil {
		return err
	}
	return s.db.Set(metaFormat, []byte(formatVersion), lsm.Sync)
}
