package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"kiln/conformance/validation"
	"kiln/resources"
)

// parse is row 9: reading and validating resources, on one core.
func (b *Bench) parse(ctx context.Context) error {
	validator, err := validation.New(validation.Options{})
	if err != nil {
		return err
	}
	const n = 2000
	var made [][]byte
	var size int
	for i := range n {
		body := b.Hospital.At(i, n).Body
		made = append(made, body)
		size += len(body)
	}
	check := func() error {
		for _, body := range made {
			doc, err := resources.Parse(body)
			if err != nil {
				return err
			}
			root, err := doc.Resource()
			if err != nil {
				return err
			}
			for _, issue := range validator.Validate(ctx, root) {
				if issue.Severity == "error" {
					return fmt.Errorf("a made resource is not valid: %s: %s", issue.Expression, issue.Diagnostics)
				}
			}
		}
		return nil
	}
	if err := check(); err != nil { // also compiles what is compiled once
		return err
	}
	var rates []float64
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range b.Rounds {
		start := time.Now()
		if err := check(); err != nil {
			return err
		}
		rates = append(rates, float64(size)/1e6/time.Since(start).Seconds())
	}
	runtime.ReadMemStats(&after)
	allocations := float64(after.Mallocs-before.Mallocs) / float64(b.Rounds*n) * 2048 * n / float64(size)
	b.Report.AtLeast(9, "parse + base validation, MB/s a core", median(rates), 60, "", "")
	b.Report.AtMost(9, "parse + base validation, allocations for 2 KB", allocations, 40, "", "")
	return nil
}

// memory is rows 10 and 11: resident memory idle and after loading, and the disk that is taken.
func (b *Bench) memory(ctx context.Context) error {
	idle, err := Start(ctx, "serve", "--listen", "127.0.0.1:0", "--store", b.store+"-idle", "--auth", "off")
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	resident := idle.Memory()
	if err := idle.Stop(); err != nil {
		return err
	}
	b.Report.AtMost(10, "memory of an idle server, MB", megabytes(resident), 120, "", "")
	disk, err := diskSize(b.store)
	if err != nil {
		return err
	}
	b.Report.AtMost(11, "disk ÷ JSON bytes loaded", float64(disk)/float64(b.loaded.bytes), 0.7, fmt.Sprintf("%.0f MB", megabytes(disk)), "")
	return nil
}

// resident is the rest of row 10, after all the reading and writing of a run. The server has the time
// to tidy up after the last request.
func (b *Bench) resident(context.Context) error {
	time.Sleep(tidying)
	target := 300.0
	if b.Resources >= 1_000_000 {
		target = 600
	}
	b.Report.AtMost(10, fmt.Sprintf("memory after the load, %d resources, MB", b.Resources), megabytes(b.server.Memory()), target, "", "")
	return nil
}

// tidying is how long a server may take to give back what a request needed.
const tidying = 3 * time.Second

func megabytes(n int64) float64 { return float64(n) / 1e6 }
