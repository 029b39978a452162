package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// page is a writer that tells what was written to it so far, and in how many pieces.
type page struct {
	mutex  sync.Mutex
	text   bytes.Buffer
	pieces int
}

func (p *page) Write(b []byte) (int, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.pieces++
	return p.text.Write(b)
}

func (p *page) read() (text string, pieces int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.text.String(), p.pieces
}

func TestLog(t *testing.T) {
	open := func(t *testing.T, format string) (*slog.Logger, *page) {
		var p page
		logger, err := newLogger(&p, format, "info")
		if err != nil {
			t.Fatal(err)
		}
		return logger, &p
	}
	t.Run("AWarningTakesTheLinesBeforeItAlong", func(t *testing.T) {
		for _, format := range []string{"text", "json"} {
			logger, p := open(t, format)
			logger.With("part", "x").WithGroup("g").Info("first")
			logger.Info("second")
			logger.Warn("third")
			text, pieces := p.read()
			if strings.Count(text, "\n") != 3 || pieces != 1 {
				t.Errorf("%s: %d pieces: %s", format, pieces, text)
			}
			if a, b := strings.Index(text, "first"), strings.Index(text, "third"); a < 0 || b < a {
				t.Errorf("%s: out of order: %s", format, text)
			}
		}
	})
	t.Run("ALineComesOutWithoutAnother", func(t *testing.T) {
		logger, p := open(t, "text")
		logger.Info("alone")
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(logDelay / 10) {
			if text, _ := p.read(); strings.Contains(text, "alone") {
				return
			}
		}
		t.Error("the line never came")
	})
	t.Run("NoLineIsLostOrTornWithManyWriters", func(t *testing.T) {
		logger, p := open(t, "text")
		const writers, lines = 16, 500
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				for n := range lines {
					logger.Info("request", slog.String("id", fmt.Sprintf("%d-%d", w, n)))
				}
			})
		}
		group.Wait()
		flushLog(logger)
		text, pieces := p.read()
		if pieces >= writers*lines/10 {
			t.Errorf("%d lines in %d pieces", writers*lines, pieces)
		}
		next := make([]int, writers)
		for line := range strings.Lines(text) {
			var w, n int
			if _, err := fmt.Sscanf(line[strings.Index(line, "id="):], "id=%d-%d\n", &w, &n); err != nil {
				t.Fatalf("%v: %q", err, line)
			}
			if next[w] != n {
				t.Fatalf("writer %d: line %d where %d was expected", w, n, next[w])
			}
			next[w]++
		}
		for w, n := range next {
			if n != lines {
				t.Errorf("writer %d: %d lines", w, n)
			}
		}
	})
}
