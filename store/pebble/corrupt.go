package pebble

import (
	"errors"
	"fmt"

	lsm "github.com/cockroachdb/pebble/v2"
)

// ErrCorrupt is stored data that does not read as what was written. Check tells all of it.
var ErrCorrupt = errors.New("the stored data is damaged")

func corrupt(what string) error { return fmt.Errorf("%w: %s", ErrCorrupt, what) }

func ignoreNotFound(err error) error {
	if errors.Is(err, lsm.ErrNotFound) {
		return nil
	}
	return err
}
