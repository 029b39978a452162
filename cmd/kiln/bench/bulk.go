package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"kiln/resources"
	"kiln/store/pebble"
)

// count is row 7: counting one code against iterating as many keys of the bare engine.
func (b *Bench) count(ctx context.Context) error {
	engine, err := b.bare("engine-count")
	if err != nil {
		return err
	}
	defer engine.Close()
	bundles := [][]byte{}
	r := rand.New(rand.NewPCG(4, 4))
	for range 20 {
		bundles = append(bundles, b.transactionOf(100, r))
	}
	batches, err := b.capture(ctx, "capture-count", bundles)
	if err != nil {
		return err
	}
	for _, batch := range batches {
		if err := engine.Apply(batch); err != nil {
			return err
		}
	}
	path := "/fhir/Observation?code=" + Code(0) + "&_summary=count"
	var ratios, rates []float64
	for range b.Rounds {
		keys, elapsed, err := engine.Iterate()
		if err != nil {
			return err
		}
		bare := float64(keys) / elapsed.Seconds()
		result := b.gets(1, func(*rand.Rand) string { return path }).Run(ctx)
		if result.Errors > 0 {
			return result.First
		}
		total, err := b.total(ctx, path)
		if err != nil {
			return err
		}
		ratios, rates = append(ratios, result.Rate()*float64(total)/bare), append(rates, result.Rate()*float64(total))
	}
	b.Report.AtLeast(7, "_summary=count on one code, matches/s ÷ keys/s of the engine", median(ratios), 0.80, perSecond(median(rates))+" matches", "")
	return nil
}

func (b *Bench) total(ctx context.Context, path string) (total int64, err error) {
	answer, err := Capture(ctx, b.server.Address, path)
	if err != nil {
		return 0, err
	}
	doc, err := resources.Parse(answer.Body)
	if err != nil {
		return 0, err
	}
	total, err = strconv.ParseInt(doc.Text(doc.Member(0, "total")), 10, 64)
	if err == nil && total == 0 {
		err = fmt.Errorf("%s finds nothing", path)
	}
	return total, err
}

// export is row 8: `kiln export` against a scan of the engine to a file, and `kiln load` against
// the engine fed with batches of 100.
func (b *Bench) export(ctx context.Context) error {
	if err := b.server.Stop(); err != nil {
		return err
	}
	out := filepath.Join(b.Dir, "export")
	start := time.Now()
	if err := b.kiln(ctx, "export", out, "--store", b.store); err != nil {
		return err
	}
	elapsed := time.Since(start)
	size, err := diskSize(out)
	if err != nil {
		return err
	}
	scanned, scan, err := b.scan()
	if err != nil {
		return err
	}
	rate, bare := float64(size)/elapsed.Seconds(), float64(scanned)/scan.Seconds()
	b.Report.AtLeast(8, "export, bytes/s of JSON ÷ scan of the engine to a file", rate/bare, 0.60, fmt.Sprintf("%.0f MB/s", rate/1e6), fmt.Sprintf("the scan does %.0f MB/s of stored bytes", bare/1e6))
	if err := b.loadRatio(ctx); err != nil {
		return err
	}
	return b.startServer(ctx)
}

func (b *Bench) scan() (int64, time.Duration, error) {
	engine, err := pebble.OpenBare(b.store)
	if err != nil {
		return 0, 0, err
	}
	defer engine.Close()
	f, err := os.Create(filepath.Join(b.Dir, "scan"))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	start := time.Now()
	n, err := engine.Scan(f)
	return n, time.Since(start), err
}

func (b *Bench) loadRatio(ctx context.Context) error {
	r := rand.New(rand.NewPCG(5, 5))
	var bundles [][]byte
	for range captured {
		bundles = append(bundles, b.transactionOf(100, r))
	}
	batches, err := b.capture(ctx, "capture-load", bundles)
	if err != nil {
		return err
	}
	engine, err := b.bare("engine-load")
	if err != nil {
		return err
	}
	defer engine.Close()
	bare, err := feed(engine, batches, 1, 3*b.Length)
	if err != nil {
		return err
	}
	rate := float64(b.Resources) / b.loaded.elapsed.Seconds()
	b.Report.AtLeast(8, "kiln load of NDJSON, resources/s ÷ engine in batches of 100", rate/(bare*100), 0.50, perSecond(rate), fmt.Sprintf("%.1f MB/s", float64(b.loaded.bytes)/1e6/b.loaded.elapsed.Seconds()))
	return nil
}

// start is row 13: from the start of the process to the line that says it listens.
func (b *Bench) start(ctx context.Context) error {
	var times []float64
	for range b.Rounds {
		if err := b.server.Stop(); err != nil {
			return err
		}
		if err := b.startServer(ctx); err != nil {
			return err
		}
		times = append(times, float64(b.server.Ready.Microseconds())/1000)
	}
	b.Report.AtMost(13, fmt.Sprintf("start to ready with %d resources, ms", b.Resources), median(times), 300, "", "")
	return nil
}
