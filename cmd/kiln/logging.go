package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// How long a line of the log may wait for others to go out with it, and how many bytes may.
const (
	logDelay = 100 * time.Millisecond
	logRoom  = 32 << 10
)

// newLogger makes the log of a server, in the format and from the level that the flags name. Lines
// of requests are written some at a time, since a write to the system for each takes longer than
// reading a resource; a warning or an error takes all lines before it along at once.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var at slog.Level
	if err := at.UnmarshalText([]byte(level)); err != nil {
		return nil, wrongUsage("--log-level is %q; expected debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: at}
	lines := &logLines{to: w}
	switch format {
	case "text":
		return slog.New(&gathered{slog.NewTextHandler(lines, options), lines}), nil
	case "json":
		return slog.New(&gathered{slog.NewJSONHandler(lines, options), lines}), nil
	}
	return nil, wrongUsage("--log-format is %q; expected text or json", format)
}

// flushLog writes out what a logger of newLogger still holds.
func flushLog(logger *slog.Logger) {
	if g, ok := logger.Handler().(*gathered); ok {
		_ = g.lines.flush()
	}
}

// gathered is a handler whose lines go out together.
type gathered struct {
	slog.Handler
	lines *logLines
}

// Handle implements slog.Handler.
func (g *gathered) Handle(ctx context.Context, r slog.Record) error {
	err := g.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn && err == nil {
		err = g.lines.flush()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (g *gathered) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &gathered{g.Handler.WithAttrs(attrs), g.lines}
}

// WithGroup implements slog.Handler.
func (g *gathered) WithGroup(name string) slog.Handler {
	return &gathered{g.Handler.WithGroup(name), g.lines}
}

// logLines holds written lines until there are many, some time has gone by, or flush is called. A
// reader that does not keep up holds up those who log, as it would without it.
type logLines struct {
	to io.Writer

	mutex sync.Mutex // guards what follows
	held  []byte
	timed bool // a flush is due

	writing sync.Mutex // held while lines go out, so that they stay in order
	spare   []byte     // guarded by writing
}

// Write implements io.Writer. Errors of the writer behind are those of a later call, or nobody's.
func (l *logLines) Write(line []byte) (int, error) {
	l.mutex.Lock()
	l.held = append(l.held, line...)
	full := len(l.held) >= logRoom
	if !full && !l.timed {
		l.timed = true
		time.AfterFunc(logDelay, func() { _ = l.flush() })
	}
	l.mutex.Unlock()
	if full {
		return len(line), l.flush()
	}
	return len(line), nil
}

// flush writes out what is held.
func (l *logLines) flush() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mutex.Lock()
	lines := l.held
	l.held, l.timed = l.spare[:0], false
	l.mutex.Unlock()
	l.spare = lines
	if len(lines) == 0 {
		return nil
	}
	_, err := l.to.Write(lines)
	return err
}
