package pebble

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"

	lsm "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// engineOptions tune Pebble for what is stored: many small keys, resources that are compressed
// already, point reads by id and short scans.
func (s *Store) engineOptions() *lsm.Options {
	o := &lsm.Options{
		FS:                          s.options.fs,
		Lock:                        s.lock,
		Cache:                       s.cache,
		FormatMajorVersion:          lsm.FormatValueSeparation,
		MemTableSize:                8 << 20, // what is in it is read from the log after a crash
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                1024,
		CompactionConcurrencyRange:  func() (int, int) { return 1, max(1, runtime.GOMAXPROCS(0)/2) },
		BytesPerSync:                1 << 20,
		Logger:                      engineLogger{s.options.Logger, s.options.fatal},
	}
	for i := range o.Levels {
		o.Levels[i] = lsm.LevelOptions{
			BlockSize:      8 << 10,
			IndexBlockSize: 32 << 10,
			FilterPolicy:   bloom.FilterPolicy(10),
		}
	}
	o.ApplyCompressionSettings(func() lsm.DBCompressionSettings { return lsm.DBCompressionBalanced })
	o.EventListener = &lsm.EventListener{
		DataCorruption: func(info lsm.DataCorruptionInfo) {
			s.options.Logger.Error("a file of the store is damaged", "file", info.Path)
		},
		BackgroundError: func(err error) { s.options.Logger.Error("the storage engine reports a failure", "error", err) },
	}
	return o
}

// engineLogger passes on what Pebble has to say in earnest; its daily chatter is dropped.
type engineLogger struct {
	*slog.Logger
	end func(string)
}

// Infof implements lsm.Logger.
func (l engineLogger) Infof(string, ...any) {}

// Errorf implements lsm.Logger.
func (l engineLogger) Errorf(format string, args ...any) {
	l.Log(context.Background(), slog.LevelError, fmt.Sprintf(format, args...))
}

// Fatalf implements lsm.Logger. The engine cannot go on: what was acknowledged is on disk, and the
// next start reads it.
func (l engineLogger) Fatalf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	l.Log(context.Background(), slog.LevelError, "the storage engine cannot go on", "error", message)
	l.end(message)
	panic(message)
}
