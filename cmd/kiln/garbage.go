package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Bounds for commands that work through a lot and end: how much garbage may gather, in percent of
// what is in use, and the size of memory at which it may not any more. Loading 40,000 resources took
// 15 % less of the processors than with Go's 100 %.
const (
	bulkPercent = 400
	bulkMemory  = 1 << 30
)

// collectRarely lets garbage gather for the time of a bulk command. What the environment says
// (GOGC, GOMEMLIMIT: https://pkg.go.dev/runtime) goes before.
func collectRarely() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(bulkMemory)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(bulkPercent)
	}
}

// servedMemory is how much a server holds on to, beside the cache of the storage engine, which the
// garbage collector does not see.
const servedMemory = 160 << 20

// servedPercent is how much garbage a server lets gather, in percent of what is in use. What is in use
// of Go's memory is small, so with Go's 100 % the collector runs often under load and takes its share
// of processors from requests; tidy bounds what this costs in memory.
const servedPercent = 200

// collectSeldom sets servedPercent, unless the environment says otherwise (GOGC).
func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(servedPercent)
	}
}

// tidyEvery is how often a server looks whether it holds on to too much.
const tidyEvery = time.Second

// tidy gives back, until ctx ends, what a burst has left behind. After a transaction of tens of
// megabytes the collector waits for as much garbage again before it runs, and the system is given
// back little at a time; meanwhile the memory is missed elsewhere. A limit (GOMEMLIMIT) instead
// would make the collector run without end while such a transaction is under way.
func tidy(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	enough := uint64(servedMemory)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			enough = giveBack(enough)
		}
	}
}

// giveBack collects and returns memory if more than enough is held, and says what is enough from now
// on: where much is in use for long, half as much again, so that trying is rare.
func giveBack(enough uint64) uint64 {
	if held() <= enough {
		return max(servedMemory, enough-enough/8)
	}
	debug.FreeOSMemory()
	return max(servedMemory, held()*3/2)
}

// held is the memory that the Go runtime has of the system, in bytes.
func held() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
