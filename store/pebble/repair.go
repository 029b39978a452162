package pebble

import (
	"bytes"
	"errors"
	"fmt"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

func unrepaired(n int) error {
	return fmt.Errorf("%d problems could not be repaired; `kiln check` lists them, and a backup may have what is lost", n)
}

// repairBatch is how many bytes of repairs are applied at once.
const repairBatch = 4 << 20

// apply writes the repairs so far.
func (a *audit) apply() error {
	if a.fix == nil || a.fix.Empty() {
		return nil
	}
	if err := a.store.db.Apply(a.fix, lsm.NoSync); err != nil {
		return err
	}
	a.fix = a.store.db.NewBatch()
	return nil
}

// expect reports a key that does not have its value, and sets it in a repair.
func (a *audit) expect(key, value []byte, p Problem) error {
	found, closer, err := a.src.Get(key)
	if err == nil {
		same := bytes.Equal(found, value)
		_ = closer.Close()
		if same {
			return nil
		}
	} else if !errors.Is(err, lsm.ErrNotFound) && a.fix == nil {
		return a.broken(err)
	}
	return a.set(key, value, p)
}

// set reports a problem that is repaired by writing a key.
func (a *audit) set(key, value []byte, p Problem) error {
	p.Repaired = a.fix != nil
	a.report(p)
	if a.fix == nil {
		return nil
	}
	if err := a.fix.Set(key, value, nil); err != nil {
		return err
	}
	return a.applyMuch()
}

// remove reports a problem that is repaired by removing a key.
func (a *audit) remove(key []byte, p Problem) error {
	p.Repaired = a.fix != nil
	a.report(p)
	if a.fix == nil {
		return nil
	}
	if err := a.fix.Delete(key, nil); err != nil {
		return err
	}
	return a.applyMuch()
}

func (a *audit) applyMuch() error {
	if a.fix.Len() < repairBatch {
		return nil
	}
	return a.apply()
}

// broken turns damage of a file into a problem; any other error ends the audit.
func (a *audit) broken(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrCorrupt) || lsm.IsCorruptionError(err) {
		a.report(Problem{Part: "file", Detail: "a part of it does not read: " + err.Error()})
		return nil
	}
	return err
}

func (a *audit) problem(part, detail string, key store.Key, version int64) Problem {
	return Problem{Part: part, Detail: detail, Key: key, Version: version}
}
