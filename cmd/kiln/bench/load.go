package bench

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// loaded is what loading took.
type loaded struct {
	bytes   int64 // of JSON
	elapsed time.Duration
}

// load makes the records, as one NDJSON file, and runs `kiln load` on it.
func (b *Bench) load(ctx context.Context) error {
	file := filepath.Join(b.Dir, "records.ndjson")
	size, err := b.writeRecords(file, b.Resources)
	if err != nil {
		return err
	}
	defer os.Remove(file)
	fmt.Fprintf(b.Log, "loading %d resources (%d MB)\n", b.Resources, size>>20)
	start := time.Now()
	if err := b.kiln(ctx, "load", file, "--store", b.store); err != nil {
		return err
	}
	b.loaded = loaded{size, time.Since(start)}
	return nil
}

func (b *Bench) writeRecords(name string, n int) (size int64, err error) {
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	for i := range n {
		body := b.Hospital.At(i, n).Body
		size += int64(len(body)) + 1
		if _, err := out.Write(body); err != nil {
			return 0, err
		}
		if err := out.WriteByte('\n'); err != nil {
			return 0, err
		}
	}
	return size, out.Flush()
}

// kiln runs a command of this binary to its end.
func (b *Bench) kiln(ctx context.Context, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if text, err := exec.CommandContext(ctx, self, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("kiln %s: %w: %s", args[0], err, text)
	}
	return nil
}

// diskSize is what a folder takes, in bytes.
func diskSize(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
