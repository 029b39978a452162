package bench

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// bundles is the part of row 3 that takes transactions from files, of the sizes that they have:
// against the engine fed with what they wrote, by how often either goes through all of them. Left
// out when no folder was named.
func (b *Bench) bundles(ctx context.Context) error {
	if b.Bundles == "" {
		fmt.Fprintln(b.Log, "bundles: left out, no folder was named")
		return nil
	}
	texts, err := readBundles(b.Bundles)
	if err != nil {
		return err
	}
	batches, err := b.capture(ctx, "capture-bundles", texts)
	if err != nil {
		return err
	}
	engine, err := b.bare("engine-bundles")
	if err != nil {
		return err
	}
	defer engine.Close()
	requests := make([][]byte, len(texts))
	size := 0
	for i, text := range texts {
		requests[i] = Send("POST", "/fhir", text)
		size += len(text)
	}
	var next atomic.Int64
	load := Load{
		Address: b.server.Address, Clients: 8, Length: 2 * b.Length, Accept: 200,
		Next: func(int, *rand.Rand) []byte { return requests[int(next.Add(1)-1)%len(requests)] },
	}
	var ratios, rates []float64
	for range b.Rounds {
		bare, err := feed(engine, batches, 8, 2*b.Length)
		if err != nil {
			return err
		}
		result := load.Run(ctx)
		if result.Errors > 0 {
			return fmt.Errorf("%d bundles failed: %w", result.Errors, result.First)
		}
		passes := result.Rate() / float64(len(requests))
		ratios = append(ratios, passes/(bare/float64(len(batches))))
		rates = append(rates, passes*float64(size)/1e6)
	}
	b.Report.AtLeast(3, "bundles from files, 8 clients ÷ engine alone, by equal bytes", median(ratios), 0.25,
		fmt.Sprintf("%.1f MB/s", median(rates)), "")
	return nil
}

// readBundles reads the JSON files of a folder, which may be compressed with gzip.
func readBundles(dir string) ([][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var texts [][]byte
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasSuffix(strings.TrimSuffix(name, ".gz"), ".json") {
			continue
		}
		text, err := readBundle(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("%s holds no .json or .json.gz files", dir)
	}
	return texts, nil
}

func readBundle(path string) (text []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, z.Close()) }()
		r = z
	}
	return io.ReadAll(r)
}
