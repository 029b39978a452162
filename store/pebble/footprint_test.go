package pebble

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kiln/store"
)

// BenchmarkFootprint loads KILN_BENCH_RESOURCES resources, changes every twentieth, and reports what
// the store takes on disk for each byte of JSON, in memory, and how long it takes to open again.
func BenchmarkFootprint(b *testing.B) {
	dir := b.TempDir()
	s, err := Open(dir, Options{Parameters: testParameters()})
	if err != nil {
		b.Fatal(err)
	}
	count := benchDocuments()
	h := &hospital{rand.New(rand.NewPCG(1, 2)), max(1, count/10)}
	size := 0
	var changes []store.Change
	start := time.Now()
	commit := func() {
		versions, err := s.Commit(context.Background(), store.Transaction{Changes: changes})
		if err != nil {
			b.Fatal(err)
		}
		for _, v := range versions {
			size += len(v.Body)
		}
		changes = changes[:0]
	}
	for n := range count {
		c := benchChange(h.next(n))
		if changes = append(changes, c); len(changes) == 500 {
			commit()
		}
		if n%20 == 0 {
			commit()
			changes = append(changes, c)
		}
	}
	commit()
	b.ReportMetric(float64(count)/time.Since(start).Seconds(), "resources/s")
	b.ReportMetric(residentMiB(), "MiB-loaded")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(sizeOf(b, dir))/float64(size), "disk/JSON-closed")
	logFiles(b, dir)
	var opening []float64
	for range 5 {
		start = time.Now()
		if s, err = Open(dir, Options{Parameters: testParameters()}); err != nil {
			b.Fatal(err)
		}
		opening = append(opening, float64(time.Since(start).Microseconds())/1000)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(opening)
	b.ReportMetric(opening[2], "ms-open")
	if s, err = Open(dir, Options{Parameters: testParameters()}); err != nil {
		b.Fatal(err)
	}
	if err := s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(sizeOf(b, dir))/float64(size), "disk/JSON-compacted")
	for _, prefix := range []byte("vfeirhnD") {
		used, _ := s.db.EstimateDiskUsage([]byte{prefix}, []byte{prefix + 1})
		b.Logf("%c: %.3f of JSON, %.1f bytes a resource", prefix, float64(used)/float64(size), float64(used)/float64(count))
	}
	b.Logf("JSON: %.1f bytes a resource", float64(size)/float64(count))
	logKinds(b, s, count)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	debug.FreeOSMemory()
	b.ReportMetric(residentMiB(), "MiB-after")
	b.ReportMetric(0, "ns/op")
}

func sizeOf(b *testing.B, dir string) (size int64) {
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil // the engine removes files that it needs no more
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return size
}

// residentMiB is the memory of this process, 0 where the system does not tell.
func residentMiB() float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return float64(n) / 1024
		}
	}
	return 0
}

// logKinds tells what the index keys of each kind take.
func logKinds(b *testing.B, s *Store, count int) {
	it, err := s.db.NewIter(bounds([]byte{keyIndex}))
	if err != nil {
		b.Fatal(err)
	}
	defer it.Close()
	number, size := map[byte]int{}, map[byte]int{}
	for ok := it.First(); ok; ok = it.Next() {
		kind := it.Key()[indexPrefixSize]
		number[kind]++
		size[kind] += len(it.Key())
	}
	for kind := range number {
		b.Logf("index %c: %.2f keys a resource, %.1f bytes each", kind, float64(number[kind])/float64(count), float64(size[kind])/float64(number[kind]))
	}
}

// logFiles tells what the files of each kind take.
func logFiles(b *testing.B, dir string) {
	files, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	number, size := map[string]int{}, map[string]int64{}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			b.Fatal(err)
		}
		number[filepath.Ext(f.Name())]++
		size[filepath.Ext(f.Name())] += info.Size()
	}
	for kind := range number {
		b.Logf("%q: %d files, %.1f MiB", kind, number[kind], float64(size[kind])/(1<<20))
	}
}
