package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// kept tells of a store that a run has loaded.
type kept struct {
	Resources int
	Bytes     int64 // of JSON
	Elapsed   time.Duration
}

// loadOrReuse loads, unless the store of a run before is to be used.
func (b *Bench) loadOrReuse(ctx context.Context) error {
	note := filepath.Join(b.Dir, "loaded.json")
	if b.Keep {
		text, err := os.ReadFile(note)
		if err == nil {
			return b.reuse(text)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := b.load(ctx); err != nil {
		return err
	}
	text, err := json.Marshal(kept{b.Resources, b.loaded.bytes, b.loaded.elapsed})
	if err != nil {
		return err
	}
	return os.WriteFile(note, text, 0o600)
}

// reuse takes what the note of a run says.
func (b *Bench) reuse(note []byte) error {
	var k kept
	if err := json.Unmarshal(note, &k); err != nil {
		return err
	}
	if k.Resources != b.Resources {
		return fmt.Errorf("the store in %s has %d resources, not %d", b.Dir, k.Resources, b.Resources)
	}
	fmt.Fprintf(b.Log, "using the store in %s of %d resources\n", b.Dir, k.Resources)
	b.loaded = loaded{k.Bytes, k.Elapsed}
	return nil
}
